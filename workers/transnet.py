"""Cuts and gradual transitions by TransNetV2, a small 3D network over tiny pictures.

Source: Souček and Lokoč 2020, arXiv:2008.04838. As its authors do, the network is shown
100 pictures at a time, of which the middle 50 count, and a film's first and last picture
stand for what is before and after it. The middles begin where the film's own clock says,
so that a film read in clips is shown to the network as the same film read whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenelake.schemas.arrays import Float32, UInt8
from scenelake.schemas.config import CutConfig
from scenelake.workers import weights
from scenelake.workers.devices import device_of, share_cores
from scenelake.workers.engines import CutPass

if TYPE_CHECKING:
    from scenelake.workers.transnet_network import Network

WEIGHTS = "transnetv2"
WINDOW, MIDDLE, BEFORE = 100, 50, 25
"""Pictures that the network is shown, that count, and that come before those."""

_SIZE_PX = (48, 27)
_DEFAULT_RATE = 25.0


class TransNetV2:
    """A :class:`~scenelake.workers.engines.CutDetector` for films with gradual transitions.

    A cut is the presentation time of the first picture after a transition.
    """

    late_frames = WINDOW - BEFORE
    lead_frames = WINDOW

    def __init__(self, config: CutConfig) -> None:
        self._config = config
        self._network: Network | None = None

    @property
    def model(self) -> str:
        return weights.identity(WEIGHTS)

    @property
    def weights(self) -> tuple[str, ...]:
        return (WEIGHTS,)

    def setup(self) -> None:
        """Load the network, onto a GPU where there is one; a second call does nothing.

        Errors:
            MissingWeightsError: the weights are not on this machine.
        """
        from scenelake.workers.transnet_network import Network

        if self._network is not None:
            return
        share_cores()
        self._network = Network(_state(weights.locate(WEIGHTS)), device=device_of("auto"))

    def start(self, *, rate: float, zero_s: float = 0.0) -> CutPass:
        """Begin a film of `rate` frames per second whose first picture is at `zero_s`."""
        return self.predicting(rate=rate, zero_s=zero_s)

    def predicting(self, *, rate: float, zero_s: float = 0.0) -> TransNetPass:
        """As `start`; the pass also tells what it predicts."""
        assert self._network is not None, "setup() comes first"
        threshold = self._config.transition_threshold
        return TransNetPass(self._network, threshold, rate or _DEFAULT_RATE, zero_s)


class TransNetPass:
    """One film, once through.

    Attributes:
        predictions: the probability of each picture so far to be within a transition.
    """

    def __init__(self, network: Network, threshold: float, rate: float, zero_s: float) -> None:
        self.predictions: list[float] = []
        self._network = network
        self._threshold = threshold
        self._rate = rate
        self._zero_s = zero_s
        self._shown: deque[tuple[float, UInt8]] = deque()
        self._n_gone = 0
        self._starts: deque[int] = deque()
        self._stretch = -1
        self._seen_shot = self._in_transition = False

    def push(self, picture: UInt8, time_s: float) -> list[float]:
        """Take the next (H, W, 3) picture; give the times of cuts that are sure by now."""
        self._begin_stretch(round((time_s - self._zero_s) * self._rate) // MIDDLE)
        self._shown.append((time_s, _tiny(picture)))
        cuts_s: list[float] = []
        while self._starts and self._n_pushed >= self._starts[0] + WINDOW - BEFORE:
            cuts_s += self._decide()
        return cuts_s

    def finish(self) -> list[float]:
        """No more pictures come: decide on those that are left."""
        cuts_s: list[float] = []
        while self._starts:
            cuts_s += self._decide()
        return cuts_s

    @property
    def _n_pushed(self) -> int:
        return self._n_gone + len(self._shown)

    def _begin_stretch(self, stretch: int) -> None:
        """Note where pictures begin to be the middle of a window: no more than `MIDDLE`."""
        is_full = bool(self._starts) and self._n_pushed - self._starts[-1] >= MIDDLE
        if stretch != self._stretch or is_full or not self._starts:
            self._starts.append(self._n_pushed)
            self._stretch = stretch

    def _decide(self) -> list[float]:
        """Show the network the next window; cuts in its middle."""
        start = self._starts.popleft()
        end = self._starts[0] if self._starts else self._n_pushed
        found = self._network(self._window(start))[BEFORE : BEFORE + end - start]
        first = start - self._n_gone
        times_s = [self._shown[first + i][0] for i in range(end - start)]
        self.predictions += found.tolist()
        self._forget(end - BEFORE)
        return self._cuts(found, times_s)

    def _window(self, start: int) -> UInt8:
        """(WINDOW, 27, 48, 3); what is before and after all that was shown is its repetition."""
        places = np.arange(start - BEFORE, start - BEFORE + WINDOW) - self._n_gone
        return np.stack([self._shown[i][1] for i in places.clip(0, len(self._shown) - 1)])

    def _forget(self, before: int) -> None:
        while self._n_gone < before:
            self._shown.popleft()
            self._n_gone += 1

    def _cuts(self, found: Float32, times_s: Sequence[float]) -> list[float]:
        """Times of pictures right after a transition from an earlier shot."""
        cuts_s = []
        for is_transition, time_s in zip(found > self._threshold, times_s, strict=True):
            if is_transition:
                self._in_transition = self._seen_shot
                continue
            if self._in_transition:
                cuts_s.append(time_s)
            self._in_transition, self._seen_shot = False, True
        return cuts_s


def _tiny(picture: UInt8) -> UInt8:
    import cv2

    if picture.shape[1::-1] == _SIZE_PX:
        return picture.copy()
    return np.asarray(cv2.resize(picture, _SIZE_PX, interpolation=cv2.INTER_AREA), np.uint8)


def _state(folder: Path) -> dict[str, object]:
    import torch

    (path,) = folder.glob("*.pth")
    state: dict[str, object] = torch.load(path, map_location="cpu", weights_only=True)
    return state
