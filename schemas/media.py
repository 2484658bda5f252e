"""Pictures and sound, and what a visual encoder makes of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scenelake.schemas.arrays import Float32, Float64, Int16, UInt8
from scenelake.schemas.checks import require
from scenelake.schemas.rows import Label


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Pictures: `data` (N, H, W, 3) uint8 RGB upright, `time_s` (N,) float64."""

    data: UInt8
    time_s: Float64

    def __post_init__(self) -> None:
        require(
            self.data.ndim == 4 and self.data.shape[3] == 3 and self.data.dtype == np.uint8,
            f"frames are {self.data.dtype} {self.data.shape}, expected uint8 (N, H, W, 3)",
        )
        require(
            self.time_s.shape == (len(self.data),),
            f"{len(self.data)} frames with times of shape {self.time_s.shape}",
        )


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """Sound: `data` (T,) float32 mono in -1..1, its first sample at `start_s`."""

    data: Float32
    sample_rate: int
    start_s: float

    def __post_init__(self) -> None:
        require(
            self.data.ndim == 1 and self.data.dtype == np.float32,
            f"samples are {self.data.dtype} {self.data.shape}, expected float32 (T,)",
        )
        require(self.sample_rate > 0, f"sample rate {self.sample_rate}")

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.data) / self.sample_rate


@dataclass(frozen=True, slots=True)
class Utterance:
    """A stretch with speech in it: `samples` (T,) int16 mono, the first at `start_s`."""

    samples: Int16
    sample_rate: int
    start_s: float

    def __post_init__(self) -> None:
        require(
            self.samples.ndim == 1 and self.samples.dtype == np.int16,
            f"samples are {self.samples.dtype} {self.samples.shape}, expected int16 (T,)",
        )

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / self.sample_rate


@dataclass(frozen=True, slots=True)
class Picture:
    """A still as it travels between steps: JPEG bytes and its presentation time."""

    time_s: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class VisualEncoding:
    """What a visual encoder makes of N pictures.

    `vectors` (N, D) float32 of length 1, `time_s` (N,), `labels` N tuples, best first,
    `model` as ``name@revision``. N may be 0; D is the model's own even then.
    """

    vectors: Float32
    time_s: Float64
    labels: tuple[tuple[Label, ...], ...]
    model: str

    def __post_init__(self) -> None:
        n = len(self.time_s)
        require(
            self.vectors.ndim == 2 and len(self.vectors) == n and len(self.labels) == n,
            f"{n} times, vectors {self.vectors.shape}, {len(self.labels)} label lists",
        )
        require(bool(np.isfinite(self.vectors).all()), f"{self.model}: vectors are not numbers")
