"""How busy the device is kept by frames that come from somewhere."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from on_gpu.frames import (
    batched,
    decoded_by_av,
    decoded_by_opencv,
    made_frames,
    running,
    taken,
    write_film,
)
from on_gpu.measuring import N_LEAST, Bench, Row, UInt8, Work, say
from on_gpu.pictures import Eye


def feeding(bench: Bench) -> None:
    """How busy the device is kept while a thread beside it makes the frames."""
    eye = Eye(bench, bench.shapes.siglip)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.avi"
        sources: dict[str, Callable[[int], Iterator[UInt8]]] = {
            "noise": made_frames,
            "decoded by PyAV": lambda n: batched(decoded_by_av(film), n),
            "decoded by OpenCV": lambda n: batched(decoded_by_opencv(film), n),
        }
        for what, source in sources.items():
            row = Row("feeding", what, bench.shapes.way_batch, bench.dtype_name, "frames/s")
            with bench.guarded(row) as found:
                if source is not made_frames and not film.exists():
                    write_film(film)
                found |= _fed(bench, eye, source)


def _fed(bench: Bench, eye: Eye, source: Callable[[int], Iterator[UInt8]]) -> dict[str, Any]:
    """Frames a second, and of the time: how long the device had a batch, and was seen busy."""
    batch = bench.shapes.way_batch
    alone_s = _seconds_alone(source(batch))
    bench.forget_peak()
    eye.queued(next(source(batch)))
    bench.wait()
    with running(source(batch)) as waiting, Utilisation(bench) as seen:
        start_s, n_batches, stopwatch = time.perf_counter(), 0, Stopwatch(bench)
        while time.perf_counter() - start_s < bench.seconds or n_batches < N_LEAST:
            stopwatch.run(partial(eye.sent, eye.pinned(taken(waiting))))
            n_batches += 1
        bench.wait()
        wall_s = time.perf_counter() - start_s
    shares = {"time with a batch on the device": stopwatch.busy_s() / wall_s}
    if seen.samples:
        shares["time busy, by the driver"] = statistics.mean(seen.samples) / 100
    return {
        "rate": n_batches * batch / wall_s,
        "n_repeats": n_batches,
        "shares": shares,
        "peak_mib": bench.peak_mib(),
        "note": f"the frames alone: {batch / alone_s:.0f}/s",
    }


def _seconds_alone(batches: Iterator[UInt8]) -> float:
    """Of making one batch, with nothing beside it."""
    next(batches)
    start_s = time.perf_counter()
    for _ in range(N_LEAST):
        next(batches)
    return (time.perf_counter() - start_s) / N_LEAST


class Stopwatch:
    """Sums the device's time from the start of each piece of work to its end.

    Holes inside a piece, where the device waits for the next kernel, count as busy. At most
    two pieces are queued, so that the device has work and memory has an end.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._spans: list[tuple[Any, Any]] = []
        self._queued: deque[Any] = deque()
        self._busy_s = 0.0

    def run(self, work: Work) -> None:
        if not self._bench.on_gpu:
            start_s = time.perf_counter()
            work()
            self._busy_s += time.perf_counter() - start_s
            return
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        self._spans.append((start, end))
        self._queued.append(end)
        if len(self._queued) > 2:
            self._queued.popleft().synchronize()

    def busy_s(self) -> float:
        """After the device has been waited for."""
        return self._busy_s + sum(start.elapsed_time(end) for start, end in self._spans) / 1000


class Utilisation:
    """What the driver says, in percent, several times a second; nothing without nvidia-smi."""

    _COMMAND = "nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits --id=0"

    def __init__(self, bench: Bench) -> None:
        self.samples: list[float] = []
        self._there = bench.on_gpu and shutil.which("nvidia-smi") is not None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Utilisation:
        if self._there:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._there:
            self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.2):
            done = subprocess.run(self._COMMAND.split(), capture_output=True, text=True)
            if done.returncode or not done.stdout.strip().isdigit():
                say(f"nvidia-smi: {done.stdout}{done.stderr}")
                return
            self.samples.append(float(done.stdout))
