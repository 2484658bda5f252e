"""What a model makes of a film, part by part: its prompts and replies, within its budget.

A chapter that fits one prompt is summed up by one. Of a longer one each stretch that fits is,
and then what was made of those; so with the chapters of a film (map and reduce). However long
a film is, no prompt is longer than the model takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from scenelake.schemas.config import SummariseConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.story import Told
from scenelake.workers.budget import CHARS_PER_TOKEN, MARK_TOKENS, cut_middle, text_tokens
from scenelake.workers.chapters import RECOGNISED
from scenelake.workers.chat import ChatError, Prompt, Saying
from scenelake.workers.evidence import surest
from scenelake.workers.llm import read_prompt

MAX_TITLE_CHARS = 64
MAX_SUMMARY_CHARS = 900
MIN_SUMMARY_CHARS = 200
MIN_NOTES = 3
"""So many summaries must fit one prompt, or there would be no end of summing up."""

Kind = Literal["chapter", "stretch", "film"]
PROMPTS = tuple(
    f"{kind}_{part}" for kind in ("chapter", "stretch", "film") for part in ("system", "tail")
)

_PUNCTUATION_CHARS = 60


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of some scenes in a row, in few words.

    Attributes:
        scenes: those it is about, which bear it out.
        is_told: whether it is a model's, and found true; False: the scenes' own words.
        title: of a chapter, "" where the model has given none that is true.
    """

    scenes: tuple[Told, ...]
    text: str
    is_told: bool = False
    title: str = ""


class Reply(BaseModel):
    """A model's summary, not yet checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    summary: str
    title: str = ""


NO_REPLY = Reply(summary="")


def read_reply(said: Saying | ChatError) -> Reply:
    """A reply from its JSON.

    Errors:
        ChatError: there is none, or it is not of our schema.
    """
    if isinstance(said, ChatError):
        raise said
    try:
        return Reply.model_validate_json(said.text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ChatError(f"the reply is no summary: {first['msg']}") from error


class Prompts:
    """Makes prompts that fit a model.

    Errors:
        UsageError: too few tokens for a prompt and its reply.
    """

    def __init__(self, config: SummariseConfig) -> None:
        self._max_tokens = config.max_tokens
        self._room = config.context_tokens - config.max_tokens - self._fixed_tokens()
        least = MIN_NOTES * (text_tokens("x" * self._summary_chars()) + MARK_TOKENS)
        if self._room < least:
            raise UsageError(
                f"summarise.context_tokens is {config.context_tokens}: with replies of "
                f"{config.max_tokens} it needs {config.context_tokens + least - self._room} or more"
            )

    def of(self, kind: Kind, text: str) -> Prompt:
        """A prompt that tells a text."""
        told = f"{text}\n\n{read_prompt(f'{kind}_tail')}"
        return Prompt(
            system=read_prompt(f"{kind}_system"),
            parts=(told,),
            max_tokens=self._max_tokens,
            json_schema=self.schema(kind),
        )

    def stretches(self, scenes: Sequence[Told]) -> list[tuple[tuple[Told, ...], str]]:
        """Scenes in runs that fit a prompt, each with what is told of it."""
        room = self._room - MARK_TOKENS
        told = [((s,), cut_middle(line, room_tokens=room)) for s, line in _lines(scenes)]
        return [_together(group) for group in self._fitting(told)]

    def groups(self, notes: Sequence[Note]) -> list[list[Note]]:
        """Notes in runs that fit a prompt."""
        texts = [((note,), note.text) for note in notes]
        return [[note for (note,), _ in group] for group in self._fitting(texts)]

    def schema(self, kind: Kind) -> Mapping[str, Any]:
        """The JSON schema of a reply."""
        properties: dict[str, Any] = {
            "summary": {"type": "string", "maxLength": self._summary_chars()}
        }
        if kind == "chapter":
            properties["title"] = {"type": "string", "maxLength": MAX_TITLE_CHARS}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    def _fitting(self, told: Sequence[tuple[Any, str]]) -> Iterator[list[tuple[Any, str]]]:
        group, used = list[tuple[Any, str]](), 0
        for item in told:
            cost = text_tokens(item[1]) + MARK_TOKENS
            if group and used + cost > self._room:
                yield group
                group, used = [], 0
            group.append(item)
            used += cost
        if group:
            yield group

    def _summary_chars(self) -> int:
        chars = self._max_tokens * CHARS_PER_TOKEN - MAX_TITLE_CHARS - _PUNCTUATION_CHARS
        if chars < MIN_SUMMARY_CHARS:
            least = MIN_SUMMARY_CHARS + MAX_TITLE_CHARS + _PUNCTUATION_CHARS
            raise UsageError(
                f"summarise.max_tokens is {self._max_tokens}: a summary and a title in JSON need "
                f"{-(-least // CHARS_PER_TOKEN)} or more"
            )
        return min(MAX_SUMMARY_CHARS, chars)

    def _fixed_tokens(self) -> int:
        """What the longest prompt costs with nothing in it; some models are told the schema."""
        kinds: tuple[Kind, ...] = ("chapter", "stretch", "film")
        return max(
            text_tokens(read_prompt(f"{kind}_system") + read_prompt(f"{kind}_tail"))
            + text_tokens(json.dumps(self.schema(kind)))
            + 4 * MARK_TOKENS
            for kind in kinds
        )


def _together(group: Sequence[tuple[tuple[Told, ...], str]]) -> tuple[tuple[Told, ...], str]:
    return tuple(scene for scenes, _ in group for scene in scenes), "\n".join(t for _, t in group)


def _lines(scenes: Sequence[Told]) -> Iterator[tuple[Told, str]]:
    """What is told of each scene, in one line; scenes of which nothing is known are left out."""
    for scene in scenes:
        seen = surest(scene.labels)
        parts = {
            "told": RECOGNISED.sub("", scene.description) if scene.grounded else "",
            "said": f'"{scene.speech}"' if scene.speech else "",
            "in English": f'"{scene.translation}"' if scene.translation else "",
            "seen": ", ".join(seen),
            "on screen": ", ".join(f'"{line}"' for line in dict.fromkeys(scene.lines)),
        }
        line = "; ".join(f"{what}: {text}" for what, text in parts.items() if text)
        if line:
            yield scene, f"[{scene.start_s:.0f} s] {line}"
