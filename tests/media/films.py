"""Films with known truth.

Each builder writes one film and returns where it is and what is in it. Times of truth are on the
film's clock: zero is the earliest stream start, as ffprobe tells it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from .muxing import TURNABLE, Picture, Pictures, Sound, turn, video_start_s, write_film
from .scenery import (
    beep,
    dark_frames,
    drifting_shots,
    frame_times,
    laid_out,
    photograph_shots,
    silence,
    trimmed,
)
from .speech import SPEECH_RATE, speak


@dataclass(frozen=True, slots=True)
class FlashAndBeep:
    """A white frame at `flash_s` and a beep of 50 ms from `beep_s` on.

    Attributes:
        frames_s: when each frame is shown.
        size: width and height as stored, before any rotation.
    """

    path: Path
    flash_s: float
    beep_s: float
    frames_s: tuple[float, ...]
    size: tuple[int, int]
    rotation: int


@dataclass(frozen=True, slots=True)
class HardCuts:
    """Shots that differ, with the first frame of each new one at `cuts_s`."""

    path: Path
    cuts_s: tuple[float, ...]
    duration_s: float
    fps: int
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words said from `start_s` until `end_s`, silence left off."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """A film of photographs in which sentences are said."""

    path: Path
    duration_s: float
    cuts_s: tuple[float, ...]
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Plain:
    """A film with nothing to find in it but its duration."""

    path: Path
    duration_s: float


def flash_and_beep(
    path: Path,
    *,
    flash_s: float = 2.0,
    beep_s: float = 2.0,
    duration_s: float = 4.0,
    audio_offset_s: float = 0.0,
    variable_rate: bool = False,
    first_timestamp_s: float = 0.0,
    rotation: int = 0,
    b_frames: bool = True,
    size: tuple[int, int] = (320, 180),
) -> FlashAndBeep:
    """One white frame on a dark moving ground, one beep on silence; the suffix says how written.

    A red bar lies along the upper edge of the picture as it is to be seen.

    Args:
        audio_offset_s: the audio track starts so much after the video, or before it if negative;
            not in avi, which has no times of its own.
        variable_rate: frames 20 to 80 ms apart instead of 40; not in avi.
        first_timestamp_s: the file's own time of its first track; not in avi.
        rotation: degrees clockwise by which a player must turn the pictures; mp4 and mov only.
    """
    _check_form(path, audio_offset_s or first_timestamp_s or variable_rate, rotation)
    video_s, audio_s = max(0.0, -audio_offset_s), max(0.0, audio_offset_s)
    times = frame_times(video_s, duration_s, variable=variable_rate)
    shown = times[np.argmin(np.abs(times - flash_s))]
    pictures = Pictures(
        frames=dark_frames(times + first_timestamp_s, size, rotation, times == shown),
        size=size,
        b_frames=b_frames,
    )
    sound = Sound(
        samples=beep(beep_s - audio_s, duration_s - audio_s), start_s=first_timestamp_s + audio_s
    )
    write_film(path, pictures=pictures, sound=sound)
    if rotation:
        turn(path, rotation, size)
    shift_s = video_start_s(path) - video_s
    return FlashAndBeep(
        path=path,
        flash_s=float(shown + shift_s),
        beep_s=beep_s + shift_s,
        frames_s=tuple(float(t + shift_s) for t in times),
        size=size,
        rotation=rotation,
    )


def hard_cuts(
    path: Path,
    *,
    cuts_s: Sequence[float],
    duration_s: float,
    fps: int = 25,
    size: tuple[int, int] = (320, 180),
    silent_track: bool = False,
) -> HardCuts:
    """Coloured textures that drift, a new one from the frame nearest to each of `cuts_s` on.

    Args:
        silent_track: add a silent audio track.
    """
    count = round(duration_s * fps)
    first_frames = [0, *(round(cut * fps) for cut in cuts_s), count]
    pictures = Pictures(frames=drifting_shots(first_frames, fps, size), size=size, fps=fps)
    sound = Sound(silence(duration_s)) if silent_track else None
    write_film(path, pictures=pictures, sound=sound)
    cuts = tuple(first / fps for first in first_frames[1:-1])
    return HardCuts(path=path, cuts_s=cuts, duration_s=count / fps, fps=fps, size=size)


def spoken(
    path: Path,
    sentences: Sequence[tuple[float, str]],
    *,
    pictures: Sequence[tuple[float, Picture]] = (),
    tail_s: float = 1.0,
    wpm: int = 150,
    voice: str = "en-us",
    size: tuple[int, int] = (320, 180),
) -> Spoken:
    """Sentences said from given instants on, over photographs shown from given instants on.

    Args:
        sentences: (start_s, text), in time order and far enough apart.
        pictures: (start_s, (H, W, 3) uint8 RGB), the first at 0; a drifting texture if none.
        tail_s: how long the film goes on after the last word.

    Errors:
        ValueError: a sentence starts before the one before it ends.
    """
    voices = [trimmed(speak(text, wpm=wpm, voice=voice)) for _, text in sentences]
    said = tuple(
        Sentence(text, start_s, start_s + len(samples) / SPEECH_RATE)
        for (start_s, text), samples in zip(sentences, voices, strict=True)
    )
    _check_apart(said)
    fps = 25
    count = round((said[-1].end_s + tail_s) * fps)
    starts = [round(start_s * fps) for start_s, _ in pictures] or [0]
    shots = [*starts, count]
    frames = (
        photograph_shots(shots, fps, [picture for _, picture in pictures], size)
        if pictures
        else drifting_shots(shots, fps, size)
    )
    samples = laid_out([start_s for start_s, _ in sentences], voices, count / fps)
    sound = Sound(samples, rate=SPEECH_RATE)
    write_film(path, pictures=Pictures(frames=frames, size=size, fps=fps), sound=sound)
    return Spoken(path, count / fps, tuple(start / fps for start in starts[1:]), said)


def video_only(path: Path, *, duration_s: float = 3.0) -> Plain:
    """A film without an audio track."""
    hard_cuts(path, cuts_s=(), duration_s=duration_s)
    return Plain(path, duration_s)


def audio_only(path: Path, *, duration_s: float = 3.0) -> Plain:
    """A beep in the middle of silence, and no pictures."""
    write_film(path, pictures=None, sound=Sound(beep(duration_s / 2, duration_s)))
    return Plain(path, duration_s)


def silent(path: Path, *, duration_s: float = 3.0) -> Plain:
    """Moving pictures and an audio track of nothing but zeros."""
    hard_cuts(path, cuts_s=(), duration_s=duration_s, silent_track=True)
    return Plain(path, duration_s)


def _check_form(path: Path, wants_times: float | bool, rotation: int) -> None:
    if wants_times and path.suffix == ".avi":
        raise ValueError("avi only counts frames: it cannot hold times of its own")
    if rotation and path.suffix[1:] not in TURNABLE:
        raise ValueError(f"rotation is written to {' and '.join(TURNABLE)} only, not {path.name}")


def _check_apart(sentences: Sequence[Sentence]) -> None:
    for one, two in pairwise(sentences):
        if two.start_s < one.end_s:
            raise ValueError(f"{two.text!r} starts at {two.start_s} s, before {one.end_s:.2f} s")


def with_sound_of(path: Path, audio: Path) -> Path:
    """Moving pictures as long as an audio file, with its sound."""
    pictures = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-i", str(audio)]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-shortest"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *pictures, *codecs, str(path)], check=True)
    return path
