"""What films may tell of: a half of our vocabulary, written down in worlds/*.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import product
from typing import Any, Literal

import yaml

Half = Literal["development", "fresh"]
HALVES: tuple[Half, ...] = ("development", "fresh")


@dataclass(frozen=True, slots=True)
class Value:
    """What fills a slot: as a speaker says it and as one writes it."""

    said: str
    written: str

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True)
class Fact:
    """A question that a passage answers; `answer` holds one slot."""

    ask: str
    answer: str


@dataclass(frozen=True, slots=True)
class Passage:
    """What is said in a scene, with slots, and what can be asked of it.

    Attributes:
        search: texts by which the scene should be found; each holds a slot.
        yes_no: a question that is true; it holds one slot.
        untold: questions about the topic that the passage leaves open.
    """

    topic: str
    genre: str
    said: tuple[str, ...]
    facts: tuple[Fact, ...]
    search: tuple[str, ...]
    yes_no: str
    untold: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caption:
    """What is written on the screen, and what can be asked of it."""

    text: str
    ask: str
    answer: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A photograph or clip, and texts by which it should be found.

    Attributes:
        clip_s: the part of a clip that is shown, None for all of it.
    """

    name: str
    package: str
    file: str
    shows: str
    search: tuple[str, ...]
    clip_s: tuple[float, float] | None = None

    @property
    def moves(self) -> bool:
        return self.file.endswith(".mp4")


@dataclass(frozen=True, slots=True)
class World:
    """One half of the vocabulary. `values` are those that each slot may take."""

    half: Half
    values: Mapping[str, tuple[Value, ...]]
    intros: tuple[str, ...]
    captions: tuple[Caption, ...]
    passages: tuple[Passage, ...]
    pictures: tuple[Picture, ...]


@cache
def world(half: Half) -> World:
    """The half of that name."""
    file = resources.files(__package__) / "worlds" / f"{half}.yaml"
    told: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return World(
        half=half,
        values={slot: _values(listed) for slot, listed in told["values"].items()},
        intros=tuple(told["intros"]),
        captions=tuple(Caption(**one) for one in told["captions"]),
        passages=tuple(_passage(one) for one in told["passages"]),
        pictures=tuple(_picture(one) for one in told["pictures"]),
    )


def _values(listed: Any) -> tuple[Value, ...]:
    """A list of words; or lists to combine, or numbers, or years."""
    if isinstance(listed, list):
        return tuple(Value(word, word) for word in listed)
    if "of" in listed:
        return tuple(Value(words, words) for words in map(" ".join, product(*listed["of"])))
    kind = "year" if "years" in listed else "cardinal"
    return tuple(Value(_spoken(n, kind), str(n)) for n in _numbers(next(iter(listed.values()))))


def _numbers(listed: Any) -> list[int]:
    if isinstance(listed, list):
        return listed
    return list(range(listed["from"], listed["to"] + 1, listed["step"]))


def _spoken(number: int, kind: str) -> str:
    from num2words import num2words

    return str(num2words(number, to=kind))


def _passage(told: dict[str, Any]) -> Passage:
    lists = {name: tuple(told[name]) for name in ("said", "search", "untold")}
    return Passage(**{**told, **lists, "facts": tuple(Fact(**fact) for fact in told["facts"])})


def _picture(told: dict[str, Any]) -> Picture:
    clip_s = tuple(told["clip_s"]) if "clip_s" in told else None
    return Picture(**{**told, "search": tuple(told["search"]), "clip_s": clip_s})
