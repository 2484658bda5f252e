"""What is stored: one frozen dataclass for each row and each struct inside a row.

`schemas.tables` holds the Arrow schemas with the same field names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


def _check_span(what: str, start_s: float, end_s: float) -> None:
    if not (math.isfinite(start_s) and math.isfinite(end_s) and start_s <= end_s):
        raise ValueError(f"{what}: {start_s}..{end_s} s is not a span")


@dataclass(frozen=True, slots=True)
class Shot:
    """Pictures between two cuts, ``[start_s, end_s)``."""

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        _check_span("shot", self.start_s, self.end_s)


@dataclass(frozen=True, slots=True)
class Label:
    """A name for what is seen or heard, with the model's probability."""

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class ScreenText:
    """One line of text read from a keyframe."""

    text: str
    score: float
    time_s: float


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word as written, punctuation included; `score` is its probability."""

    text: str
    start_s: float
    end_s: float
    score: float
    speaker: str | None = None

    def __post_init__(self) -> None:
        _check_span(f"word {self.text!r}", self.start_s, self.end_s)

    @property
    def middle_s(self) -> float:
        return (self.start_s + self.end_s) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Keyframe:
    """A stored picture: JPEG bytes, its vector (D,), what is seen and written in it."""

    time_s: float
    jpeg: bytes
    vector: Vector
    labels: tuple[Label, ...] = ()
    ocr: tuple[ScreenText, ...] = ()


@dataclass(frozen=True, slots=True)
class Chapter:
    start_s: float
    end_s: float
    title: str

    def __post_init__(self) -> None:
        _check_span(f"chapter {self.title!r}", self.start_s, self.end_s)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Who wrote a row.

    Attributes:
        configs: column family -> hash of all that shaped it.
        models: step -> ``name@revision``.
        prompt_hash: hash of the describer's prompt, None where there was none.
        frames_s: times of the frames that the describer saw.
    """

    run_id: str
    version: str
    created_at: datetime
    configs: Mapping[str, str]
    models: Mapping[str, str]
    prompt_hash: str | None = None
    frames_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One row of the scenes table, its provenance apart (the commit adds it).

    `frames_s` are the times of the pictures that the describer was told about, and
    `translated_words` what is said in English, where that was asked for. `mood` is a word
    or two, empty where nobody has told it.
    """

    video_id: str
    index: int
    start_s: float
    end_s: float
    shots: tuple[Shot, ...]
    title: str = ""
    description: str = ""
    labels: tuple[Label, ...] = ()
    ocr: tuple[ScreenText, ...] = ()
    words: tuple[Word, ...] = ()
    audio_events: tuple[Label, ...] = ()
    keyframes: tuple[Keyframe, ...] = ()
    embedding: Vector | None = None
    text_embedding: Vector | None = None
    grounded: bool = False
    language: str | None = None
    frames_s: tuple[float, ...] = ()
    translated_words: tuple[Word, ...] = ()
    mood: str = ""

    def __post_init__(self) -> None:
        _check_span(f"scene {self.index}", self.start_s, self.end_s)

    @property
    def scene_id(self) -> str:
        return f"{self.video_id}-{round(self.start_s * 1000)}"

    @property
    def transcript(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def translation(self) -> str:
        return " ".join(word.text for word in self.translated_words)


@dataclass(frozen=True, slots=True)
class Video:
    """One row of the videos table.

    `summary_grounded`: a sentence of the summary is a model's, and found true; None where
    there is no summary.
    """

    video_id: str
    uri: str
    container: str
    duration_s: float
    width: int | None
    height: int | None
    fps: float | None
    rotation: int
    video_codec: str | None
    audio_codec: str | None
    language: str | None
    n_scenes: int
    n_bytes: int
    provenance: Provenance
    summary: str | None = None
    summary_grounded: bool | None = None
    chapters: tuple[Chapter, ...] = ()
    warnings: tuple[str, ...] = ()
    cuts_s: tuple[float, ...] = ()

    @property
    def has_video(self) -> bool:
        return self.video_codec is not None

    @property
    def has_audio(self) -> bool:
        return self.audio_codec is not None


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer stands: the scene and the words or screen text quoted from it."""

    video_id: str
    scene_id: str
    start_s: float
    end_s: float
    quote: str


@dataclass(frozen=True, slots=True)
class FilmSpan:
    """Seconds ``[start_s, end_s)`` of a film."""

    video_id: str
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        _check_span(f"span of {self.video_id}", self.start_s, self.end_s)


@dataclass(frozen=True, slots=True)
class AnswerFailure:
    """Why a question got no answer."""

    error_type: str
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of the answers table; `video_id` None: asked of the whole lake.

    Attributes:
        answer: None where the question failed.
        choice: letter and text of the option that was chosen, "B) red".
        spans: where it happens, of a question that asks when.
        failure: None where there is an answer.
    """

    question_id: str
    question: str
    answer: str | None
    grounded: bool
    citations: tuple[Citation, ...]
    provenance: Provenance
    video_id: str | None = None
    choice: str | None = None
    spans: tuple[FilmSpan, ...] = ()
    failure: AnswerFailure | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """One input that did not make it, and why."""

    uri: str
    stage: str
    error_type: str
    message: str
    run_id: str
    at: datetime
    video_id: str | None = None
    attempts: int = 1
