"""Pictures of a film in presentation order, by one of two decoders behind one interface.

Times are the container's own. decord's times are wrong in several containers (they start
at zero where the film starts later; they are noise in MPEG program streams), so decord
gives pictures by index and the packets give their times.

PyAV is the default: for a second of CPU it reads 1.0 to 2.0 times as much film as decord
(tests/bench/RESULTS.md), and it reads every container that ffmpeg reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from scenelake.schemas.arrays import Float64, UInt8
from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Source, Stream
from scenelake.workers.container import demux, open_media
from scenelake.workers.packets import (
    DecodeReport,
    Span,
    decoded_frames,
    frame_s,
    packet_s,
    span_of,
)

if TYPE_CHECKING:
    from av.video.frame import VideoFrame as AvFrame

_DECORD_BATCH = 16
_NOT_BY_DECORD = ("mpegts",)
"""Where decord, in silence, shows one picture for another: a flash at 2.0 s came at 0.02 s."""
_SOUGHT_BY_DECORD = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""Where decord goes to the middle of a film and shows the right picture, if groups are closed.
In avi, flv, asf and program streams it was seen to show others."""


class VideoFrame(Protocol):
    """A decoded picture that is converted when asked for."""

    time_s: float

    def picture(self, width: int, height: int) -> UInt8:
        """(height, width, 3) RGB upright; sizes are those of the upright picture."""
        ...


class VideoReader(Protocol):
    """The pictures of a film or of a piece of it, once through."""

    report: DecodeReport

    def frames(self) -> Iterator[VideoFrame]:
        """In presentation order, times rising, seconds on the film's clock."""
        ...


def open_video(
    path: Path,
    source: Source,
    *,
    backend: str,
    max_side_px: int,
    start_s: float = 0.0,
    end_s: float = math.inf,
) -> VideoReader:
    """A reader of the film's pictures by the decoder named ``pyav`` or ``decord``.

    Args:
        max_side_px: no picture will be asked for that is larger; decord scales to it
            while decoding.
        start_s, end_s: only pictures with ``start_s <= time_s < end_s``; they and their
            times are those of the whole film's reading.
    """
    stream = source.video
    if stream is None:
        raise InputError(f"{source.uri}: holds no pictures", error_type="unsupported")
    span = span_of(source, start_s, end_s)
    if backend == "decord":
        return DecordVideo(path, source, stream, max_side_px, span)
    return PyAvVideo(path, source, stream, span)


def upright_size(source: Source, *, max_side_px: int) -> tuple[int, int]:
    """Width and height, even, of an upright picture that fits a square; never enlarged."""
    stream = source.video
    if stream is None:
        raise ValueError(f"{source.uri} holds no pictures")
    width, height = stream.width, stream.height
    if stream.rotation in (90, 270):
        width, height = height, width
    scale = min(1.0, max_side_px / max(width, height))
    return _even(width * scale), _even(height * scale)


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)


