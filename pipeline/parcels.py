"""What travels through the steps, whichever engine runs them.

An item travels in a `Parcel` with the address it came from; `Event` tells what happens to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from scenelake.schemas.clips import Clip
from scenelake.schemas.film import Source
from scenelake.schemas.flow import Busy, Part, Receipt, Skipped
from scenelake.schemas.rows import Failure

_ENDS = (Failure, Skipped, Receipt, Busy)


@dataclass(frozen=True, slots=True)
class Parcel:
    """An item on its way."""

    uri: str
    run_id: str
    item: Any
    video_id: str | None = None

    @property
    def ended(self) -> bool:
        return isinstance(self.item, _ENDS)

    @property
    def n_bytes(self) -> int:
        """About what it weighs."""
        return int(getattr(self.item, "n_bytes", 0))

    @property
    def clip(self) -> Clip | None:
        """The clip that the item is of."""
        clip = getattr(self.item, "clip", None)
        return clip if isinstance(clip, Clip) else None

    @property
    def position(self) -> tuple[int | None, int | None]:
        """Which of its film's clips or parts the item is, and of how many."""
        clip = self.clip
        if clip is not None:
            return clip.index, clip.count
        part = self._part
        return (part.index, part.count) if isinstance(part, Part) else (None, None)

    @property
    def source(self) -> Source | None:
        """The film that the item is of, as it was probed."""
        clip = self.clip
        source = clip.source if clip is not None else getattr(self._part, "source", None)
        return source if isinstance(source, Source) else None

    @property
    def place(self) -> str:
        """The film, and the clip where there are several, for messages."""
        clip = self.clip
        if clip is None or clip.count == 1:
            return self.uri
        return f"{self.uri} clip {clip.index + 1}/{clip.count}"

    @property
    def key(self) -> tuple[str, ...]:
        """What tells the item from the others of its film."""
        return type(self.item).__name__, str(self.position[0])

    def carrying(self, item: Any) -> Parcel:
        """The parcel with what a step made of its item."""
        made = replace(self, item=item)
        return replace(made, video_id=made._told_id or self.video_id)

    @property
    def _part(self) -> Any:
        """The part that the item is, or that it has around it; else the item."""
        return getattr(self.item, "part", self.item)

    @property
    def _told_id(self) -> str | None:
        """The film that the item belongs to, as far as the item says."""
        if isinstance(self.item, Skipped | Receipt | Busy):
            return self.item.video_id
        source = self.source
        return source.video_id if source is not None else None


@dataclass(frozen=True, slots=True)
class Event:
    """A step takes up a clip of an input, or is done with it after `busy_s`.

    `media_s`: the film's duration, where it is known; `n_clips`: how many it has; `counts`:
    what else the step counted since it last finished, tokens for one.
    """

    uri: str
    step: str
    kind: Literal["started", "finished"]
    clip: int | None = None
    n_clips: int | None = None
    media_s: float | None = None
    busy_s: float = 0.0
    counts: Mapping[str, float] = field(default_factory=dict)
