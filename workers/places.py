"""Where a frame of sound begins, exactly: among the samples of its track and among ours.

A resampler's samples lie between those that it is given, and where depends on which one it
is given first. Each of ours lies a whole number of ours after the beginning of the film's
sound, so that it is the same sample wherever reading begins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenelake.schemas.film import Stream

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

SAMPLE_RATE = 16_000
ROUNDED_S = 0.001
"""Some containers round times to milliseconds: a frame so near to its place is at it."""
_ALIKE = 0.01
"""Frames whose lengths differ by a smaller part than this are of one length."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame begins: `n` samples of `rate` after the beginning of the film's sound.

    Attributes:
        is_counted: as so many frames of one length; its time only confirms that.
    """

    origin_s: float
    n: int
    rate: int
    is_counted: bool

    @property
    def first_s(self) -> float:
        """Where the first of our samples in it belongs."""
        return self.origin_s + _ours(self.n, self.rate) / SAMPLE_RATE

    @property
    def n_lead(self) -> int:
        """Samples since the last one before it that one of ours coincides with."""
        return self.n % (self.rate // math.gcd(self.rate, SAMPLE_RATE))

    @property
    def n_early(self) -> int:
        """Our samples in those."""
        return _ours(self.n_lead, self.rate)


def place_of(frame: AudioFrame, time_s: float | None, stream: Stream) -> Place:
    """Where a frame begins; by the number of frames before it, where times are rounded."""
    rate = frame.sample_rate
    since_s = 0.0 if time_s is None else time_s - stream.start_s
    tick_s = float(frame.time_base or 0)
    n_frames = round(since_s * rate / max(frame.samples, 1))
    is_counted = (
        tick_s * rate > 1
        and _is_of_the_usual_length(frame, stream)
        and abs(n_frames * frame.samples / rate - since_s) < ROUNDED_S
    )
    n = n_frames * frame.samples if is_counted else round(since_s * rate)
    return Place(stream.start_s, n, rate, is_counted)


def silent(frame: AudioFrame, n_samples: int) -> AudioFrame:
    """As many samples of silence in a frame's form."""
    import av

    made = av.AudioFrame(frame.format.name, frame.layout.name, n_samples)
    made.sample_rate = frame.sample_rate
    for plane in made.planes:
        plane.update(bytes(plane.buffer_size))
    return made


def _ours(n: int, rate: int) -> int:
    """How many of our samples begin before the sample `n` of `rate`."""
    return -(-n * SAMPLE_RATE // rate)


def _is_of_the_usual_length(frame: AudioFrame, stream: Stream) -> bool:
    usual_s = (stream.end_s - stream.start_s) / max(stream.n_packets, 1)
    return abs(frame.samples / frame.sample_rate - usual_s) < _ALIKE * usual_s
