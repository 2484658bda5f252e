"""Frames and cuts in order of time, however late a detector tells of a cut."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from scenelake.schemas.arrays import UInt8
from scenelake.workers.engines import CutPass
from scenelake.workers.video import VideoFrame


@dataclass(frozen=True, slots=True)
class Placed:
    """A frame, its small (H, W, 3) picture, and the cuts since the frame before."""

    frame: VideoFrame
    small: UInt8
    cuts_s: tuple[float, ...]


@dataclass(slots=True)
class CutOrder:
    """Shows frames to a detector, and gives them back when all cuts up to them are known.

    Args:
        late_frames: a cut is told at most so many frames late; so many are held.
    """

    cuts: CutPass
    late_frames: int
    _held: deque[tuple[VideoFrame, UInt8]] = field(default_factory=deque)
    _cuts_s: deque[float] = field(default_factory=deque)

    def push(self, frame: VideoFrame, small: UInt8) -> Iterator[Placed]:
        """Take the next frame, give an earlier one."""
        self._cuts_s.extend(self.cuts.push(small, frame.time_s))
        self._held.append((frame, small))
        if len(self._held) > self.late_frames:
            yield self._first()

    def finish(self) -> Iterator[Placed]:
        """No more frames come: give those that are held."""
        self._cuts_s.extend(self.cuts.finish())
        while self._held:
            yield self._first()

    def _first(self) -> Placed:
        frame, small = self._held.popleft()
        cuts_s = []
        while self._cuts_s and self._cuts_s[0] <= frame.time_s:
            cuts_s.append(self._cuts_s.popleft())
        return Placed(frame, small, tuple(cuts_s))
