"""What flows from step to step: frozen values that check themselves.

Seconds are float64 on the film's own clock, whose zero is the earliest stream start of
the container. Spans are half open: ``start_s <= t < end_s``.

    Clip -> Footage -> Seen -> Read -> Heard -> Part -> Summed -> Receipt

Each step takes one of these and gives the next; none is filled in along the way. A long
film is many clips, joined when the last is heard, then parts, gathered when the last is
described (`schemas.story`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scenelake.schemas.rows import Keyframe, Label, Scene, ScreenText, Word

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


EVERYTHING: frozenset[str] = frozenset({"cut", "visual", "ocr", "speech"})
"""The column families that are made clip by clip."""


@dataclass(frozen=True, slots=True)
class Track:
    """How the reading of one stream of a clip went.

    Attributes:
        n_frames: frames that were decoded, of pictures or of sound.
        last_s: presentation time of the last one.
        n_refused: packets that the decoder refused, the first at `first_refused_s`.
        broke_off: why the file could not be read to its end.
        notes: what else is to be said of it, in plain sentences.
    """

    kind: Literal["video", "audio"]
    n_frames: int = 0
    last_s: float = 0.0
    n_refused: int = 0
    first_refused_s: float | None = None
    broke_off: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What is known of a stretch of a film: all that one clip gives.

    Attributes:
        start_s, end_s: the clip's, which its words keep to but for the speech that crosses.
        pictures_start_s, pictures_end_s: what its pictures cover: the clip moved to cuts.
        cuts_s: where shots begin, in time order.
        keyframes: in time order.
        words: in time order, among them those of speech that crosses an end.
        language: ISO 639-1, None where nothing is said.
        translation: what is said in English, as words too, where that was asked for.
    """

    start_s: float
    end_s: float
    pictures_start_s: float
    pictures_end_s: float
    cuts_s: tuple[float, ...] = ()
    keyframes: tuple[Keyframe, ...] = ()
    words: tuple[Word, ...] = ()
    language: str | None = None
    tracks: tuple[Track, ...] = ()
    translation: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """A unit of work inside one film: piece `index` of `count`, ``[start_s, end_s)``.

    Attributes:
        makes: the column families to be made; what the others hold is in `known`.
    """

    source: Source
    index: int
    count: int
    start_s: float
    end_s: float
    makes: frozenset[str] = EVERYTHING
    known: Piece | None = None

    def __post_init__(self) -> None:
        _require(0 <= self.index < self.count, f"clip {self.index} of {self.count}")
        _require(
            0 <= self.start_s < self.end_s <= self.source.duration_s,
            f"clip {self.start_s}..{self.end_s} s outside 0..{self.source.duration_s} s",
        )
        _require(
            self.known is not None or self.makes == EVERYTHING,
            f"clip makes {sorted(self.makes)} alone, and nothing is known of the rest",
        )

    @property
    def clip(self) -> Clip:
        return self

    @property
    def n_bytes(self) -> int:
        """About what it weighs on its way."""
        return sum(len(k.jpeg) for k in self.known.keyframes) if self.known else 0


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
    """What one pass over a clip leaves: cuts, a few pictures, the stretches of speech.

    `start_s` and `end_s` are the clip's, moved to cuts. `cuts_s`, `pictures` and
    `utterances` are in time order.
    """

    clip: Clip
    start_s: float
    end_s: float
    cuts_s: tuple[float, ...]
    pictures: tuple[Picture, ...]
    utterances: tuple[Utterance, ...]
    tracks: tuple[Track, ...] = ()

    @property
    def n_bytes(self) -> int:
        pictures = sum(len(picture.jpeg) for picture in self.pictures)
        return pictures + sum(utterance.samples.nbytes for utterance in self.utterances)


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
        _require(bool(np.isfinite(self.vectors).all()), f"{self.model}: vectors are not numbers")


@dataclass(frozen=True, slots=True)
class Seen:
    """Footage with its pictures encoded."""

    footage: Footage
    encoding: VisualEncoding

    @property
    def clip(self) -> Clip:
        return self.footage.clip

    @property
    def n_bytes(self) -> int:
        return self.footage.n_bytes + self.encoding.vectors.nbytes


@dataclass(frozen=True, slots=True)
class Read:
    """Footage with its screen text read."""

    seen: Seen
    texts: tuple[ScreenText, ...]

    @property
    def clip(self) -> Clip:
        return self.seen.clip

    @property
    def n_bytes(self) -> int:
        return self.seen.n_bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip with its speech written down; the samples are no longer carried."""

    clip: Clip
    piece: Piece

    @property
    def n_bytes(self) -> int:
        return sum(len(keyframe.jpeg) for keyframe in self.piece.keyframes)


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
