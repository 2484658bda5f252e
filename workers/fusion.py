"""How pictures, words, sounds and screen text become one description: policies by name.

* ``early``: all of it in time order in one prompt;
* ``late``: each picture told by itself, then the tellings, in time order with the rest;
* ``hybrid``: what neighbours say summed up first; then as ``early``, with that summary.

A policy says things to the model stage by stage, for all scenes at once, so that a server
or a batch is kept full. Others are found as entry points named ``fusion.<name>``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from string import Template
from typing import ClassVar, Protocol, runtime_checkable

from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.rows import Scene
from scenelake.workers import registry
from scenelake.workers.budget import (
    MARK_TOKENS,
    cut_middle,
    fit,
    prompt_tokens,
    text_tokens,
)
from scenelake.workers.chat import ChatError, Image, Prompt, Saying, Usage
from scenelake.workers.llm import read_prompt
from scenelake.workers.moments import Material, Moment, Nearby
from scenelake.workers.reply import schema

logger = logging.getLogger(__name__)

MAX_CAPTION_TOKENS = 60
MAX_SUMMARY_TOKENS = 100
MIN_ROOM_TOKENS = 100

_SCENE = ("scene_system", "scene_head", "scene_tail", "around")

Ask = Callable[[Sequence[Prompt]], Sequence[Saying | ChatError]]
"""Says prompts to the model: a reply or an error for each, in their order."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What a model made of a scene, and the material of it that fitted the prompt."""

    material: Material
    reply: Saying | ChatError


class Policy(Protocol):
    """A way from scenes' material to replies of the schema of `workers.reply`.

    Attributes:
        prompts: names of the prompt files that it uses.
    """

    prompts: ClassVar[tuple[str, ...]]

    def __init__(self, config: DescribeConfig) -> None: ...

    def tell(self, materials: Sequence[Material], ask: Ask) -> list[Telling]:
        """One telling for each scene, in their order."""
        ...


@runtime_checkable
class OneRound(Policy, Protocol):
    """A policy that asks once for each scene, so that somebody else may do the asking."""

    def questions(self, materials: Sequence[Material]) -> list[tuple[Material, Prompt | None]]:
        """What of each scene fits a prompt, and the prompt; None where nothing is left."""
        ...


def policy_named(name: str) -> Callable[[DescribeConfig], Policy]:
    """The policy behind the entry point ``fusion.<name>``.

    Errors:
        UsageError: there is none; the message lists those there are.
    """
    known = registry.names("fusion")
    if name not in known:
        listed = ", ".join(known) or "none"
        raise UsageError(f"describe.policy: no policy is named {name!r}; known: {listed}")
    found: Callable[[DescribeConfig], Policy] = registry.load("fusion", name)
    return found


class Early:
    """All that is known of a scene, in time order, in one prompt.

    Errors:
        UsageError: `max_tokens` or `context_tokens` leave no room for a reply or a scene.
    """

    prompts: ClassVar[tuple[str, ...]] = _SCENE

    def __init__(self, config: DescribeConfig) -> None:
        self._config = config
        self._schema = schema(config.max_tokens)
        self._room_tokens = config.context_tokens - config.max_tokens - self._fixed_tokens()
        if self._room_tokens < MIN_ROOM_TOKENS:
            missing = MIN_ROOM_TOKENS - self._room_tokens
            raise UsageError(
                f"describe.context_tokens is {config.context_tokens}: with a reply of "
                f"{config.max_tokens} it needs {config.context_tokens + missing} or more"
            )

    def tell(self, materials: Sequence[Material], ask: Ask) -> list[Telling]:
        """One prompt a scene, all at once; none where nothing is left to tell."""
        asked = self.questions(materials)
        prompts = [prompt for _, prompt in asked if prompt]
        replies = iter(ask(prompts) if prompts else ())
        return [Telling(m, next(replies) if prompt else untold()) for m, prompt in asked]

    def questions(self, materials: Sequence[Material]) -> list[tuple[Material, Prompt | None]]:
        """What of each scene fits a prompt, and the prompt; None where nothing is left."""
        room, side_px = self._room_tokens, self._config.frame_side_px
        fitting = [fit(m, room_tokens=room, side_px=side_px) for m in materials]
        return [(m, None if m.is_empty else self._prompt(m)) for m in fitting]

    def _prompt(self, material: Material) -> Prompt:
        return Prompt(
            system=read_prompt("scene_system"),
            parts=tuple(joined(_scene_parts(material))),
            max_tokens=self._config.max_tokens,
            json_schema=self._schema,
        )

    def _fixed_tokens(self) -> int:
        """What a prompt costs with nothing in it; some servers are told the schema in words."""
        fixed = " ".join(read_prompt(name) for name in _SCENE) + json.dumps(self._schema)
        return text_tokens(fixed) + 4 * MARK_TOKENS


