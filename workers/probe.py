"""What is in a file, read from its packets: a header may lie, the packets are the film.

Times in a container start anywhere. A film's own clock has its zero at the earliest
start of the streams that we read.
"""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Entry, Source, Stream
from scenelake.workers.container import Clock, clock_of, demux, open_media, position_of

if TYPE_CHECKING:
    from av.container import InputContainer

_HASH_BLOCK_BYTES = 1 << 20
_ID_BYTES = 10
_NOT_FILMS = ("tty", "image2", "_pipe")
"""Demuxers that take a text or a photograph for a film of one picture."""

_ENTRIES_APART_S = 5.0
_MOST_S_A_PACKET = 600.0
"""Above this on average, time stamps are damaged: a 12 s film would be taken for 22 days."""
_HEADER_SLACK_S = 1.0
_WRITTEN_DURATIONS = ("mov", "matroska", "avi", "flv", "asf", "wav", "aiff", "rm")
"""Containers whose header holds a duration. Elsewhere ffmpeg guesses it from the bit rate."""


def content_id(path: Path) -> str:
    """Hash of the whole content, 20 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=_ID_BYTES)
    with path.open("rb") as file:
        while block := file.read(_HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def check_readable(path: Path, *, uri: str) -> None:
    """Say at once, in the user's words, why a file cannot be read.

    Errors:
        InputError: not_found, permission, empty, or unsupported for a folder or a pipe.
    """
    try:
        if path.is_dir():
            with os.scandir(path):
                raise InputError(f"{uri}: is a folder, not a film", error_type="unsupported")
        if path.exists() and not path.is_file():
            raise InputError(f"{uri}: is a pipe or a device, not a film", error_type="unsupported")
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f"{uri}: the file is empty (0 bytes)", error_type="empty")
    except FileNotFoundError:
        raise InputError(f"{uri}: no such file", error_type="not_found") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{uri}: cannot be read: {reason}", error_type="permission") from error


def probe(path: Path, *, uri: str, video_id: str) -> Source:
    """Read a film's packets without decoding them.

    Args:
        path: the file on this machine.
        uri: its address as the user gave it, for rows and messages.
        video_id: what `content_id` says of the file.

    Errors:
        InputError: the file cannot be read or holds no film.
    """
    check_readable(path, uri=uri)
    with open_media(path, uri=uri) as container:
        chosen = _choose(container, uri=uri)
        entrances = _Entrances(clock_of(container), video=_index_of_video(chosen))
        tallies, break_warning = _scan(container, chosen, entrances)
        used = [s for s in chosen if tallies[s.index].n_packets > 0]
        if not used:
            raise InputError(f"{uri}: its streams hold no packets", error_type="empty")
        zero_s = min(tallies[s.index].start_s for s in used)
        duration_s = max(tallies[s.index].end_s for s in used) - zero_s
        if duration_s <= 0:
            raise InputError(f"{uri}: the film lasts 0 s", error_type="empty")
        n_packets = sum(tallies[s.index].n_packets for s in used)
        if duration_s / n_packets > _MOST_S_A_PACKET:
            raise InputError(
                f"{uri}: {n_packets} packets cannot last {duration_s:.0f} s: "
                "its time stamps are damaged",
                error_type="corrupt",
            )
        streams = tuple(_stream(s, tallies[s.index], zero_s) for s in used)
        header_s = container.duration / 1_000_000 if container.duration else None
        short = _shorter_than_header(container.format.name, duration_s, header_s)
        container_name = container.format.name
    upright = _upright(streams, path, uri=uri)
    kept = _with_size(upright, uri=uri)
    lost = None if len(kept) == len(upright) else "video: nothing of it can be decoded"
    return Source(
        video_id=video_id,
        uri=uri,
        container=container_name,
        duration_s=duration_s,
        zero_s=zero_s,
        streams=kept,
        n_bytes=path.stat().st_size,
        warnings=tuple(w for w in (break_warning, short, lost) if w),
        entries=entrances.on_clock(zero_s),
    )


def probe_film(path: str, uri: str, video_id: str) -> Source:
    """`probe`, to be called in another process."""
    return probe(Path(path), uri=uri, video_id=video_id)


@dataclass(slots=True)
class _Tally:
    """What the packets of one stream add up to, in seconds on the container's clock."""

    n_packets: int = 0
    start_s: float = math.inf
    end_s: float = -math.inf

    def add(self, packet: Any, typical_s: float) -> None:
        self.n_packets += 1
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            start_s = self.end_s if math.isfinite(self.end_s) else 0.0
        else:
            start_s = float(stamp * packet.time_base)
        length_s = float((packet.duration or 0) * packet.time_base) or typical_s
        self.start_s = min(self.start_s, start_s)
        self.end_s = max(self.end_s, start_s + length_s)


@dataclass(slots=True)
class _Entrances:
    """Keyframes some seconds apart, as the demuxer gives them; times on the container's clock."""

    clock: Clock
    video: int | None
    found: list[Entry] = field(default_factory=list)

    def offer(self, packet: Any) -> None:
        if not packet.is_keyframe or packet.stream_index != self.video:
            return
        if packet.pts is None or packet.is_corrupt or packet.is_discard:
            return
        time_s = float(packet.pts * packet.time_base)
        if self.found and time_s - self.found[-1].time_s < _ENTRIES_APART_S:
            return
        shift = self.clock.shift(packet)
        others = ((i, end_s) for i, end_s in self.clock.ends_s.items() if i != self.video)
        self.found.append(
            Entry(
                time_s=time_s,
                position=position_of(packet),
                n_bytes=packet.size,
                pts=packet.pts - shift,
                dts=None if packet.dts is None else packet.dts - shift,
                offset_s=self.clock.offset_s,
                ends_s=tuple(others),
            )
        )

    def on_clock(self, zero_s: float) -> tuple[Entry, ...]:
        return tuple(replace(entry, time_s=entry.time_s - zero_s) for entry in self.found)


