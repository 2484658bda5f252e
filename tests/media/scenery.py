"""What films with known truth show and sound like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from .muxing import SOUND_RATE, Float32, Picture
from .speech import SPEECH_RATE

Float64 = NDArray[np.float64]

BEEP_S = 0.05
BEEP_HZ = 1_000


def frame_times(start_s: float, end_s: float, *, variable: bool) -> Float64:
    if not variable:
        return start_s + np.arange(round((end_s - start_s) * 25)) / 25
    steps_ms = np.random.default_rng(5).integers(20, 81, size=round((end_s - start_s) * 50))
    times = start_s + np.concatenate([[0], np.cumsum(steps_ms)]) / 1000
    return times[times < end_s]


def dark_frames(
    times: Float64, size: tuple[int, int], rotation: int, white: NDArray[np.bool_]
) -> Iterator[tuple[float, Picture]]:
    width, height = size if rotation % 180 == 0 else size[::-1]
    ground = _texture(3, (width * 2, height), brightest=60)
    for index, time_s in enumerate(times):
        picture = np.full((height, width, 3), 255, np.uint8)
        if not white[index]:
            left = index * 2 % width
            picture = ground[:, left : left + width].copy()
        picture[: height // 8] = (200, 0, 0)
        yield float(time_s), np.ascontiguousarray(np.rot90(picture, rotation // 90))


def drifting_shots(
    first_frames: Sequence[int], fps: int, size: tuple[int, int]
) -> Iterator[tuple[float, Picture]]:
    width, height = size
    for shot, (first, after) in enumerate(pairwise(first_frames)):
        ground = _texture(shot, (width * 2, height), brightest=230)
        for index in range(first, after):
            left = (index - first) % width
            yield index / fps, np.ascontiguousarray(ground[:, left : left + width])


def photograph_shots(
    first_frames: Sequence[int], fps: int, pictures: Sequence[Picture], size: tuple[int, int]
) -> Iterator[tuple[float, Picture]]:
    for picture, (first, after) in zip(pictures, pairwise(first_frames), strict=True):
        for index in range(first, after):
            # Cropped more and more, so that the camera seems to come nearer.
            yield index / fps, _cropped(picture, size, zoom=1 + (index - first) / 1000)


def _cropped(picture: Picture, size: tuple[int, int], *, zoom: float) -> Picture:
    (height, width), (wide, high) = picture.shape[:2], size
    scale = min(width / wide, height / high) / zoom
    patch = (round(wide * scale), round(high * scale))
    cut = cv2.getRectSubPix(picture, patch, ((width - 1) / 2, (height - 1) / 2))
    return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)


def _texture(seed: int, size: tuple[int, int], *, brightest: int) -> Picture:
    """Soft spots in one of many hues, wrapping around from right to left."""
    width, height = size
    rng = np.random.default_rng(seed)
    spots = rng.random((9, 16), np.float32)
    grey = cv2.resize(np.hstack([spots, spots]), (width, height), interpolation=cv2.INTER_CUBIC)
    hue = np.full_like(grey, seed * 67 % 180)
    value = brightest * (0.5 + 0.5 * np.clip(grey, 0, 1))
    hsv = np.stack([hue, np.full_like(grey, 170), value], axis=-1).astype(np.uint8)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.uint8)


def silence(duration_s: float) -> Float32:
    return np.zeros(round(duration_s * SOUND_RATE), np.float32)


def beep(at_s: float, duration_s: float) -> Float32:
    samples = silence(duration_s)
    time_s = np.arange(round(BEEP_S * SOUND_RATE)) / SOUND_RATE
    first = round(at_s * SOUND_RATE)
    samples[first : first + len(time_s)] = 0.8 * np.sin(2 * np.pi * BEEP_HZ * time_s)
    return samples


def trimmed(samples: Float32) -> Float32:
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1] + 1]


def laid_out(starts_s: Sequence[float], voices: Sequence[Float32], duration_s: float) -> Float32:
    """Voices on silence, at `SPEECH_RATE`."""
    samples = np.zeros(round(duration_s * SPEECH_RATE), np.float32)
    for start_s, voice in zip(starts_s, voices, strict=True):
        first = round(start_s * SPEECH_RATE)
        samples[first : first + len(voice)] = voice
    return samples
