"""Decoding that goes on: what a decoder refuses is left out, and said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenelake.schemas.flow import Source, Stream
from scenelake.workers.container import demux, open_media


@dataclass(slots=True)
class DecodeReport:
    """What went wrong while decoding, filled in as frames are read."""

    n_frames: int = 0
    n_refused: int = 0
    first_refused_s: float | None = None
    broke_off: str | None = None

    def refuse(self, time_s: float | None) -> None:
        self.n_refused += 1
        if self.first_refused_s is None:
            self.first_refused_s = time_s

    def warnings(self, kind: str) -> Iterator[str]:
        """Plain sentences for the film's row."""
        if self.n_refused:
            first_s = self.first_refused_s
            at = "" if first_s is None else f", the first at {first_s:.1f} s"
            yield f"{kind}: damaged packets were left out: {self.n_refused}{at}"
        if self.broke_off:
            yield f"{kind}: the file breaks off: {self.broke_off}"


def decoded_frames(
    path: Path, source: Source, stream: Stream, report: DecodeReport
) -> Iterator[Any]:
    """PyAV's frames of one stream, in the decoder's order.

    ffmpeg's own tools do the same: a refused packet is skipped, a file that breaks off
    is read as far as it goes. Threads share slices, never frames: where a film is damaged,
    threads that share frames give other pictures from run to run.
    """
    import av

    with open_media(path, uri=source.uri) as container:
        opened: Any = container.streams[stream.index]
        opened.codec_context.thread_type = "SLICE"
        packets = demux(container, source.indices)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                report.broke_off = error.strerror or str(error)
                return
            if packet is None:
                return
            if packet.stream_index != stream.index:
                continue
            try:
                frames = packet.decode()
            except av.FFmpegError:
                report.refuse(packet_s(packet, source))
                continue
            report.n_frames += len(frames)
            yield from frames


def packet_s(packet: Any, source: Source) -> float | None:
    """A packet's presentation time on the film's clock, or its decoding time, if it has one."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None else float(stamp * packet.time_base) - source.zero_s


def frame_s(frame: Any, source: Source) -> float | None:
    """A frame's presentation time on the film's clock, if it has one."""
    if frame.pts is None or frame.time_base is None:
        return None
    return float(frame.pts * frame.time_base) - source.zero_s
