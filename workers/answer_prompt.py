"""A question and its scenes as a prompt: pictures and words in time order, under a budget."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from string import Template

from scenelake.schemas.config import AnswerConfig
from scenelake.schemas.errors import UsageError
from scenelake.workers.answer_reply import MIN_TOKENS, answer_schema, check_room
from scenelake.workers.budget import MARK_TOKENS, fit, text_tokens
from scenelake.workers.chat import Image, Prompt
from scenelake.workers.choosing import LETTERS, labelled
from scenelake.workers.engines import Passage, Query
from scenelake.workers.evidence import surest
from scenelake.workers.fusion import joined, moment_parts
from scenelake.workers.llm import read_prompt
from scenelake.workers.moments import Material, moments_of

PROMPTS = ("ask_system", "ask_scene", "ask_tail", "ask_options")
MIN_SCENE_TOKENS = 120
_HEAD_TOKENS = 40


@dataclass(frozen=True, slots=True)
class Posed:
    """A prompt, the scenes that fitted it in the order of their numbers, and their pictures."""

    prompt: Prompt
    passages: tuple[Passage, ...]
    frames_s: tuple[float, ...]


def check_budget(config: AnswerConfig) -> None:
    """See that a scene and a reply fit the model's context.

    Errors:
        UsageError: they do not.
    """
    check_room(config.max_tokens)
    least = config.max_tokens + fixed_tokens() + MIN_SCENE_TOKENS + _HEAD_TOKENS
    if config.context_tokens < least:
        raise UsageError(
            f"answer.context_tokens is {config.context_tokens}: with a reply of "
            f"{config.max_tokens} it needs {least} or more (a reply needs {MIN_TOKENS})"
        )


def pose(query: Query, config: AnswerConfig, *, sees: bool) -> Posed:
    """As many of the best scenes as have room to be told, in order of film and time."""
    room = config.context_tokens - config.max_tokens - fixed_tokens() - _asked_tokens(query)
    most = max(1, room // (MIN_SCENE_TOKENS + _HEAD_TOKENS))
    best = sorted(query.passages[:most], key=lambda p: (p.video_id, p.start_s))
    share = room // max(1, len(best)) - _HEAD_TOKENS
    told = [_fitting(p, config, sees=sees, room_tokens=share) for p in best]
    letters = list(LETTERS[: len(query.options)])
    prompt = Prompt(
        system=read_prompt("ask_system"),
        parts=tuple(joined(_parts(query, best, told))),
        max_tokens=config.max_tokens,
        json_schema=answer_schema(max(1, len(best)), letters),
    )
    frames = sorted({m.time_s for t in told for m in t.moments if m.image})
    return Posed(prompt, tuple(best), tuple(frames))


def fixed_tokens() -> int:
    """What a prompt costs with no scene in it; some servers are told the schema in words."""
    fixed = " ".join(read_prompt(name) for name in PROMPTS) + json.dumps(answer_schema(9, LETTERS))
    return text_tokens(fixed) + 4 * MARK_TOKENS


def scene_head(number: int, passage: Passage) -> str:
    return Template(read_prompt("ask_scene")).substitute(
        number=number,
        film=PurePosixPath(passage.uri).name,
        start=f"{passage.start_s:.1f} s",
        end=f"{passage.end_s:.1f} s",
    )


def question_text(query: Query) -> str:
    """The question, and its options with their letters."""
    asked = Template(read_prompt("ask_tail")).substitute(question=query.text)
    if not query.options:
        return asked
    listed = "\n".join(labelled(query.options, i) for i in range(len(query.options)))
    return f"{asked}\n{Template(read_prompt('ask_options')).substitute(options=listed)}"


def _asked_tokens(query: Query) -> int:
    return text_tokens(question_text(query))


def _fitting(passage: Passage, config: AnswerConfig, *, sees: bool, room_tokens: int) -> Material:
    scene = passage.scene
    whole = Material(
        scene,
        moments=moments_of(scene, config, sees=sees),
        sounds=surest(scene.audio_events),
    )
    return fit(whole, room_tokens=room_tokens, side_px=config.frame_side_px)


def _parts(
    query: Query, passages: Sequence[Passage], told: Sequence[Material]
) -> Iterator[str | Image]:
    for number, (passage, material) in enumerate(zip(passages, told, strict=True), start=1):
        yield scene_head(number, passage)
        if material.sounds:
            yield f"heard: {', '.join(material.sounds)}"
        for moment in material.moments:
            yield from moment_parts(moment)
        yield ""
    yield question_text(query)
