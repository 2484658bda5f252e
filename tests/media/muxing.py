"""Writes pictures and sound with given times into a container."""

from __future__ import annotations

import heapq
import json
import struct
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Float32 = NDArray[np.float32]

SOUND_RATE = 48_000
TURNABLE = ("mp4", "mov")


@dataclass(frozen=True, slots=True)
class Form:
    """How films are written in one container: what its own cameras and sites put into it.

    Attributes:
        ticks: video time units a second; None where the container only counts frames.
    """

    video: str
    audio: str
    ticks: int | None = 90_000
    options: dict[str, str] = field(default_factory=dict)


FORMS = {
    "mp4": Form(video="libx264", audio="aac"),
    "mkv": Form(video="libx264", audio="aac"),
    "webm": Form(video="libvpx", audio="libopus"),
    "avi": Form(video="mpeg4", audio="pcm_s16le", ticks=None),
    "mov": Form(video="libx264", audio="pcm_s16le"),
    "ts": Form(video="libx264", audio="aac", options={"mpegts_copyts": "1"}),
}
# With x264's mbtree (and AVX-512) one film in fifty was coded a little differently from the
# others of the same pictures, and lost a cut by it.
# libvpx takes a thread a core and lets them spin: on small pictures one is ten times faster.
ENCODER_OPTIONS = {
    "libx264": {"preset": "veryfast", "crf": "20", "g": "50", "mbtree": "0"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "2M", "threads": "1"},
    "mpeg4": {"b": "2M", "g": "12"},
}


@dataclass(frozen=True, slots=True)
class Pictures:
    """Frames to come, each (time_s, (H, W, 3) uint8 RGB), and what the encoder must know."""

    frames: Iterable[tuple[float, Picture]]
    size: tuple[int, int]
    fps: int = 25
    b_frames: bool = True


@dataclass(frozen=True, slots=True)
class Sound:
    """(T,) float32 mono, its first sample at `start_s` in the file's own time."""

    samples: Float32
    rate: int = SOUND_RATE
    start_s: float = 0.0


Timed = tuple[float, Any, Any]
"""When a frame is shown, its stream, the frame."""


def write_film(path: Path, *, pictures: Pictures | None, sound: Sound | None) -> Path:
    """Encode both tracks, each with its own times, in the container of `path`'s suffix."""
    form = FORMS[path.suffix[1:]]
    with av.open(str(path), "w", options=form.options) as film:
        tracks: list[Iterator[Timed]] = []
        if pictures:
            tracks.append(_video_frames(_add_video(film, form, pictures), pictures))
        if sound:
            tracks.append(_audio_frames(_add_audio(film, form, sound), sound))
        for _, stream, frame in heapq.merge(*tracks, key=lambda timed: timed[0]):
            film.mux(stream.encode(frame))
        streams: list[Any] = [*film.streams.video, *film.streams.audio]
        for stream in streams:
            film.mux(stream.encode(None))
    return path


def _add_video(film: OutputContainer, form: Form, pictures: Pictures) -> VideoStream:
    options = dict(ENCODER_OPTIONS[form.video])
    if form.video == "libx264":
        options["bf"] = "2" if pictures.b_frames else "0"
    stream = film.add_stream(form.video, rate=pictures.fps, options=options)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = pictures.size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, form.ticks or pictures.fps)
    return stream


def _add_audio(film: OutputContainer, form: Form, sound: Sound) -> AudioStream:
    stream = film.add_stream(form.audio, rate=sound.rate, layout="mono")
    assert isinstance(stream, AudioStream)
    return stream


def _video_frames(stream: VideoStream, pictures: Pictures) -> Iterator[Timed]:
    tick = stream.codec_context.time_base
    for time_s, picture in pictures.frames:
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.time_base = tick
        frame.pts = round(time_s / tick)
        frame.duration = round(1 / (pictures.fps * tick))
        yield time_s, stream, frame


def _audio_frames(stream: AudioStream, sound: Sound) -> Iterator[Timed]:
    block_size = sound.rate // 10
    first = round(sound.start_s * sound.rate)
    for at in range(0, len(sound.samples), block_size):
        block = sound.samples[at : at + block_size]
        frame = av.AudioFrame.from_ndarray(block[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = sound.rate
        frame.time_base = Fraction(1, sound.rate)
        frame.pts = first + at
        yield frame.pts / sound.rate, stream, frame


def video_start_s(path: Path) -> float:
    """When the pictures start on the film's clock, by ffprobe."""
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    streams = json.loads(subprocess.check_output(command))["streams"]
    starts = {stream["codec_type"]: float(stream["start_time"]) for stream in streams}
    return starts["video"] - min(starts.values())


def turn(path: Path, rotation: int, size: tuple[int, int]) -> None:
    """Tell players of an mp4 or mov file to turn its pictures clockwise by `rotation` degrees.

    Written into the video track's tkhd box (ISO 14496-12, 8.3.2), as a phone does it.
    """
    (width, height), one = size, 1 << 16
    numbers = {
        90: (0, one, 0, -one, 0, 0, height * one, 0, 1 << 30),
        180: (-one, 0, 0, 0, -one, 0, width * one, height * one, 1 << 30),
        270: (0, -one, 0, one, 0, 0, 0, width * one, 1 << 30),
    }[rotation]
    film = bytearray(path.read_bytes())
    upright = struct.pack(
        ">9i2I", *(one, 0, 0, 0, one, 0, 0, 0, 1 << 30), width * one, height * one
    )
    at = film.index(upright, film.index(b"tkhd"))
    film[at : at + 36] = struct.pack(">9i", *numbers)
    path.write_bytes(film)
