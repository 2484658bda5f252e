"""Pieces of work, measured warm, again and again; each a row with its shares."""

from __future__ import annotations

import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from on_gpu.shapes import Shapes

UInt8 = NDArray[np.uint8]
Work = Callable[[], Any]

N_WARM, N_LEAST, N_MOST = 2, 3, 200


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: `rate` per second, median, with the lowest and highest of its repeats.

    Attributes:
        shares: of what -> how much of it; of a plain loop, more than 1 is faster.
        peak_mib: of memory that torch held on the GPU meanwhile, models included.
        error: why there is no rate.
    """

    part: str
    what: str
    batch: int
    dtype: str
    unit: str
    rate: float | None = None
    lowest: float | None = None
    highest: float | None = None
    n_repeats: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    peak_mib: float | None = None
    note: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call of a piece of work gives, and what it must do for that."""

    count: float
    unit: str
    flop: float = 0.0
    n_bytes: float = 0.0


class Bench:
    """Where it is measured, for how long, and what was found so far."""

    def __init__(self, shapes: Shapes, *, device: str, seconds: float, compiles: bool) -> None:
        self.shapes = shapes
        self.device = device
        self.seconds = seconds
        self.compiles = compiles
        self.dtype = torch.bfloat16 if device == "cuda" else torch.float32
        self.rows: list[Row] = []
        self.best_flop_s = 0.0
        self.copied_bytes_s = 0.0

    @property
    def on_gpu(self) -> bool:
        return self.device == "cuda"

    @property
    def dtype_name(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    def wait(self) -> None:
        """Until the device has done all it was given."""
        if self.on_gpu:
            torch.cuda.synchronize()

    def measure(
        self,
        part: str,
        what: str,
        work: Work,
        cost: Cost,
        *,
        batch: int = 1,
        beside: Row | None = None,
        note: str = "",
    ) -> Row:
        """A row for a piece of work, warm, again and again for `seconds`.

        Args:
            beside: the row whose rate this one's is compared to.
        """
        row = Row(part, what, batch, self.dtype_name, cost.unit, note=note)
        with self.guarded(row) as found:
            self.forget_peak()
            times_s = self._times(work)
            median_s = statistics.median(times_s)
            found |= {
                "rate": cost.count / median_s,
                "lowest": cost.count / max(times_s),
                "highest": cost.count / min(times_s),
                "n_repeats": len(times_s),
                "peak_mib": self.peak_mib(),
                "shares": self._shares(cost, median_s, beside),
            }
        return self.rows[-1]

    @contextmanager
    def guarded(self, row: Row) -> Iterator[dict[str, Any]]:
        """Adds the row with what is put into the dictionary, or with what went wrong."""
        found: dict[str, Any] = {}
        try:
            yield found
        except Exception as error:
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        self.rows.append(Row(**{**asdict(row), **found}))
        say(f"{row.part}: {row.what}, batch {row.batch}: {told(self.rows[-1])}")

    def _times(self, work: Work) -> list[float]:
        for _ in range(N_WARM):
            work()
        times_s: list[float] = []
        while len(times_s) < N_LEAST or (sum(times_s) < self.seconds and len(times_s) < N_MOST):
            self.wait()
            start_s = time.perf_counter()
            work()
            self.wait()
            times_s.append(time.perf_counter() - start_s)
        return times_s

    def _shares(self, cost: Cost, time_s: float, beside: Row | None) -> dict[str, float]:
        shares = {}
        if cost.flop and self.best_flop_s:
            shares["matrix product"] = cost.flop / time_s / self.best_flop_s
        if cost.n_bytes and self.copied_bytes_s:
            shares["copy bandwidth"] = cost.n_bytes / time_s / self.copied_bytes_s
        if beside is not None and beside.rate:
            shares["plain loop"] = cost.count / time_s / beside.rate
        return shares

    def forget_peak(self) -> None:
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats()

    def peak_mib(self) -> float | None:
        return torch.cuda.max_memory_allocated() / 2**20 if self.on_gpu else None

    def model(self, auto: Any, config: Any) -> Any:
        """A model of random weights, made on the device: in the memory of a host it takes long."""
        torch.manual_seed(0)
        with torch.device(self.device):
            made = auto.from_config(config, dtype=self.dtype, attn_implementation="sdpa")
        return made.eval().requires_grad_(False)

    def noise(self, *size: int) -> torch.Tensor:
        return torch.randn(*size, device=self.device, dtype=self.dtype)


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def digits(value: float) -> str:
    return f"{value:.4g}" if value < 1e4 else f"{value:.0f}"


def told(row: Row) -> str:
    """A row in a few words."""
    if row.error:
        return f"failed: {row.error}"
    assert row.rate is not None
    return f"{digits(row.rate)} {row.unit} {row.shares or ''}"
