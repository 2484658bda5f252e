"""Decoding that goes on: what a decoder refuses is left out, and said.

A film may be decoded in pieces. Each begins at an entry that the probe has noted some way
before the piece, so that decoders are warm when it starts, and gives nothing of that way.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Entry, Source, Stream
from scenelake.workers.container import can_seek, demux, demux_from, open_media, seek_to
from scenelake.workers.noise import NOISY, FreshDecoder

if TYPE_CHECKING:
    from av.container import InputContainer

logger = logging.getLogger(__name__)

_WITHOUT_PRESENTATION_TIMES = ("avi",)
"""AVI has decoding times alone. ffmpeg makes presentation times up for its packets, wrong ones
where H.264 has B-pictures; when a picture leaves the decoder, the decoding time is its own."""

_LEAD_S = 2.0
"""What decoders get to hear and see before a piece: an MP3 frame may need sound up to 0.25 s
old, Opus asks for 80 ms, pictures before a keyframe in an open group are shown 0.1 s earlier."""


_RACING = ("mpeg1video", "mpeg2video")
"""Of damaged films of these, even threads that share slices give other pictures at times."""


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a film that is read: ``start_s <= t < end_s``; infinite is to its ends."""

    start_s: float = -math.inf
    end_s: float = math.inf

    def holds(self, time_s: float | None) -> bool:
        """Whether an instant lies inside; an unknown one belongs to the film's beginning."""
        if time_s is None:
            return self.start_s == -math.inf
        return self.start_s <= time_s < self.end_s


def span_of(source: Source, start_s: float, end_s: float) -> Span:
    """A span in which what a damaged film has beyond its ends belongs to the outer pieces."""
    if not start_s < end_s:
        raise ValueError(f"{source.uri}: {start_s}..{end_s} s is not a span")
    return Span(
        -math.inf if start_s <= 0 else start_s,
        math.inf if end_s >= source.duration_s else end_s,
    )


@dataclass(slots=True)
class DecodeReport:
    """What went wrong while decoding, filled in as frames are read.

    Of a piece of a film it tells what lies inside, so that the pieces' add up to the whole's.
    """

    n_frames: int = 0
    n_refused: int = 0
    first_refused_s: float | None = None
    broke_off: str | None = None
    refused_s: list[float | None] = field(default_factory=list)

    def refuse(self, time_s: float | None) -> None:
        self.n_refused += 1
        self.refused_s.append(time_s)
        if self.first_refused_s is None:
            self.first_refused_s = time_s


def decoded_frames(
    path: Path, source: Source, stream: Stream, *, span: Span, report: DecodeReport
) -> Iterator[Any]:
    """PyAV's frames of one stream, in the decoder's order, from some way before `span` on.

    They go on to the end of the film: who has had enough stops asking.

    ffmpeg's own tools do the same: a refused packet is skipped, a file that breaks off
    is read as far as it goes. Threads share slices, never frames: where a film is damaged,
    threads that share frames give other pictures from run to run.
    """
    with _open_before(path, source, stream, span) as (container, packets):
        opened: Any = container.streams[stream.index]
        opened.codec_context.thread_type = "SLICE"
        if stream.codec in _RACING:
            opened.codec_context.thread_count = 1
        fresh = FreshDecoder(opened.codec_context) if stream.codec in NOISY else None
        progress = _Progress(source, stream, span, report, fresh)
        for packet in progress.up_to_a_break(packets):
            if packet.stream_index == stream.index and progress.is_wanted(packet):
                yield from progress.decode(packet)


@dataclass(slots=True)
class _Progress:
    """Packets of one stream on their way into its decoder; `reached_s` is the latest time."""

    source: Source
    stream: Stream
    span: Span
    report: DecodeReport
    fresh: FreshDecoder | None
    reached_s: float | None = None

    def up_to_a_break(self, packets: Iterator[Any]) -> Iterator[Any]:
        import av

        try:
            yield from packets
        except av.FFmpegError as error:
            if self.span.holds(self.reached_s):
                self.report.broke_off = error.strerror or str(error)

    def is_wanted(self, packet: Any) -> bool:
        """Whether a decoder needs it: not sound so early that it is warm without."""
        time_s = packet_s(packet, self.source)
        if time_s is not None:
            self.reached_s = time_s if self.reached_s is None else max(self.reached_s, time_s)
        if self.stream.kind == "video" or self.span.start_s == -math.inf:
            return True
        return (self.reached_s or 0.0) >= self.span.start_s - _LEAD_S

    def decode(self, packet: Any) -> list[Any]:
        import av

        time_s = packet_s(packet, self.source)
        try:
            if self.fresh is not None:
                return self.fresh.decode(packet, time_s)
            return list(packet.decode())
        except av.FFmpegError:
            if self.span.holds(self.reached_s if time_s is None else time_s):
                self.report.refuse(time_s)
            return []


@contextmanager
def _open_before(
    path: Path, source: Source, stream: Stream, span: Span
) -> Iterator[tuple[InputContainer, Iterator[Any]]]:
    """A container and its packets from an entry before `span` on, or else from the first."""
    entry, witness = entries_before(source, stream, span)
    if entry is not None and witness is not None and can_seek(source.container):
        with open_media(path, uri=source.uri) as container:
            if seek_to(container, source.indices, entry=entry, witness=witness):
                yield container, _from_entry(container, source, entry)
                return
        logger.info("%s: no seek leads to %.1f s: read up to there", source.uri, entry.time_s)
    with open_media(path, uri=source.uri) as container:
        if entry is None:
            yield container, demux(container, source.indices)
        else:
            yield container, _from_entry(container, source, entry)


def _from_entry(container: InputContainer, source: Source, entry: Entry) -> Iterator[Any]:
    try:
        yield from demux_from(container, source.indices, entry)
    except LookupError as error:
        message = f"{source.uri}: is not the file that was probed: {error}"
        raise InputError(message, error_type="corrupt") from error


def entries_before(source: Source, stream: Stream, span: Span) -> tuple[Entry | None, Entry | None]:
    """Where to begin for a span, and the entry after that; None: at the film's beginning.

    Both lie before the span, so that pictures decode from the second on even if they need
    some of before a keyframe, as those of open groups and of rolling refreshes do. No sound
    of the span comes before the second in the file, however badly tracks are interleaved.
    """
    before = [e for e in source.entries if _reach_s(e, source, stream) <= span.start_s - _LEAD_S]
    return (before[-2], before[-1]) if len(before) > 1 else (None, None)


def _reach_s(entry: Entry, source: Source, stream: Stream) -> float:
    """How far into the film a stream may have come where an entry lies."""
    ends_s = (end_s - source.zero_s for index, end_s in entry.ends_s if index == stream.index)
    return max(entry.time_s, *ends_s, entry.time_s)


def packet_s(packet: Any, source: Source) -> float | None:
    """A packet's presentation time on the film's clock, or its decoding time, if it has one."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None else float(stamp * packet.time_base) - source.zero_s


def frame_s(frame: Any, source: Source) -> float | None:
    """A frame's presentation time on the film's clock, if it has one."""
    stamp = frame.dts if source.container in _WITHOUT_PRESENTATION_TIMES else frame.pts
    if stamp is None or frame.time_base is None:
        return None
    return float(stamp * frame.time_base) - source.zero_s