def _index_of_video(chosen: list[Any]) -> int | None:
    return next((stream.index for stream in chosen if stream.type == "video"), None)


def _choose(container: InputContainer, *, uri: str) -> list[Any]:
    """The first real video stream and the best audio stream."""
    if any(mark in container.format.name for mark in _NOT_FILMS):
        raise InputError(
            f"{uri}: a text or a still picture ({container.format.name}), not a film",
            error_type="unsupported",
        )
    videos = [s for s in container.streams.video if not _is_cover(s) and _has_decoder(s)]
    best_audio = container.streams.best("audio")
    audios = [best_audio] if best_audio is not None and _has_decoder(best_audio) else []
    chosen = [*videos[:1], *audios]
    if not chosen:
        raise InputError(
            f"{uri}: holds neither pictures nor sound that can be decoded",
            error_type="unsupported" if len(container.streams) else "empty",
        )
    return chosen


def _is_cover(stream: Any) -> bool:
    """Album art inside an audio file is a picture, not a film."""
    from av.stream import Disposition

    return bool(stream.disposition & (Disposition.attached_pic | Disposition.still_image))


def _has_decoder(stream: Any) -> bool:
    return stream.codec_context is not None


def _scan(
    container: InputContainer, chosen: list[Any], entrances: _Entrances
) -> tuple[dict[int, _Tally], str | None]:
    """Tally all packets; a file that breaks off is scanned as far as it goes."""
    import av

    tallies = {stream.index: _Tally() for stream in chosen}
    typical_s = {stream.index: _typical_packet_s(stream) for stream in chosen}
    warning = None
    try:
        indices = [stream.index for stream in chosen]
        for packet in demux(container, indices, clock=entrances.clock):
            if packet.size:
                tallies[packet.stream_index].add(packet, typical_s[packet.stream_index])
                entrances.offer(packet)
    except av.FFmpegError as error:
        ends = [t.end_s for t in tallies.values() if t.n_packets]
        at = f" at about {max(ends):.1f} s" if ends else ""
        warning = f"the file breaks off{at}: {error.strerror or error}"
    for stream in chosen:
        if stream.start_time is not None:
            tallies[stream.index].start_s = float(stream.start_time * stream.time_base)
    return tallies, warning


def _typical_packet_s(stream: Any) -> float:
    rate = getattr(stream, "average_rate", None) if stream.type == "video" else None
    return 1 / float(rate) if rate else 0.0


def _stream(stream: Any, tally: _Tally, zero_s: float) -> Stream:
    video = stream.type == "video"
    header_s = float(stream.duration * stream.time_base) if stream.duration else None
    span_s = tally.end_s - tally.start_s
    return Stream(
        index=stream.index,
        kind="video" if video else "audio",
        codec=stream.codec_context.name,
        start_s=tally.start_s - zero_s,
        end_s=max(tally.end_s, tally.start_s) - zero_s,
        n_packets=tally.n_packets,
        rate=(tally.n_packets / span_s if span_s > 0 else 0.0) if video else float(stream.rate),
        width=stream.codec_context.width if video else 0,
        height=stream.codec_context.height if video else 0,
        header_duration_s=header_s,
    )


def _shorter_than_header(container: str, duration_s: float, header_s: float | None) -> str | None:
    written = any(name in container for name in _WRITTEN_DURATIONS)
    if not written or header_s is None or header_s - duration_s < _HEADER_SLACK_S:
        return None
    return f"the film ends at {duration_s:.1f} s of the {header_s:.1f} s its header tells"


def _upright(streams: tuple[Stream, ...], path: Path, *, uri: str) -> tuple[Stream, ...]:
    """Add the rotation, and a size that the header lacks: ffmpeg tells both with a picture."""
    return tuple(_looked_at(s, path, uri=uri) if s.kind == "video" else s for s in streams)


def _with_size(streams: tuple[Stream, ...], *, uri: str) -> tuple[Stream, ...]:
    """Without pictures of no size: their header is damaged, and none of them decodes."""
    kept = tuple(s for s in streams if s.kind == "audio" or (s.width and s.height))
    if not kept:
        raise InputError(f"{uri}: no picture of it can be decoded", error_type="corrupt")
    return kept


def _looked_at(stream: Stream, path: Path, *, uri: str) -> Stream:
    with open_media(path, uri=uri) as container:
        frame = _first_frame(container, container.streams[stream.index])
    if frame is None:
        return stream
    return replace(
        stream,
        rotation=round(-(frame.rotation or 0) / 90) % 4 * 90,
        width=stream.width or frame.width,
        height=stream.height or frame.height,
    )


def _first_frame(container: InputContainer, stream: Any) -> Any:
    """The first picture that decodes, None if none does."""
    import av

    packets = demux(container, [stream.index])
    while True:
        try:
            packet = next(packets, None)
            frames = [] if packet is None else packet.decode()
        except av.FFmpegError:
            continue
        if frames or packet is None:
            return next(iter(frames), None)
