"""Sound of a film as 16 kHz mono, in chunks, each with the time of its first sample.

Samples stand where their presentation time says: a hole in the track is filled with
silence, so that what is heard later is not moved to the front.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenelake.schemas.errors import InputError
from scenelake.schemas.flow import AudioChunk, Float32, Source, Stream
from scenelake.workers.packets import DecodeReport, decoded_frames, frame_s

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

SAMPLE_RATE = 16_000
_CHUNK_S = 10.0
_TOLERANCE_S = 0.035
"""Jitter of time stamps that is not a hole: thirty real files had none above 20 ms."""


@dataclass(slots=True)
class AudioReader:
    """One film's sound, once through."""

    path: Path
    source: Source
    stream: Stream
    report: DecodeReport = field(default_factory=DecodeReport)

    def chunks(self) -> Iterator[AudioChunk]:
        """Chunks of about 10 s, contiguous in time, from the first sample to the last."""
        track = _Track(chunk_n=int(_CHUNK_S * SAMPLE_RATE))
        for frame in decoded_frames(self.path, self.source, self.stream, self.report):
            yield from track.add(frame, frame_s(frame, self.source))
        yield from track.finish()


def open_audio(path: Path, source: Source) -> AudioReader:
    """A reader of the film's sound.

    Errors:
        InputError: the film has none.
    """
    stream = source.audio
    if stream is None:
        raise InputError(f"{source.uri}: holds no sound", error_type="unsupported")
    return AudioReader(path, source, stream)


@dataclass(slots=True)
class _Track:
    """Puts resampled frames on the film's clock and cuts them into chunks."""

    chunk_n: int
    start_s: float | None = None
    n_done: int = 0
    pending: list[Float32] = field(default_factory=list)
    n_pending: int = 0
    resampler: Any = None
    layout: tuple[str, int, str] | None = None

    @property
    def _end_s(self) -> float:
        n = self.n_done + self.n_pending
        return (self.start_s or 0.0) + n / SAMPLE_RATE

    def add(self, frame: AudioFrame, time_s: float | None) -> Iterator[AudioChunk]:
        if self.start_s is None:
            self.start_s = time_s or 0.0
        late_s = 0.0 if time_s is None else time_s - self._end_s
        if late_s < -_TOLERANCE_S:
            return  # this sound was heard already
        if late_s > _TOLERANCE_S:
            self._flush()
            yield from self._silence(late_s)
        self._match_format(frame)
        frame.pts = None  # the resampler would invent samples for odd time stamps
        self._keep(self.resampler.resample(frame))
        yield from self._full_chunks()

    def finish(self) -> Iterator[AudioChunk]:
        self._flush()
        if self.n_pending:
            yield self._take(self.n_pending)

    def _match_format(self, frame: AudioFrame) -> None:
        layout = (frame.format.name, frame.sample_rate, frame.layout.name)
        if layout == self.layout:
            return
        import av

        self._flush()
        self.layout = layout
        self.resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)

    def _flush(self) -> None:
        if self.resampler is None:
            return
        self._keep(self.resampler.resample(None))
        self.resampler = None
        self.layout = None

    def _keep(self, frames: list[AudioFrame]) -> None:
        for frame in frames:
            samples = frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
            self.pending.append(samples)
            self.n_pending += len(samples)

    def _silence(self, length_s: float) -> Iterator[AudioChunk]:
        n_left = round(length_s * SAMPLE_RATE)
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
