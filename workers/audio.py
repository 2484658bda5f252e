"""Sound of a film as 16 kHz mono, in chunks, each with the time of its first sample.

Samples stand where their presentation time says: a hole in the track is filled with
silence, so that what is heard later is not moved to the front.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenelake.schemas.arrays import Float32
from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Source, Stream
from scenelake.schemas.media import AudioChunk
from scenelake.workers.packets import DecodeReport, Span, decoded_frames, frame_s, span_of
from scenelake.workers.places import ROUNDED_S, SAMPLE_RATE, Place, place_of, silent

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

_CHUNK_S = 10.0
_TOLERANCE_S = 0.035
"""Jitter of time stamps that is not a hole: thirty real files had none above 20 ms."""

_SETTLE_S = 2.0
"""So long a beginning tells when a track starts. No chunk is given before."""

_SETTLED_S = 0.0001
"""Rounding to milliseconds moves the mean over so long a beginning by less than this."""

_SAME_SAMPLE = 0.01
"""A sample that lies so little of one before an instant lies at it."""


@dataclass(slots=True)
class AudioReader:
    """The sound of a film or of a piece of it, once through."""

    path: Path
    source: Source
    stream: Stream
    span: Span = field(default_factory=Span)
    report: DecodeReport = field(default_factory=DecodeReport)

    def chunks(self) -> Iterator[AudioChunk]:
        """Chunks of at most 10 s, contiguous in time, from the first sample to the last."""
        for chunk in self._from_before():
            if (inside := _inside(chunk, self.span)) is not None:
                yield inside

    def _from_before(self) -> Iterator[AudioChunk]:
        """Chunks from some way before the span until it is full."""
        track = _Track(
            stream=self.stream,
            chunk_n=int(_CHUNK_S * SAMPLE_RATE),
            span=self.span,
            report=self.report,
        )
        for frame in decoded_frames(
            self.path, self.source, self.stream, span=self.span, report=self.report
        ):
            time_s = frame_s(frame, self.source)
            if min(track.end_s, track.due_s if time_s is None else time_s) >= self.span.end_s:
                break
            yield from track.add(frame, time_s)
        yield from track.finish()


def open_audio(
    path: Path, source: Source, *, start_s: float = 0.0, end_s: float = math.inf
) -> AudioReader:
    """A reader of the film's sound.

    Args:
        start_s, end_s: only samples with ``start_s <= t < end_s``. Those of pieces that
            follow each other are the whole film's.

    Errors:
        InputError: the film has none.
    """
    stream = source.audio
    if stream is None:
        raise InputError(f"{source.uri}: holds no sound", error_type="unsupported")
    return AudioReader(path, source, stream, span_of(source, start_s, end_s))


def _inside(chunk: AudioChunk, span: Span) -> AudioChunk | None:
    """The samples of a chunk that lie in a span and not before the film's beginning, if any."""
    first = _n_before(max(0.0, span.start_s), chunk)
    after = _n_before(span.end_s, chunk)
    if first >= after:
        return None
    start_s = chunk.start_s + first / chunk.sample_rate
    return AudioChunk(chunk.data[first:after], chunk.sample_rate, start_s)


def _n_before(time_s: float, chunk: AudioChunk) -> int:
    """How many of a chunk's samples come before an instant."""
    n = (time_s - chunk.start_s) * chunk.sample_rate - _SAME_SAMPLE
    return math.ceil(min(max(n, 0.0), float(len(chunk.data))))


