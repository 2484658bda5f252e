"""What people wrote down about films, whatever the format it came in.

Ids of films are the annotators' own ("video7010"); seconds count from the film's start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Span = tuple[float, float]
"""Seconds ``(start_s, end_s)``."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a film.

    Attributes:
        answers: wordings that are right; any of them will do.
        options: texts to choose from; their letters are A, B, C, in this order.
        choice: the right option's letter, None for an open question.
        spans: when the film tells, where that is known.
        kind: the annotators' own class of question, "" where there is none.
    """

    question_id: str
    question: str
    video_id: str | None = None
    answers: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    choice: str | None = None
    spans: tuple[Span, ...] = ()
    kind: str = ""

    def __post_init__(self) -> None:
        letters = LETTERS[: len(self.options)]
        if self.options and (self.choice is None or self.choice not in letters):
            raise ValueError(f"choice {self.choice!r} is none of {', '.join(letters)}")
        if not self.options and not self.answers:
            raise ValueError("answer is missing")
        _check(self.spans)


@dataclass(frozen=True, slots=True)
class Caption:
    """One sentence about a film, or about the span of it that is given."""

    caption_id: str
    video_id: str
    text: str
    span: Span | None = None

    def __post_init__(self) -> None:
        _check(() if self.span is None else (self.span,))


@dataclass(frozen=True, slots=True)
class Moment:
    """A sentence, and the spans of a film that it is about."""

    query_id: str
    query: str
    video_id: str
    spans: tuple[Span, ...]

    def __post_init__(self) -> None:
        if not self.spans:
            raise ValueError("spans are missing")
        _check(self.spans)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What is said in a film; `language` is an ISO 639-1 code."""

    video_id: str
    text: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Cuts:
    """When a film cuts from one shot to the next."""

    video_id: str
    cuts_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """A text to search for, and the ids of what should be found: films, or scenes.

    Where `spans` are known, scenes of the one relevant film can be told from each other.
    """

    query_id: str
    query: str
    relevant: frozenset[str]
    spans: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if not self.relevant:
            raise ValueError("relevant is empty")
        _check(self.spans)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _check(spans: tuple[Span, ...]) -> None:
    for start_s, end_s in spans:
        if not (math.isfinite(start_s) and math.isfinite(end_s) and 0 <= start_s <= end_s):
            raise ValueError(f"{start_s}..{end_s} s is not a span")
