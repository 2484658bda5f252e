"""Runs the steps in this process: threads for each, short queues between them.

Steps overlap: while one clip is transcribed the next is decoded. The heavy work of every
step is in C, or in another process, and lets other threads run. No more of it runs at a
time than there are cores: more would take turns, and hold the memory of all of it. Nor does
a decoded clip come in before there is room for its bytes among those on their way.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from scenelake.pipeline.parcels import Event, Parcel
from scenelake.pipeline.steps import Step, Worker
from scenelake.pipeline.watching.watcher import QueueState
from scenelake.workers.devices import keep_memory

_QUEUE_ITEMS = 2
_BYTES_A_CORE = 20 << 20
"""Five minutes of 720p weigh 18 MiB: a clip for each core, and one more before the gate."""

_POLL_S = 0.2
_FLOW_EVERY_S = 1.0
_END = object()

Flow = Callable[[Mapping[str, QueueState]], None]


class _StoppedError(Exception):
    """The run is being given up; the thread that sees this ends."""


class _Line:
    """Threads of one run, and what stops them all."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.error: BaseException | None = None

    def start(self, target: Callable[[], None], name: str) -> None:
        threading.Thread(target=self._guarded, args=(target,), name=name, daemon=True).start()

    def _guarded(self, target: Callable[[], None]) -> None:
        try:
            target()
        except _StoppedError:
            return
        except BaseException as error:
            self.error = self.error or error
            self.stop.set()


class _Queue:
    """Parcels on their way from some threads to others, bounded in number."""

    def __init__(self, line: _Line, *, n_producers: int) -> None:
        self._line = line
        self._n_producers = n_producers
        self._parcels: deque[Parcel] = deque()
        self._n_bytes = 0
        self._changed = threading.Condition()

    def put(self, parcel: Parcel) -> None:
        """Wait for room."""
        with self._changed:
            while len(self._parcels) >= _QUEUE_ITEMS:
                self._wait()
            self._parcels.append(parcel)
            self._n_bytes += parcel.n_bytes
            self._changed.notify_all()

    def get(self) -> Any:
        """The next parcel, or the end when all producers have come to theirs."""
        with self._changed:
            while not self._parcels and self._n_producers:
                self._wait()
            if not self._parcels:
                return _END
            parcel = self._parcels.popleft()
            self._n_bytes -= parcel.n_bytes
            self._changed.notify_all()
            return parcel

    def some(self, most: int) -> list[Parcel]:
        """The next parcel, and up to so many in all of those that are there already; or none."""
        first = self.get()
        if first is _END:
            return []
        with self._changed:
            more = [self._parcels.popleft() for _ in range(min(most - 1, len(self._parcels)))]
            self._n_bytes -= sum(parcel.n_bytes for parcel in more)
            self._changed.notify_all()
        return [first, *more]

    def get_within(self, timeout_s: float) -> Any:
        """As `get`; None where nothing comes in time."""
        with self._changed:
            if not self._parcels and self._n_producers:
                self._wait(timeout_s)
                if not self._parcels and self._n_producers:
                    return None
        return self.get()

    def end(self) -> None:
        """One producer has come to its end."""
        with self._changed:
            self._n_producers -= 1
            self._changed.notify_all()

    def state(self) -> QueueState:
        return QueueState(len(self._parcels), self._n_bytes)

    def _wait(self, timeout_s: float = _POLL_S) -> None:
        self._changed.wait(timeout_s)
        if self._line.stop.is_set():
            raise _StoppedError


class _Load:
    """The bytes of all parcels on their way, queued or in hand."""

    def __init__(self, line: _Line, *, max_bytes: int) -> None:
        self._line = line
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._changed = threading.Condition()

    def come_in(self, n_bytes: int) -> None:
        """Wait for room; what is heavier than all there may be has room where nothing else is."""
        with self._changed:
            while n_bytes and self._n_bytes and self._n_bytes + n_bytes > self._max_bytes:
                self._changed.wait(_POLL_S)
                if self._line.stop.is_set():
                    raise _StoppedError
            self._n_bytes += n_bytes

    def change(self, n_bytes: int) -> None:
        """What is there already has become heavier, or lighter, or has left."""
        with self._changed:
            self._n_bytes += n_bytes
            self._changed.notify_all()


