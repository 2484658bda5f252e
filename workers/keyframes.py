"""Which pictures stand for a shot: sharp ones near its middle, away from the transitions.

The end of a shot is not known while it runs, so candidates are kept in memory as arrays,
a bounded number, and only the chosen ones become JPEG.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from scenelake.schemas.arrays import UInt8
from scenelake.schemas.config import KeyframeConfig
from scenelake.schemas.media import Picture
from scenelake.workers.video import VideoFrame

_YOUNG_S = 1.0
_YOUNG_EVERY_S = 0.125
_MIN_WINDOW_S = 2.0


@dataclass(slots=True)
class _Candidate:
    time_s: float
    sharpness: float
    picture: UInt8


@dataclass(slots=True)
class KeyframeChooser:
    """Takes frames and cuts in time order, gives the chosen pictures as JPEG.

    A shot is looked at in windows of `every_s`. Each gives the sharpest candidate of its
    middle half; a last window under 2 s gives none if the shot has one already.

    Args:
        size: width and height of the pictures to keep.
        start_s: where the first shot begins.
    """

    config: KeyframeConfig
    size: tuple[int, int]
    start_s: float = 0.0
    _candidates: list[_Candidate] = field(default_factory=list)
    _window_start_s: float = field(init=False)
    _shot_start_s: float = field(init=False)
    _shot_has_one: bool = False

    def __post_init__(self) -> None:
        self._window_start_s = self._shot_start_s = self.start_s

    def push(self, frame: VideoFrame, small: UInt8) -> Iterator[Picture]:
        """Take a frame; `small` is its (H, W, 3) picture for the measure of sharpness."""
        if frame.time_s - self._window_start_s >= self.config.every_s:
            yield from self._close(frame.time_s)
        if self._due(frame.time_s):
            picture = frame.picture(*self.size)
            self._candidates.append(_Candidate(frame.time_s, sharpness(small), picture))

    def cut(self, time_s: float) -> Iterator[Picture]:
        """A shot ends at `time_s`, and the frame to come is the first of another."""
        yield from self._close(time_s)
        self._shot_start_s = time_s
        self._shot_has_one = False

    def finish(self, end_s: float) -> Iterator[Picture]:
        """The last shot ends."""
        yield from self._close(end_s)

    def copy(self) -> KeyframeChooser:
        """Another one that has seen the same."""
        twin = copy.copy(self)
        twin._candidates = list(self._candidates)
        return twin

    def _due(self, time_s: float) -> bool:
        if not self._candidates:
            return True
        young = time_s - self._shot_start_s < _YOUNG_S
        every_s = _YOUNG_EVERY_S if young else self.config.candidate_every_s
        return time_s - self._candidates[-1].time_s >= every_s - 1e-6

    def _close(self, end_s: float) -> Iterator[Picture]:
        start_s, self._window_start_s = self._window_start_s, end_s
        candidates, self._candidates = self._candidates, []
        too_short = end_s - start_s < _MIN_WINDOW_S and self._shot_has_one
        if candidates and not too_short:
            best = _best(candidates, start_s, end_s)
            self._shot_has_one = True
            yield Picture(best.time_s, to_jpeg(best.picture, quality=self.config.jpeg_quality))


def _best(candidates: list[_Candidate], start_s: float, end_s: float) -> _Candidate:
    middle_s, quarter_s = (start_s + end_s) / 2, (end_s - start_s) / 4
    central = [c for c in candidates if abs(c.time_s - middle_s) <= quarter_s]
    if central:
        return max(central, key=lambda c: c.sharpness)
    return min(candidates, key=lambda c: abs(c.time_s - middle_s))


def sharpness(picture: UInt8) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000) of an (H, W, 3) RGB picture."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def to_jpeg(picture: UInt8, *, quality: int) -> bytes:
    """An (H, W, 3) RGB picture as JPEG."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} does not make a JPEG")
    return bytes(data)


def from_jpeg(jpeg: bytes) -> UInt8:
    """JPEG bytes as an (H, W, 3) RGB picture."""
    bgr = cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"{len(jpeg)} bytes are not a JPEG")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
