"""A film's file, opened, and its packets on one clock."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Entry

if TYPE_CHECKING:
    from av.container import InputContainer

logger = logging.getLogger(__name__)

_BACK_S = 1.0
_FORWARD_S = 10.0
"""ffmpeg's own limits for a jump (`-dts_delta_threshold`), going back and going on."""

_NEVER_SOUGHT = ("mpeg",)
"""Program streams: few pictures have a time of their own there, and the others' times, which
ffmpeg counts on from those, and even packets' places come out otherwise after a seek."""

_BY_POSITION = ("mpegts",)
"""Transport streams: one time may be in the file twice, a place is there once."""

_SEARCH_PACKETS = 20_000
"""If so many packets after a seek bring no entry, it has led astray."""


@contextmanager
def open_media(path: Path, *, uri: str) -> Iterator[InputContainer]:
    """A container, opened; what ffmpeg says otherwise becomes one line.

    Errors:
        InputError: unsupported.
    """
    import av

    try:
        container = av.open(str(path), metadata_errors="ignore")
    except av.FFmpegError as error:
        raise InputError(
            f"{uri}: not a film that ffmpeg can open ({error.strerror or error})",
            error_type="unsupported",
        ) from error
    with container:
        yield container


def demux(
    container: InputContainer, indices: Sequence[int], *, clock: Clock | None = None
) -> Iterator[Any]:
    """Packets of some streams, then what makes their decoders give what they hold back.

    Where a format lets time stamps jump (a tape captured in two goes, two broadcasts in one
    file), what comes after the jump follows what came before it. That needs all streams of
    a film at once: ask for the same ones every time, and leave out what is not wanted.

    Args:
        clock: one to look at while reading, or to go on with; by default a new one.

    Errors:
        av.FFmpegError: the file breaks off.
    """
    clock = clock or clock_of(container)
    for packet in _packets(container, indices):
        clock.mend(packet)
        yield packet


def demux_from(container: InputContainer, indices: Sequence[int], entry: Entry) -> Iterator[Any]:
    """What `demux` gives from an entry on; what lies before it is passed over.

    Errors:
        LookupError: the entry does not turn up.
        av.FFmpegError: the file breaks off.
    """
    packets = _packets(container, indices)
    first = next((packet for packet in packets if _is_entry(packet, entry)), None)
    if first is None:
        raise LookupError(f"no packet {entry.n_bytes} bytes long at byte {entry.position}")
    clock = clock_of(container)
    clock.resume(entry)
    for packet in itertools.chain([first], packets):
        clock.mend(packet)
        yield packet


def can_seek(container_name: str) -> bool:
    """Whether packets after a seek are those that are met on the way there."""
    return container_name not in _NEVER_SOUGHT


def seek_to(
    container: InputContainer, indices: Sequence[int], *, entry: Entry, witness: Entry
) -> bool:
    """Go to an entry, or to some packets before it. False where that does not succeed.

    A seek is a guess in many containers. So it is tried first: the entry must turn up after
    it just as the probe met it, and so must another one further on.

    Args:
        indices: as for `demux`; the first of them is the entries' own.
    """
    import av

    try:
        _seek(container, indices[0], entry)
        packets = itertools.islice(_packets(container, indices), _SEARCH_PACKETS)
        met = all(any(_is_entry(p, sought) for p in packets) for sought in (entry, witness))
        _seek(container, indices[0], entry)
    except av.FFmpegError as error:
        logger.debug("cannot seek to byte %d: %s", entry.position, error)
        return False
    return met


def _seek(container: InputContainer, index: int, entry: Entry) -> None:
    if container.format.name in _BY_POSITION:
        container.seek(entry.position, unsupported_byte_offset=True)
    else:
        stamp = entry.pts if entry.dts is None else entry.dts
        container.seek(stamp, stream=container.streams[index])


def _is_entry(packet: Any, entry: Entry) -> bool:
    return bool(
        packet.is_keyframe
        and packet.pts == entry.pts
        and packet.size == entry.n_bytes
        and position_of(packet) == entry.position
    )


def position_of(packet: Any) -> int:
    """A packet's byte offset in the file, -1 if unknown."""
    return -1 if packet.pos is None else int(packet.pos)


def _packets(container: InputContainer, indices: Sequence[int]) -> Iterator[Any]:
    ticks_s = _ticks_s(container)
    try:
        for packet in container.demux([container.streams[index] for index in indices]):
            _believe_decoding_time(packet, ticks_s[packet.stream_index])
            yield packet
    except IndexError:
        # PyAV 18, at the end, trips over streams that only turned up in mid-file (damaged
        # MPEG-TS and FLV have them), when it is done with those that were asked for.
        return


def _ticks_s(container: InputContainer) -> dict[int, float]:
    """How long one unit of each stream's time stamps is: packets' own fractions are slow."""
    return {s.index: float(s.time_base) for s in container.streams if s.time_base}


def _believe_decoding_time(packet: Any, tick_s: float) -> None:
    """A picture is shown soon after it is decoded; a time far from that is a damaged one."""
    pts, dts = packet.pts, packet.dts
    if pts is not None and dts is not None and abs(pts - dts) * tick_s > _FORWARD_S:
        packet.pts = dts


def clock_of(container: InputContainer) -> Clock:
    """A clock that starts with the container and mends what its format lets happen."""
    from av.format import Flags

    may_jump = bool(container.format.flags & cast(int, Flags.ts_discont.value))
    return Clock(may_jump, _ticks_s(container))


@dataclass(slots=True)
class Clock:
    """Takes jumps out of packets' time stamps.

    Attributes:
        may_jump: whether the format lets time stamps jump.
        ticks_s: how long one unit of each stream's time stamps is.
        offset_s: what is added to them by now.
        ends_s: where each stream has got to, by its index.
    """

    may_jump: bool
    ticks_s: dict[int, float]
    offset_s: float = 0.0
    ends_s: dict[int, float] = field(default_factory=dict)

    def resume(self, entry: Entry) -> None:
        """Go on as if everything before the entry had been met."""
        self.offset_s = entry.offset_s
        self.ends_s = dict(entry.ends_s)

    def mend(self, packet: Any) -> None:
        index, stamp = packet.stream_index, packet.dts
        stamp = packet.pts if stamp is None else stamp
        if stamp is None or not packet.size:
            return
        tick_s = self.ticks_s[index]
        time_s = stamp * tick_s + self.offset_s
        if self.may_jump:
            time_s = self._after_a_jump(index, time_s)
        self.ends_s[index] = time_s + (packet.duration or 0) * tick_s
        if self.offset_s:
            shift = self.shift(packet)
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift

    def shift(self, packet: Any) -> int:
        """What is added to a packet's time stamps, in their own units."""
        return round(self.offset_s / self.ticks_s[packet.stream_index])

    def _after_a_jump(self, index: int, time_s: float) -> float:
        due_s = self.ends_s.get(index, time_s)
        if -_BACK_S <= time_s - due_s <= _FORWARD_S:
            return time_s
        resume_s = max(self.ends_s.values())
        self.offset_s += resume_s - time_s
        return resume_s
