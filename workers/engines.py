"""What each kind of engine must do. A new one is a new file that passes its kind's tests.

An engine is made from its section of the configuration, cheaply and anywhere; `setup`
loads its weights, once, in the process that will use it. `model` is ``name@revision``
and is known before `setup`, so that a run can tell what is already done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from scenelake.schemas.arrays import Float32, UInt8
from scenelake.schemas.errors import SceneLakeError
from scenelake.schemas.media import AudioChunk, FrameBatch, Utterance, VisualEncoding
from scenelake.schemas.rows import Citation, FilmSpan, Scene, ScreenText, Word
from scenelake.schemas.story import Story, Summary


class Engine(Protocol):
    """What all engines have.

    One whose configuration may be wrong in ways that only its model tells has `check`, which
    raises a UsageError before a run and loads no weights. A describer or summariser that
    occupies less than others of its kind says so in `resources`.
    """

    @property
    def model(self) -> str:
        """``name@revision`` of the weights; does not load them."""
        ...

    @property
    def weights(self) -> tuple[str, ...]:
        """References of all weights that `setup` loads, as `workers.weights` takes them."""
        ...

    def setup(self) -> None:
        """Load weights.

        Errors:
            MissingWeightsError: they are not on this machine.
        """


class CutPass(Protocol):
    """One film's pictures, once through."""

    def push(self, picture: UInt8, time_s: float) -> list[float]:
        """Take the next (H, W, 3) RGB picture; give times of cuts found, a little late."""
        ...

    def finish(self) -> list[float]:
        """No more pictures come; give the times of cuts not told yet."""
        ...


class CutDetector(Engine, Protocol):
    """Finds where one shot ends and the next begins."""

    @property
    def late_frames(self) -> int:
        """A cut is told at most so many pictures after its own."""
        ...

    @property
    def lead_frames(self) -> int:
        """After so many pictures it finds the cuts it would if it had seen all before."""
        ...

    def start(self, *, rate: float, zero_s: float = 0.0) -> CutPass:
        """Begin a film, or a part of one.

        Args:
            rate: its frames per second; 0 where that is not known.
            zero_s: the time of the whole film's first picture.
        """
        ...


class TextEncoder(Engine, Protocol):
    """Texts to vectors."""

    @property
    def dim(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> Float32:
        """(N,) texts to (N, D) float32 of length 1; an empty text gives zeros."""
        ...


class VisualEncoder(Engine, Protocol):
    """Pictures, and texts about pictures, to vectors in one space."""

    @property
    def dim(self) -> int: ...

    @property
    def reads_text(self) -> bool:
        """Whether it encodes texts too; where it does not, pictures find only pictures."""
        ...

    def encode(self, frames: FrameBatch) -> VisualEncoding:
        """(N, H, W, 3) to (N, D) with labels; N may be 0."""
        ...

    def encode_text(self, texts: Sequence[str]) -> Float32:
        """(N,) texts to (N, D), to be compared with pictures' by dot product.

        Errors:
            UsageError: it reads none.
        """
        ...


class TextReader(Engine, Protocol):
    """Reads the text that pictures show."""

    def read(self, frames: FrameBatch) -> list[tuple[ScreenText, ...]]:
        """One tuple a picture, lines from top to bottom."""
        ...


class VoiceDetector(Engine, Protocol):
    """Finds where people may be speaking."""

    def utterances(self, chunks: Iterable[AudioChunk]) -> Iterator[Utterance]:
        """Stretches with speech, in time order, none overlapping, none past the limit.

        Reads the chunks as a stream: holds no more than two utterances of sound.
        """
        ...


@dataclass(frozen=True, slots=True)
class Transcript:
    """Words in time order on the film's clock, and the language as ISO 639-1, if any.

    `translation` is what was said in English, where that was asked for, as words in time
    order too: their times are those of what they translate, as near as the model can tell.
    """

    words: tuple[Word, ...]
    language: str | None
    translation: tuple[Word, ...] = ()


class Transcriber(Engine, Protocol):
    """Writes speech down."""

    def transcribe(self, utterances: Sequence[Utterance]) -> Transcript:
        """Words of one film's utterances, each within its utterance.

        What the model itself does not believe (noise, music, silence) is left out.
        """
        ...


class Describer(Engine, Protocol):
    """Writes a title and a description of scenes from the scenes' own evidence."""

    @property
    def prompt_hash(self) -> str:
        """Hash of the prompts and of all else that shapes a description."""
        ...

    def describe(self, scenes: Sequence[Scene]) -> tuple[Scene, ...]:
        """The scenes with `title`, `description`, `grounded` and `frames_s` filled in.

        They are neighbours in one film, in time order. A scene that the model fails on is
        described by its evidence alone; the others are not touched by that.

        Errors:
            TransientError: the model cannot be reached at all, for now.
        """
        ...


class Summariser(Engine, Protocol):
    """Writes a film's summary, and divides it into chapters, from what its scenes tell."""

    @property
    def prompt_hash(self) -> str:
        """Hash of the prompts and of all else that shapes a summary."""
        ...

    def summarise(self, story: Story) -> Summary:
        """A summary, and chapters that tile the film and begin where scenes do.

        What a model writes stands only where the scenes bear it out; else what they say
        stands itself.

        Errors:
            TransientError: the model cannot be reached at all, for now.
        """
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved scene as an answerer sees it: its row, its uri, its rank's score."""

    scene: Scene
    uri: str
    score: float = 0.0

    @property
    def scene_id(self) -> str:
        return self.scene.scene_id

    @property
    def video_id(self) -> str:
        return self.scene.video_id

    @property
    def start_s(self) -> float:
        return self.scene.start_s

    @property
    def end_s(self) -> float:
        return self.scene.end_s

    @property
    def words(self) -> tuple[Word, ...]:
        return self.scene.words

    @property
    def screen_text(self) -> tuple[str, ...]:
        return tuple(line.text for line in self.scene.ocr)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(label.name for label in self.scene.labels)


@dataclass(frozen=True, slots=True)
class Query:
    """A question, and the scenes that it may be answered from, best first.

    Attributes:
        options: to choose from; empty for an open question.
        is_whole: it asks about a film as a whole; the passages are then all its scenes, in
            time order, and `summary` is the film's own, "" where it has none.
    """

    text: str
    passages: tuple[Passage, ...]
    options: tuple[str, ...] = ()
    is_whole: bool = False
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with its proof; no citations means that the passages do not tell.

    Attributes:
        choice: letter and text of the option that was chosen, "B) red".
        spans: where it happens, of a question that asks when.
        frames_s: times of the pictures that the model was shown.
    """

    answer: str
    grounded: bool
    citations: tuple[Citation, ...]
    choice: str | None = None
    spans: tuple[FilmSpan, ...] = ()
    frames_s: tuple[float, ...] = ()


class Answerer(Engine, Protocol):
    """Answers questions from passages, or says that they do not tell."""

    @property
    def prompt_hash(self) -> str:
        """Hash of the prompts and of all else that shapes an answer."""

    @property
    def sees(self) -> bool:
        """Whether passages should come with their keyframes. Known before `setup`."""

    @property
    def joins_scenes(self) -> bool:
        """Whether it wants the scenes beside a found one too, for sentences over a cut."""

    def answer(self, queries: Sequence[Query]) -> list[Reply | SceneLakeError]:
        """A reply or an error for each query, in their order; one fails alone.

        Errors:
            TransientError: the model cannot be reached at all, for now.
        """