class Late:
    """Each picture told by a prompt of its own, then all merged by one without pictures.

    A picture that the model has no words for is left out.
    """

    prompts: ClassVar[tuple[str, ...]] = (*_SCENE, "frame_system", "frame")

    def __init__(self, config: DescribeConfig) -> None:
        self._merge = Early(config)

    def tell(self, materials: Sequence[Material], ask: Ask) -> list[Telling]:
        """One prompt a picture, all at once; then one a scene."""
        pictures = [(t.scene, m.image) for t in materials for m in t.moments if m.image]
        replies = ask([_caption_prompt(image) for _, image in pictures]) if pictures else []
        shown = zip(pictures, replies, strict=True)
        captions = iter([_said(r, f"picture at {image.time_s} s", s) for (s, image), r in shown])
        told = [
            replace(material, moments=tuple(_captioned(material.moments, captions)))
            for material in materials
        ]
        return self._merge.tell(told, ask)


class Hybrid:
    """What goes on around a scene summed up by a prompt of its own, then as `Early`.

    Neighbours that the model cannot sum up are told in brief, as `Early` does.
    """

    prompts: ClassVar[tuple[str, ...]] = (*_SCENE, "neighbourhood_system", "neighbourhood")

    def __init__(self, config: DescribeConfig) -> None:
        self._config = config
        self._early = Early(config)

    def tell(self, materials: Sequence[Material], ask: Ask) -> list[Telling]:
        """One prompt for each scene's neighbourhood, all at once; then one a scene."""
        wordy = [m for m in materials if m.foreign]
        replies = ask([self._summary_prompt(m) for m in wordy]) if wordy else []
        summed = zip(wordy, replies, strict=True)
        summaries = iter([_said(r, "neighbourhood", m.scene) for m, r in summed])
        told = [_with_summary(m, next(summaries)) if m.foreign else m for m in materials]
        return self._early.tell(told, ask)

    def _summary_prompt(self, material: Material) -> Prompt:
        prompt = _neighbourhood_prompt("")
        used = MAX_SUMMARY_TOKENS + prompt_tokens(prompt, side_px=0)
        room = self._config.context_tokens - used
        return _neighbourhood_prompt(cut_middle("\n".join(material.foreign), room_tokens=room))


def untold() -> ChatError:
    """Stands for a reply where there was nothing to ask."""
    return ChatError("nothing of it could be told to the model", usage=Usage())


def _scene_parts(material: Material) -> Iterator[str | Image]:
    """A prompt's texts and pictures in the order in which the film has them."""
    scene = material.scene
    if material.around:
        nearby = "\n".join(_nearby(n) for n in material.around)
        yield Template(read_prompt("around")).substitute(scenes=nearby) + "\n"
    span = {"start": _clock(scene.start_s), "end": _clock(scene.end_s)}
    yield Template(read_prompt("scene_head")).substitute(span)
    if material.sounds:
        yield f"heard: {', '.join(material.sounds)}"
    for moment in material.moments:
        yield from moment_parts(moment)
    yield "\n" + read_prompt("scene_tail")


def moment_parts(moment: Moment) -> Iterator[str | Image]:
    """A moment as a prompt tells it: "[12.4 s] said: …", or a picture behind its time."""
    at = f"[{_clock(moment.time_s)}]"
    if moment.image is not None:
        yield f"{at} picture:"
        yield moment.image
    elif moment.kind == "seen":
        yield f"{at} seen: {moment.text}"
    else:
        what = "said" if moment.kind == "said" else "on screen"
        yield f'{at} {what}: "{moment.text}"'


def _nearby(nearby: Nearby) -> str:
    when = {-1: "Earlier: ", 0: "", 1: "Later: "}
    return when[(nearby.offset > 0) - (nearby.offset < 0)] + nearby.text


def _clock(time_s: float) -> str:
    return f"{time_s:.1f} s"


def joined(parts: Iterator[str | Image]) -> Iterator[str | Image]:
    """Parts with the texts between two pictures as one."""
    lines: list[str] = []
    for part in parts:
        if isinstance(part, str):
            lines.append(part)
            continue
        yield "\n".join(lines)
        lines = []
        yield part
    yield "\n".join(lines)


def _caption_prompt(picture: Image) -> Prompt:
    parts = (picture, read_prompt("frame"))
    return Prompt(read_prompt("frame_system"), parts, max_tokens=MAX_CAPTION_TOKENS)


def _captioned(moments: Sequence[Moment], captions: Iterator[str]) -> Iterator[Moment]:
    for moment in moments:
        if moment.image is None:
            yield moment
        elif caption := next(captions):
            yield replace(moment, image=None, text=caption)


def _neighbourhood_prompt(scenes: str) -> Prompt:
    text = Template(read_prompt("neighbourhood")).substitute(scenes=scenes)
    return Prompt(read_prompt("neighbourhood_system"), (text,), max_tokens=MAX_SUMMARY_TOKENS)


def _with_summary(material: Material, summary: str) -> Material:
    return replace(material, around=(Nearby(0, summary),)) if summary else material


def _said(reply: Saying | ChatError, what: str, scene: Scene) -> str:
    """A reply on one line; "" for an error, which is told."""
    if isinstance(reply, ChatError):
        logger.warning("%s: no words for its %s: %s", scene.scene_id, what, reply)
        return ""
    return " ".join(reply.text.split())
