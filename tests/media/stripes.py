"""Films whose every scene shows its own number, as black and white stripes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .muxing import Picture, Pictures, write_film

N_BITS = 8
SIZE = (320, 180)
_FPS = 10
_GROUNDS = ((200, 30, 30), (90, 250, 250), (60, 20, 120), (250, 250, 90))
"""Neighbours differ in hue and in brightness."""


def striped_film(path: Path, n_scenes: int, *, scene_s: float = 2.2) -> Path:
    """Scene by scene from 0 on, with a hard cut between any two."""
    pictures = Pictures(frames=_frames(n_scenes, round(scene_s * _FPS)), size=SIZE, fps=_FPS)
    return write_film(path, pictures=pictures, sound=None)


def read_stripes(rgb: NDArray[np.uint8]) -> int:
    """The number that an (H, W, 3) picture shows."""
    middle = rgb[rgb.shape[0] // 2 :].mean(axis=(0, 2))
    bits = [stripe[len(stripe) // 4 : -len(stripe) // 4] for stripe in _parts(middle)]
    return sum(1 << bit for bit, part in enumerate(bits) if part.mean() > 127)


def _frames(n_scenes: int, n_each: int) -> Iterator[tuple[float, Picture]]:
    for index in range(n_scenes * n_each):
        yield index / _FPS, _picture(index // n_each)


def _picture(number: int) -> Picture:
    """Stripes below; above a ground whose colour jumps from scene to scene."""
    width, height = SIZE
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2] = _GROUNDS[number % len(_GROUNDS)]
    columns = np.arange(width) * N_BITS // width
    picture[height // 2 :] = np.where((number >> columns) & 1, 235, 20)[None, :, None]
    return picture


def _parts(row: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    return np.array_split(row, N_BITS)
