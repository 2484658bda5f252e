"""Why a scene was found, and the sentence of it to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

import regex

from scenelake.pipeline.retrieval.fuse import Entry
from scenelake.pipeline.retrieval.hits import Found
from scenelake.pipeline.retrieval.tokens import is_nearly, tokens
from scenelake.pipeline.retrieval.wanted import Wanted
from scenelake.pipeline.retrieval.words import FIELDS, text_of

_SNIPPET_CHARACTERS = 160
_SENTENCE = regex.compile(r"(?<=[.!?])\s+|(?<=[\u3002\uff01\uff1f])|\n")
_SHOWN_COLUMNS = ("said", "translated", "shown", "description")


def reasons(
    entries: Mapping[str, Entry], row: Mapping[str, Any], wanted: Wanted
) -> tuple[Found, ...]:
    """The rankings that have a scene, with the words that were met."""
    return tuple(
        Found(name, entry.rank, entry.score, _matched(row, wanted) if name == "words" else {})
        for name, entry in entries.items()
    )


def snippet(row: Mapping[str, Any], wanted: Wanted) -> str:
    """The sentence of a scene that has most of the words asked for, cut to length."""
    asked = set(wanted.words)
    best = max(_sentences(row), key=lambda text: len(asked & set(tokens(text))), default="")
    if len(best) <= _SNIPPET_CHARACTERS:
        return best
    return best[:_SNIPPET_CHARACTERS].rsplit(" ", 1)[0] + " …"


def _matched(row: Mapping[str, Any], wanted: Wanted) -> dict[str, tuple[str, ...]]:
    there = {field: set(tokens(text_of(row, field))) for field in FIELDS}
    met = {field: tuple(_met(wanted, there[field])) for field in FIELDS}
    return {field: words for field, words in met.items() if words}


def _met(wanted: Wanted, there: Set[str]) -> Iterator[str]:
    """The words that are there, or what is there instead: one letter off."""
    for word in wanted.words:
        near = {word} & there or {other for other in there if is_nearly(word, other)}
        yield from sorted(near)[:1]


def _sentences(row: Mapping[str, Any]) -> Iterator[str]:
    for column in _SHOWN_COLUMNS:
        yield from (part for part in _SENTENCE.split(row[column] or "") if part.strip())
