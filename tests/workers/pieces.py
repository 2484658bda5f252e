"""Films cut in pieces, and what it means that the pieces are the whole."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from scenelake.schemas.film import Source
from scenelake.schemas.media import AudioChunk
from scenelake.workers.audio import open_audio
from scenelake.workers.packets import DecodeReport
from scenelake.workers.places import SAMPLE_RATE
from scenelake.workers.video import open_video, upright_size

CUTS = (0.137, 0.4391, 0.75)
"""Where a film is cut, as parts of its length: not at round instants, and late enough that
the last pieces have entries well before them."""
SIDE_PX = 64
LENGTH_S = 24
SAMPLE_S = 1 / SAMPLE_RATE
_REACH = 20

PICTURES = ("-f", "lavfi", "-i", f"testsrc2=size=96x54:rate=25:duration={LENGTH_S}")
CHIRP = ("-f", "lavfi", "-i", f"aevalsrc='0.5*sin(2*PI*(100+4*t)*t)':s=48000:d={LENGTH_S}")
H264 = "-c:v libx264 -preset veryfast -g 30 -bf 2"
OPEN_H264 = "-c:v libx264 -preset veryfast -g 30 -bf 3 -b_strategy 0 -x264-params open-gop=1"
MPEG2 = "-c:v mpeg2video -g 12 -bf 2 -b:v 400k"
HEVC = "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=30:open-gop=1:pools=1"
FILMS = {
    "h264.mp4": f"{H264} -c:a aac",
    "open.mp4": f"{OPEN_H264} -c:a aac",
    "open.mkv": f"{OPEN_H264} -c:a flac",
    "open.ts": f"{OPEN_H264} -c:a aac",
    "refresh.ts": "-c:v libx264 -preset veryfast -x264-params intra-refresh=1:keyint=30 -c:a aac",
    "hevc.mkv": f"{HEVC} -c:a libopus",
    "fragments.mp4": f"{H264} -c:a aac -movflags frag_keyframe+empty_moov",
    "h264.mov": f"{H264} -c:a pcm_s16le",
    "h264.flv": f"{H264} -c:a aac",
    "mpeg2.ts": f"{MPEG2} -c:a mp2",
    "mpeg2.mpg": f"{MPEG2} -c:a mp2",
    "mpeg2.vob": f"{MPEG2} -c:a ac3",
    "mpeg4.avi": "-c:v mpeg4 -g 30 -bf 2 -c:a libmp3lame",
    "vp8.webm": "-c:v libvpx -deadline realtime -cpu-used 8 -g 30 -threads 1 -c:a libopus",
    "theora.ogv": "-c:v libtheora -g 30 -c:a libvorbis",
    "wmv2.wmv": "-c:v wmv2 -g 30 -c:a wmav2",
}
SOUNDS = {
    "a.mp3": "-c:a libmp3lame",
    "a.m4a": "-c:a aac",
    "a.aac": "-c:a aac",
    "a.opus": "-c:a libopus",
    "a.ogg": "-c:a libvorbis",
    "a.flac": "-c:a flac",
    "a.wav": "-c:a pcm_s16le",
}


@dataclass(frozen=True)
class Seen:
    """Pictures (N, h, w, 3) at times (N,)."""

    times_s: NDArray[np.float64]
    pictures: NDArray[np.uint8]
    report: DecodeReport


def ffmpeg(path: Path, *options: str) -> Path:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *options, str(path)], check=True)
    return path


def spans_of(source: Source) -> list[tuple[float, float]]:
    edges = [0.0, *(part * source.duration_s for part in CUTS), source.duration_s]
    return list(pairwise(edges))


def see(path: Path, source: Source, span: tuple[float, float], *, backend: str = "pyav") -> Seen:
    size = upright_size(source, max_side_px=SIDE_PX)
    reader = open_video(
        path, source, backend=backend, max_side_px=SIDE_PX, start_s=span[0], end_s=span[1]
    )
    shown = [(frame.time_s, frame.picture(*size)) for frame in reader.frames()]
    pictures = np.array([picture for _, picture in shown], np.uint8).reshape(-1, *size[::-1], 3)
    return Seen(np.array([time_s for time_s, _ in shown]), pictures, reader.report)


def check_pictures(path: Path, source: Source, *, backend: str = "pyav") -> list[Seen]:
    """The pieces, which must be the whole film."""
    whole = see(path, source, (0.0, np.inf), backend=backend)
    pieces = [see(path, source, span, backend=backend) for span in spans_of(source)]
    for piece, (start_s, end_s) in zip(pieces, spans_of(source), strict=True):
        assert ((start_s <= piece.times_s) & (piece.times_s < end_s)).all()
    assert np.array_equal(np.concatenate([p.times_s for p in pieces]), whole.times_s)
    assert np.array_equal(np.concatenate([p.pictures for p in pieces]), whole.pictures)
    assert total([p.report for p in pieces]) == total([whole.report])
    assert whole.report.n_frames == len(whole.times_s) > 0
    return pieces


def total(reports: Sequence[DecodeReport]) -> tuple[int, int, list[float | None], list[str]]:
    """What several reports add up to."""
    return (
        sum(r.n_frames for r in reports),
        sum(r.n_refused for r in reports),
        [r.first_refused_s for r in reports if r.n_refused][:1],
        [r.broke_off for r in reports if r.broke_off],
    )


def hear(
    path: Path, source: Source, span: tuple[float, float]
) -> tuple[list[AudioChunk], DecodeReport]:
    reader = open_audio(path, source, start_s=span[0], end_s=span[1])
    return list(reader.chunks()), reader.report


def check_sound(path: Path, source: Source) -> None:
    """Pieces follow each other to a sample and sound as the whole does at the same instants."""
    whole, report = hear(path, source, (0.0, np.inf))
    heard = [hear(path, source, span) for span in spans_of(source)]
    chunks = [chunk for piece, _ in heard for chunk in piece]
    for (piece, _), (start_s, end_s) in zip(heard, spans_of(source), strict=True):
        assert piece[0].start_s >= start_s - SAMPLE_S
        assert piece[-1].end_s <= max(end_s, whole[-1].end_s) + SAMPLE_S
    for one, two in pairwise(chunks):
        assert abs(two.start_s - one.end_s) < 1.1 * SAMPLE_S
    assert abs(chunks[-1].end_s - whole[-1].end_s) < 3 * SAMPLE_S
    off_s = off_by(chunks, whole)
    assert off_s.max() < 0.001
    assert np.quantile(off_s, 0.9) < 2.5 * SAMPLE_S
    assert total([r for _, r in heard]) == total([report])


def off_by(chunks: list[AudioChunk], whole: list[AudioChunk]) -> NDArray[np.float64]:
    """By how many seconds tenths of a second of a rising tone are from where the whole has them."""
    samples = np.concatenate([chunk.data for chunk in whole])
    tenths = [tenth for chunk in chunks for tenth in _tenths(chunk, since_s=whole[0].start_s)]
    off_s = [_off_by_s(n, part, samples) for n, part in tenths if np.abs(part).mean() > 0.28]
    assert len(off_s) > 0.8 * len(tenths)
    return np.array(off_s)


def _tenths(chunk: AudioChunk, *, since_s: float) -> list[tuple[float, NDArray[np.float32]]]:
    """Which sample of the whole each begins at, and its own samples."""
    n = SAMPLE_RATE // 10
    first = (chunk.start_s - since_s) * SAMPLE_RATE
    return [(first + at, chunk.data[at : at + n]) for at in range(0, len(chunk.data) - n, n)]


def _off_by_s(first: float, part: NDArray[np.float32], samples: NDArray[np.float32]) -> float:
    """The shift by up to `_REACH` samples under which a part is most like the whole."""
    places = first + np.arange(-_REACH, len(part) + _REACH)
    near = np.arange(max(0, int(places[0]) - 1), min(len(samples), int(places[-1]) + 2))
    shifted = sliding_window_view(np.interp(places, near, samples[near]), len(part))
    best = int(np.argmin(np.abs(shifted - part).mean(axis=1)))
    return abs(best - _REACH) / SAMPLE_RATE


def badly_interleaved(film: Path, path: Path, *, ahead_s: float) -> Path:
    """A film's packets with the sound so much too early in the file, or too late."""
    with av.open(str(film)) as read, av.open(str(path), "w") as written:
        written.flags |= 0x0200  # AVFMT_FLAG_FLUSH_PACKETS: as they come
        kept = [p for p in read.demux() if p.size]
        streams = {s.index: written.add_stream_from_template(s) for s in read.streams}
        early_s = {s.index: ahead_s if s.type == "audio" else 0.0 for s in read.streams}
        kept.sort(key=lambda p: float(p.dts * p.time_base) - early_s[p.stream_index])
        for packet in kept:
            packet.stream = streams[packet.stream_index]
            written.mux(packet)
    return path
