"""What a language model is to reply to a question: JSON, bounded so that it can be finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from scenelake.schemas.errors import UsageError
from scenelake.workers.budget import CHARS_PER_TOKEN
from scenelake.workers.chat import ChatError

MAX_CITATIONS = 3
MAX_QUOTE_CHARS = 160
MAX_ANSWER_CHARS = 300
MAX_NOTES = 5
MAX_NOTE_QUOTE_CHARS = 60
MAX_NOTE_CHARS = 100
MAX_NUMBERS = 6

_PUNCTUATION_CHARS = 120
_CITATION_CHARS = MAX_QUOTE_CHARS + 30
_NOTE_CHARS = MAX_NOTE_CHARS + MAX_NOTE_QUOTE_CHARS + 40
MIN_TOKENS = -(
    -max(
        MAX_CITATIONS * _CITATION_CHARS + MAX_ANSWER_CHARS + _PUNCTUATION_CHARS,
        MAX_NOTES * _NOTE_CHARS + _PUNCTUATION_CHARS,
    )
    // CHARS_PER_TOKEN
)
"""A reply of fewer tokens may break off within its JSON."""


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)


class Cited(_Reply):
    """A scene by its number in the prompt, from 1, and what is quoted from it."""

    scene: int
    quote: str


class Said(_Reply):
    """A model's answer, not yet checked against the scenes."""

    citations: tuple[Cited, ...]
    told: bool
    answer: str
    choice: str = ""


class Note(_Reply):
    """What matters of a scene, or of an earlier note, by its number in the prompt."""

    number: int
    quote: str
    note: str


class Notes(_Reply):
    notes: tuple[Note, ...]


class Whole(_Reply):
    """An answer about a whole film, and the notes that it rests on."""

    numbers: tuple[int, ...]
    answer: str


class Condensed(_Reply):
    """A follow-up as a question of its own."""

    question: str


T = TypeVar("T", bound=_Reply)


def check_room(max_tokens: int) -> None:
    """See that a reply fits.

    Errors:
        UsageError: it may not.
    """
    if max_tokens < MIN_TOKENS:
        raise UsageError(
            f"answer.max_tokens is {max_tokens}: an answer with its citations in JSON needs "
            f"{MIN_TOKENS} or more"
        )


def answer_schema(n_scenes: int, letters: Sequence[str]) -> Mapping[str, Any]:
    """Citations come first, so that the answer is made from them."""
    cited = _object(scene=_number(n_scenes), quote=_string(MAX_QUOTE_CHARS))
    choice = {"choice": {"type": "string", "enum": list(letters)}} if letters else {}
    return _object(
        citations=_array(cited, MAX_CITATIONS),
        told={"type": "boolean"},
        answer=_string(MAX_ANSWER_CHARS),
        **choice,
    )


def notes_schema(n_items: int) -> Mapping[str, Any]:
    note = _object(
        number=_number(n_items),
        quote=_string(MAX_NOTE_QUOTE_CHARS),
        note=_string(MAX_NOTE_CHARS),
    )
    return _object(notes=_array(note, MAX_NOTES))


def whole_schema(n_notes: int) -> Mapping[str, Any]:
    return _object(numbers=_array(_number(n_notes), MAX_NUMBERS), answer=_string(MAX_ANSWER_CHARS))


def condensed_schema() -> Mapping[str, Any]:
    return _object(question=_string(MAX_QUOTE_CHARS))


def read(kind: type[T], text: str) -> T:
    """A reply from its JSON.

    Errors:
        ChatError: it is not of its schema, whatever the model's keeper let through.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ChatError(f"the reply is no {kind.__name__.lower()}: {first['msg']}") from error


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(items: Mapping[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": most}


def _string(max_chars: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": max_chars}


def _number(most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most}
