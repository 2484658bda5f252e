"""A film in words, and what is made of them: its summary and its chapters."""

from __future__ import annotations

from dataclasses import dataclass

from scenelake.schemas.film import Source
from scenelake.schemas.flow import Facts
from scenelake.schemas.rows import Chapter, Label, Vector


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A scene as it can be told: all that is known of it but its pictures.

    Attributes:
        grounded: whether `description` is a model's, and found true.
        speech, translation: what is said, as one text, and the same in English.
        scores: how sure each word of `speech` is, 0 to 1.
        lines: what is written on screen.
        embedding, text_embedding: its vectors; of length 0 where there is nothing.
    """

    start_s: float
    end_s: float
    title: str
    description: str
    grounded: bool
    speech: str
    translation: str
    scores: tuple[float, ...]
    lines: tuple[str, ...]
    labels: tuple[Label, ...]
    embedding: Vector
    text_embedding: Vector

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Story:
    """All scenes of a film, in time order; about 5 KB each, so that hours fit in memory."""

    video_id: str
    duration_s: float
    language: str | None
    scenes: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a whole film is about.

    Attributes:
        chapters: they tile the film, and begin where scenes do; none where nothing is known.
        grounded: whether a sentence of `text` is a model's, and found true; False: all of it
            is what was recognised, word for word.
    """

    text: str
    chapters: tuple[Chapter, ...]
    grounded: bool = False


@dataclass(frozen=True, slots=True)
class Gathered:
    """A film all of whose scenes are described: in `n_parts` staged parts.

    0 parts: its scenes are in the lake already, as they should be.
    """

    source: Source
    facts: Facts
    n_parts: int


@dataclass(frozen=True, slots=True)
class Summed:
    """A film that lacks nothing but to be committed."""

    film: Gathered
    summary: Summary

    @property
    def source(self) -> Source:
        return self.film.source