@dataclass(slots=True)
class _Track:
    """Puts resampled frames on the film's clock and cuts them into chunks.

    Each of our samples is a whole number of ours after the beginning of the film's sound, and
    so the same wherever reading begins.

    Attributes:
        heard_s: how long what was added is, sound that the resampler still holds included.
        placed_s, is_counted: where the first sample belongs by the time of the first frame,
            and how that is known.
        late_s: by how much later the times of the first frames put it on average.
        n_early: samples still to come that lie before what was added.
    """

    stream: Stream
    chunk_n: int
    span: Span
    report: DecodeReport
    start_s: float | None = None
    heard_s: float = 0.0
    placed_s: float = 0.0
    late_s: float = 0.0
    is_counted: bool = False
    n_settling: int = 0
    n_done: int = 0
    pending: list[Float32] = field(default_factory=list)
    n_pending: int = 0
    n_early: int = 0
    resampler: Any = None
    layout: tuple[str, int, str] | None = None

    @property
    def end_s(self) -> float:
        n = self.n_done + self.n_pending
        return (self.start_s or 0.0) + n / SAMPLE_RATE

    def add(self, frame: AudioFrame, time_s: float | None) -> Iterator[AudioChunk]:
        place = place_of(frame, time_s, self.stream)
        if self.start_s is None:
            self.start_s = self.placed_s = place.first_s
            self.is_counted = place.is_counted
        late_s = 0.0 if time_s is None else time_s - self.end_s
        if late_s < -_TOLERANCE_S:
            return  # this sound was heard already
        if time_s is not None and late_s > _TOLERANCE_S:
            self._flush()
            yield from self._silence(place.first_s - self.end_s)
        elif time_s is not None and self.heard_s < _SETTLE_S:
            self._settle(time_s)
        due_s = self.due_s if time_s is None else time_s
        self.heard_s += frame.samples / frame.sample_rate
        if self._resampled(frame, place):
            self.report.n_frames += self.span.holds(due_s)
        elif self.span.holds(due_s):
            self.report.refuse(due_s)
        yield from self._full_chunks()

    def finish(self) -> Iterator[AudioChunk]:
        self._flush()
        if self.n_pending:
            yield self._take(self.n_pending)

    @property
    def due_s(self) -> float:
        """When the next frame follows what was added."""
        return (self.start_s or 0.0) + self.heard_s

    def _settle(self, time_s: float) -> None:
        """Move the first sample to where frames' times put it on average.

        Each is rounded, in some containers to milliseconds, and the very first may be odd.
        """
        self.n_settling += 1
        self.late_s += (time_s - self.heard_s - self.placed_s - self.late_s) / self.n_settling
        is_late = abs(self.late_s) > (ROUNDED_S if self.is_counted else _SETTLED_S)
        n_late = round(self.late_s * SAMPLE_RATE) if is_late else 0
        self.start_s = self.placed_s + n_late / SAMPLE_RATE

    def _resampled(self, frame: AudioFrame, place: Place) -> bool:
        """Take a frame's samples; a damaged frame may have a form that nobody can resample."""
        import av

        frame.pts = None  # the resampler would invent samples for odd time stamps
        try:
            self._match_format(frame, place)
            self._keep(self.resampler.resample(frame))
        except av.FFmpegError:
            self.resampler = self.layout = None
            return False
        return True

    def _match_format(self, frame: AudioFrame, place: Place) -> None:
        layout = (frame.format.name, frame.sample_rate, frame.layout.name)
        if layout == self.layout:
            return
        import av

        self._flush()
        self.layout = layout
        self.resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        if place.n_lead:
            self.n_early = place.n_early
            self._keep(self.resampler.resample(silent(frame, place.n_lead)))

    def _flush(self) -> None:
        if self.resampler is None:
            return
        self._keep(self.resampler.resample(None))
        self.resampler = None
        self.layout = None

    def _keep(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            samples = frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
            samples, n_all = samples[self.n_early :], len(samples)
            self.n_early = max(0, self.n_early - n_all)
            self.pending.append(samples)
            self.n_pending += len(samples)

    def _silence(self, length_s: float) -> Iterator[AudioChunk]:
        n_left = round(length_s * SAMPLE_RATE)
        self.heard_s = self.end_s - (self.start_s or 0.0) + n_left / SAMPLE_RATE
        while n_left > 0:
            n = min(n_left, self.chunk_n)
            self.pending.append(np.zeros(n, dtype=np.float32))
            self.n_pending += n
            n_left -= n
            yield from self._full_chunks()

    def _full_chunks(self) -> Iterator[AudioChunk]:
        while self.n_pending >= self.chunk_n:
            yield self._take(self.chunk_n)

    def _take(self, n: int) -> AudioChunk:
        samples = np.concatenate(self.pending)
        chunk = AudioChunk(
            samples[:n], SAMPLE_RATE, (self.start_s or 0.0) + self.n_done / SAMPLE_RATE
        )
        self.pending = [samples[n:]]
        self.n_pending -= n
        self.n_done += n
        return chunk
