"""What is filmed: from a seed, each film's scenes in order, and nothing by chance."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TypeVar

from scenelake.pipeline.evaluation.own.world import Caption, Half, Passage, Picture, Value, world

T = TypeVar("T")

VERSION = 1
"""Another one for films that a script of the same seed makes otherwise."""

_SOUNDS = ("bell", "rain", "telephone", "siren")
_DISSOLVES = 0.25
_SOUNDING = 0.33
_CAPTIONED = 0.4


@dataclass(frozen=True, slots=True)
class Form:
    """How a film is written; its container is the ending of its file's name."""

    ending: str
    fps: Fraction
    size: tuple[int, int]


FORMS = (
    Form("mp4", Fraction(25), (640, 360)),
    Form("mkv", Fraction(24_000, 1001), (640, 360)),
    Form("mov", Fraction(30_000, 1001), (512, 384)),
    Form("webm", Fraction(30), (480, 270)),
    Form("avi", Fraction(25), (640, 360)),
    Form("ts", Fraction(25), (480, 360)),
)


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of espeak-ng, and words a minute."""

    name: str
    wpm: int


VOICES = (
    Voice("en-us+klatt", 125),
    Voice("en-us+klatt2", 140),
    Voice("en-us+klatt", 155),
    Voice("en-gb-x-rp+klatt2", 125),
)
"""Chosen on the development half, of twenty: those that Whisper tiny hears best."""


@dataclass(frozen=True, slots=True)
class Camera:
    """How a picture is shown: from one view to another, perhaps mirrored, a bit off colour.

    Attributes:
        start, end: (x, y, width) of what is seen: its centre, and its width as a share of
            the widest view.
        warmth: factor on red, and by its inverse on blue.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    is_mirrored: bool
    warmth: float
    brightness: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, what is said over it, what is written on it, a sound after the words.

    Attributes:
        dissolves: the picture of the scene before passes into this one, instead of a cut.
    """

    picture: Picture
    camera: Camera
    passage: Passage
    values: Mapping[str, Value]
    said: tuple[str, ...]
    caption: Caption | None
    sound: str | None
    dissolves: bool

    @property
    def screen_text(self) -> str:
        return self.caption.text if self.caption else ""


@dataclass(frozen=True, slots=True)
class Script:
    """One film: where it plays, how it is written, who speaks, its scenes."""

    name: str
    town: Value
    form: Form
    voice: Voice
    scenes: tuple[Scene, ...]

    @property
    def file(self) -> str:
        return f"{self.name}.{self.form.ending}"


def scripts(half: Half, *, seed: int, n_films: int, n_scenes: int) -> list[Script]:
    """The films of a seed. More films leave the first ones as they are.

    Passages and pictures are dealt like cards: none comes again before all have come.
    """
    here = world(half)
    rng = random.Random(f"{half} {seed} {n_scenes}")
    passages, pictures = _dealt(here.passages, rng), _dealt(here.pictures, rng)
    towns = _dealt(here.values["town"], rng)
    made: list[Script] = []
    for index in range(n_films):
        town, form = next(towns), FORMS[index % len(FORMS)]
        told, shown = list(islice(passages, n_scenes)), list(islice(pictures, n_scenes))
        scenes = _scenes(half, told, shown, rng=random.Random(rng.random()), town=town)
        voice = VOICES[index % len(VOICES)]
        made.append(Script(f"{half}-{seed}-{index:03}", town, form, voice, scenes))
    return made


def written(template: str, values: Mapping[str, Value]) -> str:
    return template.format(**{slot: value.written for slot, value in values.items()})


def spoken(template: str, values: Mapping[str, Value]) -> str:
    return template.format(**{slot: value.said for slot, value in values.items()})


def slots(template: str) -> list[str]:
    return [slot for _, slot, _, _ in string.Formatter().parse(template) if slot]


def _dealt(cards: Sequence[T], rng: random.Random) -> Iterator[T]:
    """All cards in any order, and so again."""
    own = random.Random(rng.random())
    while True:
        yield from own.sample(cards, len(cards))


def _scenes(
    half: Half,
    passages: Sequence[Passage],
    pictures: Sequence[Picture],
    *,
    rng: random.Random,
    town: Value,
) -> tuple[Scene, ...]:
    """A film's scenes; within it, no slot takes a value twice as long as there are others."""
    here = world(half)
    deck = {slot: _dealt(values, rng) for slot, values in here.values.items()}
    captions = iter(rng.sample(here.captions, len(here.captions)))
    found = []
    for index, (passage, picture) in enumerate(zip(passages, pictures, strict=True)):
        caption = next(captions, None) if rng.random() < _CAPTIONED else None
        values = {slot: next(of) for slot, of in deck.items()} | {"town": town}
        own = {slot: next(deck[slot]) for slot in slots(caption.text)} if caption else {}
        opening = [rng.choice(here.intros)] if index == 0 else []
        scene = Scene(
            picture=picture,
            camera=_camera(rng, moves=picture.moves),
            passage=passage,
            values=values,
            said=tuple(spoken(line, values) for line in [*opening, *passage.said]),
            caption=_filled(caption, own) if caption else None,
            sound=rng.choice(_SOUNDS) if rng.random() < _SOUNDING else None,
            dissolves=index > 0 and rng.random() < _DISSOLVES,
        )
        found.append(scene)
    return tuple(found)


def _filled(caption: Caption, values: Mapping[str, Value]) -> Caption:
    """A caption with words of its own, which nobody says."""
    return Caption(*(written(part, values) for part in (caption.text, caption.ask, caption.answer)))


def _camera(rng: random.Random, *, moves: bool) -> Camera:
    views = [
        (rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6), rng.uniform(0.8, 1.0)) for _ in range(2)
    ]
    if moves:
        views = [(0.5, 0.5, 1.0)] * 2
    return Camera(
        start=views[0],
        end=views[1],
        is_mirrored=rng.random() < 0.5,
        warmth=rng.uniform(0.95, 1.05),
        brightness=rng.uniform(0.9, 1.1),
    )