class _Cores:
    """Lets as many steps work at a time as there are cores, those nearest the end first.

    What is nearest the end frees memory; what is first only fills the queues.
    """

    def __init__(self, line: _Line, n_cores: int) -> None:
        self._line = line
        self._n_free = n_cores
        self._waiting: list[int] = []
        self._changed = threading.Condition()

    @contextmanager
    def one(self, rank: int) -> Iterator[None]:
        """A core, for as long as the block runs; a higher `rank` comes first."""
        with self._changed:
            self._waiting.append(rank)
            while not (self._n_free and rank == max(self._waiting)):
                self._changed.wait(_POLL_S)
                if self._line.stop.is_set():
                    raise _StoppedError
            self._waiting.remove(rank)
            self._n_free -= 1
        try:
            yield
        finally:
            with self._changed:
                self._n_free += 1
                self._changed.notify_all()


def run_inline(
    steps: list[Step],
    parcels: Iterable[Parcel],
    report: Callable[[Event], None],
    *,
    max_bytes: int | None = None,
    flow: Flow | None = None,
) -> Generator[Parcel]:
    """Give each parcel as it comes out of the last step.

    From then on this process keeps memory that it has freed: see `keep_memory`.

    Args:
        max_bytes: of decoded clips on their way; one always finds room. None: 20 MiB a core.
        flow: is told every second what waits before each step.

    Errors:
        UsageError, LakeError: what stops the whole run, raised here.
    """
    keep_memory()
    line = _Line()
    n_producers = [1, *(_n_workers(step) for step in steps)]
    queues = [_Queue(line, n_producers=n) for n in n_producers]
    line.start(lambda: _feed(parcels, queues[0]), "feed")
    n_cores = os.cpu_count() or 1
    load = _Load(line, max_bytes=max_bytes or n_cores * _BYTES_A_CORE)
    cores = _Cores(line, n_cores)
    for rank, step in enumerate(steps):
        turn = partial(cores.one, rank) if step.resources.cpus >= 1 else nullcontext
        for _ in range(_n_workers(step)):
            worker = Worker(step, report)
            line.start(
                partial(_work, worker, queues[rank], queues[rank + 1], load, turn), step.name
            )
    try:
        yield from _results(steps, queues, flow)
    except _StoppedError:
        if line.error is not None:
            raise line.error from None
    finally:
        line.stop.set()


def _n_workers(step: Step) -> int:
    return max(step.pool.min, step.pool.max or 0)


def _feed(parcels: Iterable[Parcel], target: _Queue) -> None:
    for parcel in parcels:
        target.put(parcel)
    target.end()


def _work(
    worker: Worker,
    origin: _Queue,
    target: _Queue,
    load: _Load,
    turn: Callable[[], AbstractContextManager[None]],
) -> None:
    """Take parcels through a step; `turn` is waited for before each result is worked out."""
    try:
        while parcels := origin.some(worker.together):
            _take_through(worker, parcels, target, load, turn)
            # What a step that waits for its next parcel remembers is not freed.
            del parcels
    finally:
        worker.close()
    target.end()


def _take_through(
    worker: Worker,
    parcels: list[Parcel],
    target: _Queue,
    load: _Load,
    turn: Callable[[], AbstractContextManager[None]],
) -> None:
    """Only the step that `admits` waits for room: the others make it by going on."""
    results = worker.advance_all(parcels)
    wait = turn if any(map(worker.concerns, parcels)) else nullcontext
    n_bytes = sum(parcel.n_bytes for parcel in parcels)
    while (result := _next(results, wait)) is not None:
        if worker.admits and not n_bytes:
            load.come_in(result.n_bytes)
        else:
            load.change(result.n_bytes)
        target.put(result)
    load.change(-n_bytes)


def _next(
    results: Iterator[Parcel], turn: Callable[[], AbstractContextManager[None]]
) -> Parcel | None:
    with turn():
        return next(results, None)


def _results(steps: list[Step], queues: list[_Queue], flow: Flow | None) -> Generator[Parcel]:
    told_s = time.monotonic()
    while (parcel := queues[-1].get_within(_POLL_S)) is not _END:
        if flow is not None and time.monotonic() - told_s >= _FLOW_EVERY_S:
            told_s = time.monotonic()
            flow({step.name: q.state() for step, q in zip(steps, queues, strict=False)})
        if parcel is not None:
            yield parcel
