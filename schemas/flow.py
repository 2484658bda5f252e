"""What flows of a whole film, when its clips are done: frozen values.

    Clip -> ... -> Heard -> Part -> Summed -> Receipt

A long film is many clips (`schemas.clips`), joined when the last is heard, then parts,
gathered when the last is described (`schemas.story`).
"""

from __future__ import annotations

from dataclasses import dataclass

from scenelake.schemas.film import Source
from scenelake.schemas.rows import Scene


@dataclass(frozen=True, slots=True)
class Ready:
    """A film of which all clips wait in the lake; or, of 0 clips, one that is in it already.

    `is_described`: not even its descriptions are to be made anew.
    """

    source: Source
    n_clips: int
    is_described: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What a film's row says that only the whole film knows."""

    n_scenes: int
    cuts_s: tuple[float, ...]
    language: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Some minutes of a film's scenes, in time order: part `index` of `count`."""

    source: Source
    index: int
    count: int
    scenes: tuple[Scene, ...]
    facts: Facts

    @property
    def n_bytes(self) -> int:
        return sum(len(k.jpeg) for scene in self.scenes for k in scene.keyframes)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A film is in the lake."""

    video_id: str
    uri: str
    n_scenes: int
    media_s: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skipped:
    """An input needed no work; `reason` is a plain sentence."""

    video_id: str
    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class Busy:
    """An input that another run has in hand: to be looked at again when that one is done."""

    video_id: str
    uri: str
    run_id: str
