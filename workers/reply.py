"""What a model is to write of a scene: a JSON document, bounded so that it can be finished."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from scenelake.schemas.errors import UsageError
from scenelake.workers.budget import CHARS_PER_TOKEN
from scenelake.workers.chat import ChatError

MAX_TITLE_CHARS = 64
MAX_MOOD_CHARS = 24
MAX_LABELS, MAX_LABEL_CHARS = 5, 30
MAX_LINES, MAX_LINE_CHARS = 3, 50
MAX_DESCRIPTION_CHARS = 600
MIN_DESCRIPTION_CHARS = 150

_PUNCTUATION_CHARS = 110
_OTHERS_CHARS = (
    MAX_TITLE_CHARS
    + MAX_MOOD_CHARS
    + MAX_LABELS * MAX_LABEL_CHARS
    + MAX_LINES * MAX_LINE_CHARS
    + _PUNCTUATION_CHARS
)
MIN_TOKENS = -(-(_OTHERS_CHARS + MIN_DESCRIPTION_CHARS) // CHARS_PER_TOKEN)
"""A reply of fewer tokens may break off within its JSON."""


class Reply(BaseModel):
    """A model's description of a scene, not yet checked against the scene."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    visible_text: tuple[str, ...]
    description: str
    title: str
    labels: tuple[str, ...]
    mood: str


def description_chars(max_tokens: int) -> int:
    """How long a description may be, if the whole reply is to fit `max_tokens`.

    Errors:
        UsageError: there is no room for one.
    """
    if max_tokens < MIN_TOKENS:
        raise UsageError(
            f"describe.max_tokens is {max_tokens}: a title, a description, labels, text and mood "
            f"in JSON need {MIN_TOKENS} or more"
        )
    return min(MAX_DESCRIPTION_CHARS, max_tokens * CHARS_PER_TOKEN - _OTHERS_CHARS)


def schema(max_tokens: int) -> Mapping[str, Any]:
    """The JSON schema of a reply: what is read off first, then what is made of it."""
    properties = {
        "visible_text": _strings(MAX_LINES, MAX_LINE_CHARS),
        "description": _string(description_chars(max_tokens)),
        "title": _string(MAX_TITLE_CHARS),
        "labels": _strings(MAX_LABELS, MAX_LABEL_CHARS),
        "mood": _string(MAX_MOOD_CHARS),
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def read_reply(text: str) -> Reply:
    """A reply from its JSON.

    Errors:
        ChatError: it is not of our schema, whatever the model's keeper let through.
    """
    try:
        return Reply.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ChatError(f"the reply is no description: {first['msg']}") from error


def _string(max_chars: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": max_chars}


def _strings(max_items: int, max_chars: int) -> dict[str, Any]:
    return {"type": "array", "items": _string(max_chars), "maxItems": max_items}
