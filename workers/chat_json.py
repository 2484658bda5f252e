"""Replies that are to be JSON of a schema: said so, checked, and asked for once more.

Every `ChatModel` speaks through `say_all`, whether or not what is behind it can bind a
reply to a schema: a server that claims to is not taken at its word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scenelake.workers.chat import ChatError, Prompt, Saying, Usage

_MAX_SHOWN_CHARS = 2000
"""Of a bad reply that a model is shown again: a loop fills all of `max_tokens`."""

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Raw:
    """What a model gave to one prompt, unchecked.

    Attributes:
        is_cut: it ended because there was no room for more tokens.
        usage: what it cost; counts no prompt, for that is done when the reply is judged.
    """

    text: str
    is_cut: bool
    usage: Usage


Ask = Callable[[Sequence[Prompt]], list[Raw | ChatError]]
"""Gives a reply or an error for each prompt, in their order."""


@dataclass(frozen=True, slots=True)
class _Malformed:
    """A reply that is not what was asked for, and why."""

    text: str
    why: str
    usage: Usage


class _MalformedError(Exception):
    """`str(error)` tells the model what is wrong."""


def say_all(prompts: Sequence[Prompt], ask: Ask) -> list[Saying | ChatError]:
    """Replies in the prompts' order; what is not of its schema is asked for once more."""
    judged = [_judged(p.json_schema, raw) for p, raw in zip(prompts, ask(prompts), strict=True)]
    bad = {i: reply for i, reply in enumerate(judged) if isinstance(reply, _Malformed)}
    again = [_repair(prompts[i], reply) for i, reply in bad.items()]
    repaired = zip(bad.items(), again, ask(again) if again else [], strict=True)
    settled = {i: _settled(first, _judged(p.json_schema, raw)) for (i, first), p, raw in repaired}
    return [settled[i] if isinstance(j, _Malformed) else j for i, j in enumerate(judged)]


def settle(raw: Raw | ChatError, schema: Mapping[str, Any]) -> Saying | ChatError:
    """A reply judged for good, where the model cannot be asked once more."""
    judged = _judged(schema, raw)
    if isinstance(judged, _Malformed):
        usage = judged.usage + Usage(n_prompts=1, n_failed=1)
        return ChatError(f"the reply is not of its schema: {judged.why}", usage=usage)
    return judged


def with_schema(prompt: Prompt) -> Prompt:
    """The prompt whose system text holds its schema, for models that are not bound to it."""
    if prompt.json_schema is None:
        return prompt
    schema = json.dumps(prompt.json_schema, ensure_ascii=False)
    told = f"Reply with one JSON document of this schema, and with nothing else:\n{schema}"
    return replace(prompt, system=f"{prompt.system}\n\n{told}")


def _judged(
    schema: Mapping[str, Any] | None, raw: Raw | ChatError
) -> Saying | ChatError | _Malformed:
    if isinstance(raw, ChatError):
        return raw
    if schema is None:
        return Saying(raw.text.strip(), usage=raw.usage + Usage(n_prompts=1))
    try:
        text = _document(raw, schema)
    except _MalformedError as error:
        return _Malformed(raw.text.strip(), str(error), raw.usage)
    return Saying(text, usage=raw.usage + Usage(n_prompts=1))


def _settled(first: _Malformed, second: Saying | ChatError | _Malformed) -> Saying | ChatError:
    """What has become of a prompt after its repair, with the costs of both attempts."""
    usage = first.usage + second.usage + Usage(n_repairs=1)
    if isinstance(second, Saying):
        return Saying(second.text, usage=usage)
    if isinstance(second, ChatError):
        return ChatError(f"{first.why}; asked once more: {second}", usage=usage)
    return ChatError(
        f"the reply is not of its schema, at a second attempt either: {second.why}",
        usage=usage + Usage(n_prompts=1, n_failed=1),
    )


def _repair(prompt: Prompt, bad: _Malformed) -> Prompt:
    """The prompt with the model's own reply below, and what is wrong with it."""
    shown = bad.text[:_MAX_SHOWN_CHARS]
    asked = (
        f"\n\nYou have replied:\n{shown}\n\nThat cannot be used: {bad.why}. "
        "Reply again, with one short JSON document of the schema and nothing else."
    )
    return replace(prompt, parts=(*prompt.parts, asked))


def _document(raw: Raw, schema: Mapping[str, Any]) -> str:
    """The JSON document in a reply, alone and in one line.

    Models put a document between the marks of a code block, or words before and after.

    Errors:
        _MalformedError: there is none, it is not of the schema, or the reply is cut off.
    """
    if raw.is_cut:
        raise _MalformedError("it is cut off for its length")
    start = min((i for i in map(raw.text.find, "{[") if i >= 0), default=0)
    try:
        document, _ = _DECODER.raw_decode(raw.text[start:].lstrip())
    except ValueError as error:
        raise _MalformedError(f"it is not JSON: {error}") from error
    wrong = _wrong(document, schema)
    if wrong:
        raise _MalformedError(wrong)
    return json.dumps(document, ensure_ascii=False)


def _wrong(document: Any, schema: Mapping[str, Any]) -> str:
    """What is most wrong with a document, with its place; "" if it is of the schema."""
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for

    error = best_match(validator_for(schema)(schema).iter_errors(document))
    return f"at {error.json_path}: {error.message}" if error else ""
