"""What flows from step to step: frozen values that check themselves.

Seconds are float64 on the film's own clock, whose zero is the earliest stream start of
the container. Spans are half open: ``start_s <= t < end_s``.

    Clip -> Footage -> Seen -> Read -> Heard -> Film

Each step takes one of these and gives the next; none is filled in along the way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scenelake.schemas.rows import Label, Scene, ScreenText, Shot, Word

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]
UInt8 = NDArray[np.uint8]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


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
        _require(
            math.isfinite(self.start_s) and self.end_s >= self.start_s,
            f"stream {self.index}: span {self.start_s}..{self.end_s} s is not a span",
        )
        _require(self.rotation in (0, 90, 180, 270), f"rotation {self.rotation} is not a quarter")


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
    """

    video_id: str
    uri: str
    container: str
    duration_s: float
    zero_s: float
    streams: tuple[Stream, ...]
    n_bytes: int
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(bool(self.video_id), "video_id is empty")
        _require(
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


@dataclass(frozen=True, slots=True)
class Clip:
    """A unit of work inside one film: piece `index` of `count`, ``[start_s, end_s)``."""

    source: Source
    index: int
    count: int
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        _require(0 <= self.index < self.count, f"clip {self.index} of {self.count}")
        _require(
            0 <= self.start_s < self.end_s <= self.source.duration_s,
            f"clip {self.start_s}..{self.end_s} s outside 0..{self.source.duration_s} s",
        )


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Pictures: `data` (N, H, W, 3) uint8 RGB upright, `time_s` (N,) float64."""

    data: UInt8
    time_s: Float64

    def __post_init__(self) -> None:
        _require(
            self.data.ndim == 4 and self.data.shape[3] == 3 and self.data.dtype == np.uint8,
            f"frames are {self.data.dtype} {self.data.shape}, expected uint8 (N, H, W, 3)",
        )
        _require(
            self.time_s.shape == (len(self.data),),
            f"{len(self.data)} frames with times of shape {self.time_s.shape}",
        )


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """Sound: `data` (T,) float32 mono in -1..1, its first sample at `start_s`."""

    data: Float32
    sample_rate: int
    start_s: float

    def __post_init__(self) -> None:
        _require(
            self.data.ndim == 1 and self.data.dtype == np.float32,
            f"samples are {self.data.dtype} {self.data.shape}, expected float32 (T,)",
        )
        _require(self.sample_rate > 0, f"sample rate {self.sample_rate}")

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.data) / self.sample_rate


@dataclass(frozen=True, slots=True)
class Utterance:
    """A stretch with speech in it: `samples` (T,) int16 mono, the first at `start_s`."""

    samples: Int16
    sample_rate: int
    start_s: float

    def __post_init__(self) -> None:
        _require(
            self.samples.ndim == 1 and self.samples.dtype == np.int16,
            f"samples are {self.samples.dtype} {self.samples.shape}, expected int16 (T,)",
        )

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / self.sample_rate


@dataclass(frozen=True, slots=True)
class Picture:
    """A still as it travels between steps: JPEG bytes and its presentation time."""

    time_s: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Footage:
    """What one pass over a clip leaves: shots, a few pictures, the stretches of speech.

    `shots` tile ``[clip.start_s, clip.end_s)``; a film without pictures is one shot.
    `pictures` and `utterances` are in time order.
    """

    clip: Clip
    shots: tuple[Shot, ...]
    pictures: tuple[Picture, ...]
    utterances: tuple[Utterance, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VisualEncoding:
    """What a visual encoder makes of N pictures.

    `vectors` (N, D) float32 of length 1, `time_s` (N,), `labels` N tuples, best first,
    `model` as ``name@revision``. N may be 0; D is the model's own even then.
    """

    vectors: Float32
    time_s: Float64
    labels: tuple[tuple[Label, ...], ...]
    model: str

    def __post_init__(self) -> None:
        n = len(self.time_s)
        _require(
            self.vectors.ndim == 2 and len(self.vectors) == n and len(self.labels) == n,
            f"{n} times, vectors {self.vectors.shape}, {len(self.labels)} label lists",
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """Footage with its pictures encoded."""

    footage: Footage
    encoding: VisualEncoding


@dataclass(frozen=True, slots=True)
class Read:
    """Footage with its screen text read."""

    seen: Seen
    texts: tuple[ScreenText, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """Footage with its speech written down; the samples are no longer carried."""

    read: Read
    words: tuple[Word, ...]
    language: str | None

    def __post_init__(self) -> None:
        _require(
            all(a.start_s <= b.start_s for a, b in zip(self.words, self.words[1:], strict=False)),
            "words are not in time order",
        )


@dataclass(frozen=True, slots=True)
class Film:
    """A clip's scenes in time order."""

    clip: Clip
    scenes: tuple[Scene, ...]
    language: str | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A film is in the lake."""

    video_id: str
    uri: str
    n_scenes: int
    media_s: float


@dataclass(frozen=True, slots=True)
class Skipped:
    """An input needed no work; `reason` is a plain sentence."""

    video_id: str
    uri: str
    reason: str
