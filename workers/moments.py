"""A scene as a model is told of it: what is seen, said and written, in time order.

A model with eyes gets pictures; one without gets, at their times, the names of what was
recognised in them. Neighbouring scenes are told in brief, apart from the scene itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scenelake.schemas.config import DescribeConfig, FramesConfig
from scenelake.schemas.rows import Keyframe, Label, Scene, Word
from scenelake.workers import shown
from scenelake.workers.chat import Image
from scenelake.workers.evidence import surest, told_labels, told_lines

PAUSE_S = 1.0
MAX_UTTERANCE_WORDS = 40
MAX_AROUND_WORDS = 40

_ENDS = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Moment:
    """Something at an instant: a picture, or words about one, or words said or written."""

    time_s: float
    kind: Literal["seen", "said", "screen"]
    text: str = ""
    image: Image | None = None


@dataclass(frozen=True, slots=True)
class Nearby:
    """What is told of a neighbour, `offset` scenes later (negative: earlier).

    `text` may also sum up several; it then stands for offset 0.
    """

    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Material:
    """All that a model may be told of a scene.

    Attributes:
        moments: in time order; at equal times pictures come first.
        sounds: names of what is heard besides speech.
        around: neighbours, in time order.
        foreign: all that neighbours say and have on screen, and this scene may not.
    """

    scene: Scene
    moments: tuple[Moment, ...]
    sounds: tuple[str, ...] = ()
    around: tuple[Nearby, ...] = ()
    foreign: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of the scene itself."""
        return not self.moments and not self.sounds

    @property
    def times_s(self) -> tuple[float, ...]:
        """Times of the pictures that are shown or told of."""
        return tuple(sorted({m.time_s for m in self.moments if m.kind != "said"}))


def materials(
    scenes: Sequence[Scene], config: DescribeConfig, *, sees: bool
) -> tuple[Material, ...]:
    """What is to be told of each of some neighbouring scenes of one film, in time order."""
    return tuple(
        _material(scene, _neighbours(scenes, index, config.n_neighbours), config, sees=sees)
        for index, scene in enumerate(scenes)
    )


def _material(
    scene: Scene, neighbours: Mapping[int, Scene], config: DescribeConfig, *, sees: bool
) -> Material:
    told = [Nearby(offset, brief(other)) for offset, other in neighbours.items()]
    texts = [text for other in neighbours.values() for text in told_texts(other)]
    return Material(
        scene,
        moments=moments_of(scene, config, sees=sees),
        sounds=surest(scene.audio_events),
        around=tuple(nearby for nearby in told if nearby.text),
        foreign=tuple(texts),
    )


def told_texts(scene: Scene) -> tuple[str, ...]:
    """What is said in a scene, in English too where that is known, and each line on screen."""
    said = scene.transcript, scene.translation
    return tuple(text for text in (*said, *(t.text for t in scene.ocr)) if text)


def utterances(words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    """Words in sentences: parted after a full stop, at a pause, or where another speaks."""
    said: list[Word] = []
    for word in words:
        if said and _parts(said, word):
            yield tuple(said)
            said = []
        said.append(word)
    if said:
        yield tuple(said)


def _parts(said: Sequence[Word], word: Word) -> bool:
    last = said[-1]
    return (
        last.text.rstrip("\"'”’)").endswith(_ENDS)  # noqa: RUF001
        or word.start_s - last.end_s >= PAUSE_S
        or word.speaker != last.speaker
        or len(said) >= MAX_UTTERANCE_WORDS
    )


def moments_of(scene: Scene, config: FramesConfig, *, sees: bool) -> tuple[Moment, ...]:
    """What a scene shows, says and has on screen, in time order."""
    frames = shown.choose(scene.keyframes, config)
    side_px = shown.side_px(scene.keyframes, config)
    told = [
        _seen(frame, side_px=side_px) if sees else _named(frame.labels, frame) for frame in frames
    ]
    moments = [moment for moment in told if moment is not None]
    moments += [Moment(t.time_s, "screen", t.text.strip()) for t in scene.ocr if t.text.strip()]
    moments += [
        Moment(said[0].start_s, "said", " ".join(word.text for word in said))
        for said in utterances(scene.words)
    ]
    return tuple(sorted(moments, key=lambda m: (m.time_s, m.kind == "said", m.kind == "screen")))


def _seen(frame: Keyframe, *, side_px: int) -> Moment | None:
    image = shown.picture(frame, max_side_px=side_px)
    return None if image is None else Moment(frame.time_s, "seen", image=image)


def _named(labels: Sequence[Label], frame: Keyframe) -> Moment | None:
    names = surest(labels)
    return Moment(frame.time_s, "seen", ", ".join(names)) if names else None


def _neighbours(scenes: Sequence[Scene], index: int, n: int) -> dict[int, Scene]:
    """The scenes at most `n` before and after one, by how many scenes later they are."""
    others = range(max(0, index - n), min(len(scenes), index + n + 1))
    film = scenes[index].video_id
    return {o - index: scenes[o] for o in others if o != index and scenes[o].video_id == film}


def brief(scene: Scene) -> str:
    """What a scene says and shows, in one line; "" where nothing is known."""
    words = scene.transcript.split()
    more = " …" if len(words) > MAX_AROUND_WORDS else ""
    said = " ".join(words[:MAX_AROUND_WORDS])
    parts = {
        "said": f'"{said}"{more}' if said else "",
        "seen": ", ".join(told_labels(scene)),
        "on screen": ", ".join(f'"{line}"' for line in told_lines(scene)),
    }
    return "; ".join(f"{what}: {text}" for what, text in parts.items() if text)
