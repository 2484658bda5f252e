"""Decoders that make noise up, begun anew at fixed times of a film.

AAC and AC-3 tell of some sound only how loud it is, and a decoder puts in noise of its own,
which goes on from the noise before. So sound decoded from the middle would not be the sound
decoded from the beginning, and a transcriber that is in doubt would write other words down.
A fresh decoder makes the same noise wherever the reading began.
ISO/IEC 14496-3, 4.6.13 (perceptual noise substitution); ATSC A/52, 7.3.4 (dither).
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Any

NOISY = ("aac", "ac3", "eac3")
_EVERY_S = 20.48
"""A period of the voice detector's too."""
_LEAD_S = 2.0
"""A decoder hears so much before it takes over: spectral band replication needs a header that
comes twice a second or so."""


class FreshDecoder:
    """Decodes the packets of one stream, by a new decoder every 20 s or so of the film's clock."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._latest: deque[tuple[float, Any]] = deque()
        self._period: int | None = None

    def decode(self, packet: Any, time_s: float | None) -> list[Any]:
        """The frames of a packet.

        Args:
            time_s: its time on the film's clock; a packet without one begins nothing.

        Errors:
            av.FFmpegError: the decoder refuses it.
        """
        if time_s is not None:
            self._begin_anew(time_s)
            self._latest.append((time_s, packet))
        return list(self._context.decode(packet))

    def _begin_anew(self, time_s: float) -> None:
        """Where a period begins, let a new decoder take over."""
        while self._latest and self._latest[0][0] < time_s - _LEAD_S:
            self._latest.popleft()
        period = int(time_s // _EVERY_S)
        if self._period is not None and period > self._period:
            self._context = self._warm()
        self._period = period if self._period is None else max(period, self._period)

    def _warm(self) -> Any:
        """A new decoder that has heard the latest packets; what it refuses was told before."""
        import av

        fresh: Any = av.CodecContext.create(self._context.codec.name, "r")
        fresh.extradata = self._context.extradata
        for _, packet in self._latest:
            with contextlib.suppress(av.FFmpegError):
                fresh.decode(packet)
        return fresh