def turn_upright(picture: UInt8, rotation: int) -> UInt8:
    """Turn a picture clockwise by a multiple of 90 degrees."""
    if rotation == 0:
        return picture
    return np.ascontiguousarray(np.rot90(picture, k=-rotation // 90))


@dataclass(slots=True)
class _AvPicture:
    """Converts on demand; one converter a size, since making one costs more than using it."""

    time_s: float
    frame: AvFrame
    rotation: int
    reformatters: dict[tuple[int, int], Any]

    def picture(self, width: int, height: int) -> UInt8:
        from av.video.reformatter import VideoReformatter

        if self.rotation in (90, 270):
            width, height = height, width
        reformatter = self.reformatters.setdefault((width, height), VideoReformatter())
        small = reformatter.reformat(
            self.frame, width=width, height=height, format="rgb24", interpolation="BILINEAR"
        )
        return turn_upright(small.to_ndarray(), self.rotation)


@dataclass(slots=True)
class PyAvVideo:
    """ffmpeg's decoders by PyAV. A packet that the decoder refuses is left out."""

    path: Path
    source: Source
    stream: Stream
    span: Span = field(default_factory=Span)
    report: DecodeReport = field(default_factory=DecodeReport)

    def frames(self) -> Iterator[VideoFrame]:
        reformatters: dict[tuple[int, int], Any] = {}
        for time_s, frame in self._timed():
            if time_s >= self.span.end_s:
                return
            if time_s >= self.span.start_s:
                self.report.n_frames += 1
                yield _AvPicture(time_s, frame, self.stream.rotation, reformatters)

    def _timed(self) -> Iterator[tuple[float, AvFrame]]:
        """Frames with their times, rising; from some way before the span on."""
        last_s = -1.0
        for frame in decoded_frames(
            self.path, self.source, self.stream, span=self.span, report=self.report
        ):
            time_s = frame_s(frame, self.source)
            time_s = self._guess_s(last_s) if time_s is None else max(0.0, time_s)
            if time_s <= last_s:
                continue  # the same instant twice: the first is shown
            last_s = time_s
            yield time_s, frame

    def _guess_s(self, last_s: float) -> float:
        """Where a frame without a time belongs: one frame after the last."""
        step_s = 1 / self.stream.rate if self.stream.rate else 0.04
        return last_s + step_s if last_s >= 0 else self.stream.start_s


@dataclass(slots=True)
class _ArrayPicture:
    time_s: float
    data: UInt8

    def picture(self, width: int, height: int) -> UInt8:
        import cv2

        if self.data.shape[:2] == (height, width):
            return self.data
        return cv2.resize(self.data, (width, height), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


@dataclass(slots=True)
class DecordVideo:
    """decord's pictures with the packets' times.

    Errors:
        InputError: decord cannot open the file, mixes up the pictures of such containers,
            gives up on a damaged packet, or counts its pictures otherwise than the packets
            do, so that no picture's time is known; it would show wrong pictures in the
            middle of such a film.
    """

    path: Path
    source: Source
    stream: Stream
    max_side_px: int
    span: Span = field(default_factory=Span)
    report: DecodeReport = field(default_factory=DecodeReport)

    def frames(self) -> Iterator[VideoFrame]:
        times_s, is_open = _packet_times_s(self.path, self.source, self.stream)
        self._check_entrance(is_open=is_open)
        reader = self._open()
        if len(reader) != len(times_s):
            raise InputError(
                f"{self.source.uri}: decord counts {len(reader)} pictures, "
                f"the container {len(times_s)}",
                error_type="unsupported",
            )
        first, after = np.searchsorted(times_s, (self.span.start_s, self.span.end_s))
        for start in range(first, after, _DECORD_BATCH):
            indices = range(start, min(start + _DECORD_BATCH, after))
            for index, picture in zip(indices, self._batch(reader, indices), strict=True):
                self.report.n_frames += 1
                yield _ArrayPicture(float(times_s[index]), picture)  # decord turns it upright

    def _batch(self, reader: Any, indices: range) -> UInt8:
        decord = _decord()

        try:
            return np.asarray(reader.get_batch(indices).asnumpy(), dtype=np.uint8)
        except decord.DECORDError as error:
            raise InputError(
                f"{self.source.uri}: decord gives up in pictures {indices[0]} to {indices[-1]}",
                error_type="corrupt",
            ) from error

    def _check_entrance(self, *, is_open: bool) -> None:
        if self.span.start_s == -math.inf:
            return
        if self.source.container not in _SOUGHT_BY_DECORD or is_open:
            raise InputError(
                f"{self.source.uri}: decord does not find its way into the middle of such a film",
                error_type="unsupported",
            )

    def _open(self) -> Any:
        decord = _decord()

        if self.source.container in _NOT_BY_DECORD:
            raise InputError(
                f"{self.source.uri}: decord mixes up the pictures of {self.source.container}",
                error_type="unsupported",
            )
        decord.logging.set_level(decord.logging.QUIET)  # what ffmpeg says belongs to no film here
        width, height = upright_size(self.source, max_side_px=self.max_side_px)
        try:
            return decord.VideoReader(str(self.path), width=width, height=height)
        except (decord.DECORDError, RuntimeError) as error:
            first_line = str(error).strip().splitlines()[0]
            raise InputError(
                f"{self.source.uri}: decord cannot open it ({first_line})",
                error_type="unsupported",
            ) from error


def _decord() -> Any:
    """decord, imported after torch.

    decord2 3.4 opens its libraries to the whole process. If they come first, torch 2.11
    finds NVBLAS where it looks for its own BLAS, and the process dies at its next product.
    """
    import_module("torch")
    return import_module("decord")


def _packet_times_s(path: Path, source: Source, stream: Stream) -> tuple[Float64, bool]:
    """Presentation times (N,) of a stream's pictures, sorted, on the film's clock.

    Those that an edit list leaves out are none of it. And whether a group of pictures is
    open: some that come after its keyframe are shown before it.

    Errors:
        InputError: the file breaks off.
    """
    import av

    try:
        with open_media(path, uri=source.uri) as container:
            packets = demux(container, source.indices)
            own = (p for p in packets if p.size and p.stream_index == stream.index)
            told = [(packet_s(p, source), p.is_keyframe) for p in own if not p.is_discard]
    except av.FFmpegError as error:
        message = f"{source.uri}: the file breaks off: {error.strerror or error}"
        raise InputError(message, error_type="corrupt") from error
    times_s = np.array([t for t, _ in told if t is not None], dtype=np.float64)
    is_key = np.array([key for t, key in told if t is not None], dtype=bool)
    key_s = np.maximum.accumulate(np.where(is_key, times_s, -np.inf))
    return np.maximum(0.0, np.sort(times_s)), bool((times_s < key_s).any())
