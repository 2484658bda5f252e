"""A film as its packets tell: its streams, and where its reading may begin.

Seconds are float64 on the film's own clock, whose zero is the earliest stream start of
the container. Spans are half open: ``start_s <= t < end_s``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from scenelake.schemas.checks import require


@dataclass(frozen=True, slots=True)
class Stream:
    """One elementary stream, as its packets tell (not its header).

    Attributes:
        index: position in the container.
        kind: ``"video"`` or ``"audio"``.
        codec: ffmpeg's decoder name, ``"h264"``.
        start_s: presentation time of the first packet on the film's clock.
        end_s: end of the last packet.
        n_packets: packets that carry a picture or sound.
        rate: frames per second on average, or samples per second.
        width, height: coded size in pixels, 0 for audio.
        rotation: degrees clockwise to turn a picture upright: 0, 90, 180 or 270.
        header_duration_s: what the container's header claims, if it does.
    """

    index: int
    kind: Literal["video", "audio"]
    codec: str
    start_s: float
    end_s: float
    n_packets: int
    rate: float
    width: int = 0
    height: int = 0
    rotation: int = 0
    header_duration_s: float | None = None

    def __post_init__(self) -> None:
        require(
            math.isfinite(self.start_s) and self.end_s >= self.start_s,
            f"stream {self.index}: span {self.start_s}..{self.end_s} s is not a span",
        )
        require(self.rotation in (0, 90, 180, 270), f"rotation {self.rotation} is not a quarter")


@dataclass(frozen=True, slots=True)
class Entry:
    """A packet at which reading may begin in mid-film, as the probe met it.

    Attributes:
        time_s: its presentation time on the film's clock.
        position: its byte offset in the file, -1 where the container does not tell.
        n_bytes: its size.
        pts, dts: its presentation and decoding time in its stream's own units, as the
            container has them; some have no decoding times.
        offset_s: what the mending of jumps had added to time stamps by then.
        ends_s: where the other streams had got to by then: each one's index and the end of
            its last packet on the container's mended clock.
    """

    time_s: float
    position: int
    n_bytes: int
    pts: int
    dts: int | None = None
    offset_s: float = 0.0
    ends_s: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One film: a file with at least one video or audio stream.

    Attributes:
        video_id: hash of the content; a copy or a renamed file has the same.
        uri: where it was read from.
        container: ffmpeg's demuxer name.
        duration_s: end of the last packet of any chosen stream, on the film's clock.
        zero_s: container time that is zero on the film's clock.
        streams: the streams to be read: at most one of video, one of audio.
        n_bytes: size of the file.
        warnings: plain sentences on what is wrong with the file.
        entries: packets with a whole picture, some seconds apart, in time order.
    """

    video_id: str
    uri: str
    container: str
    duration_s: float
    zero_s: float
    streams: tuple[Stream, ...]
    n_bytes: int
    warnings: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()

    def __post_init__(self) -> None:
        require(bool(self.video_id), "video_id is empty")
        require(
            math.isfinite(self.duration_s) and self.duration_s > 0,
            f"duration of {self.uri} is {self.duration_s} s, expected more than 0",
        )

    @property
    def indices(self) -> list[int]:
        """Positions of the streams in the container."""
        return [stream.index for stream in self.streams]

    @property
    def video(self) -> Stream | None:
        return next((s for s in self.streams if s.kind == "video"), None)

    @property
    def audio(self) -> Stream | None:
        return next((s for s in self.streams if s.kind == "audio"), None)
