"""Sounds between the words, synthesised."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from scenelake.schemas.arrays import Float32, Float64

SOUND_S = 1.2
_LOUDEST = 0.2


def sound(name: str, *, rate: int) -> Float32:
    """(T,) float32 mono of a bell, rain, a telephone or a siren."""
    time_s = np.arange(round(SOUND_S * rate)) / rate
    fade = np.minimum(1, np.minimum(time_s, SOUND_S - time_s) * 20)
    return np.asarray(_SOUNDS[name](time_s) * fade * _LOUDEST, np.float32)


def _bell(time_s: Float64) -> Float64:
    partials = (1.0, 2.0, 2.4, 3.0, 4.5)
    tones = [np.sin(2 * np.pi * 520 * p * time_s) * np.exp(-2 * p * time_s) for p in partials]
    return np.asarray(sum(tones) / 3, np.float64)


def _rain(time_s: Float64) -> Float64:
    return np.random.default_rng(1).normal(0, 0.3, len(time_s))


def _telephone(time_s: Float64) -> Float64:
    rings = (time_s % 0.6 < 0.4) & (time_s % 0.05 < 0.04)
    return np.asarray(np.sin(2 * np.pi * 1400 * time_s) * rings, np.float64)


def _siren(time_s: Float64) -> Float64:
    return np.asarray(np.sin(2 * np.pi * 700 * time_s - 150 * np.cos(2 * np.pi * time_s)))


_SOUNDS: Mapping[str, Callable[[Float64], Float64]] = {
    "bell": _bell,
    "rain": _rain,
    "telephone": _telephone,
    "siren": _siren,
}
