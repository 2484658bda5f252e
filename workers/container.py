"""A film's file, opened, and its packets on one clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scenelake.schemas.errors import InputError

if TYPE_CHECKING:
    from av.container import InputContainer

_BACK_S = 1.0
_FORWARD_S = 10.0
"""ffmpeg's own limits for a jump (`-dts_delta_threshold`), going back and going on."""


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


def demux(container: InputContainer, indices: Sequence[int]) -> Iterator[Any]:
    """Packets of some streams, then what makes their decoders give what they hold back.

    Where a format lets time stamps jump (a tape captured in two goes, two broadcasts in one
    file), what comes after the jump follows what came before it. That needs all streams of
    a film at once: ask for the same ones every time, and leave out what is not wanted.

    Errors:
        av.FFmpegError: the file breaks off.
    """
    from av.format import Flags

    may_jump = bool(container.format.flags & cast(int, Flags.ts_discont.value))
    clock = _Clock() if may_jump else None
    try:
        for packet in container.demux([container.streams[index] for index in indices]):
            _believe_decoding_time(packet)
            if clock is not None and packet.size:
                clock.mend(packet)
            yield packet
    except IndexError:
        # PyAV 18, at the end, trips over streams that only turned up in mid-file (damaged
        # MPEG-TS and FLV have them), when it is done with those that were asked for.
        return


def _believe_decoding_time(packet: Any) -> None:
    """A picture is shown soon after it is decoded; a time far from that is a damaged one."""
    if packet.pts is None or packet.dts is None:
        return
    if abs(float((packet.pts - packet.dts) * packet.time_base)) > _FORWARD_S:
        packet.pts = packet.dts


@dataclass(slots=True)
class _Clock:
    """Takes jumps out of packets' time stamps; `ends_s` is where each stream has got to."""

    offset_s: float = 0.0
    ends_s: dict[int, float] = field(default_factory=dict)

    def mend(self, packet: Any) -> None:
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            return
        time_s = float(stamp * packet.time_base) + self.offset_s
        due_s = self.ends_s.get(packet.stream_index, time_s)
        if time_s - due_s < -_BACK_S or time_s - due_s > _FORWARD_S:
            resume_s = max(self.ends_s.values())
            self.offset_s += resume_s - time_s
            time_s = resume_s
        self.ends_s[packet.stream_index] = time_s + float((packet.duration or 0) * packet.time_base)
        if self.offset_s:
            shift = round(self.offset_s / float(packet.time_base))
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
