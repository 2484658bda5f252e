"""Records a run: what each step did, and the course of films, memory, CPU and queues.

>>> with Monitor() as monitor:
...     run(["films/"], "my-lake", watcher=Watchers(display, monitor))
>>> monitor.record()
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from scenelake.pipeline.parcels import Event
from scenelake.pipeline.watching.processes import Usage, usage
from scenelake.pipeline.watching.series import Sample, Series, peaks
from scenelake.pipeline.watching.tally import Ledger
from scenelake.pipeline.watching.watcher import QueueState, Verdict, Watcher
from scenelake.schemas.flow import Receipt, Skipped

_N_SLOWEST = 20
_EVERY_S = (1.0, 5.0)

_MAX_COST = 0.01
"""Share of one core that looking may take: with many or large processes it is seldomer."""


@dataclass(slots=True)
class StepStats:
    """What a step did: items it was done with, seconds that its workers were busy."""

    items: int = 0
    busy_s: float = 0.0


@dataclass(frozen=True, slots=True, order=True)
class SlowFilm:
    """A film by the time it took, from the first step after `plan` to its end."""

    wall_s: float
    media_s: float
    uri: str
    busy_s: float


@dataclass(frozen=True, slots=True)
class Record:
    """What a monitor has seen.

    Attributes:
        steps: name -> what it did, in the order in which the steps were first met.
        samples: the course of the run, at most some 600 points.
        slowest: the slowest of the committed films, slowest first.
        memory_exact: memory is the proportional size throughout; else some is resident size.
        n_processes: the most that were alive at once.
    """

    steps: Mapping[str, StepStats]
    samples: tuple[Sample, ...]
    slowest: tuple[SlowFilm, ...]
    memory_exact: bool
    n_processes: int


@dataclass(slots=True)
class _FilmTimes:
    start_s: float | None = None
    busy_s: float = 0.0


@dataclass(slots=True)
class _Counts:
    media_s: float = 0.0
    committed: int = 0
    failed: int = 0
    skipped: int = 0
    queues: dict[str, QueueState] = field(default_factory=dict)


class Monitor(Watcher):
    """Watches a run, and the memory and CPU of its processes on this machine meanwhile.

    A context manager: looks every 1 to 5 s from a thread of its own while it is entered.
    Workers on other machines of a cluster are not seen.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        look: Callable[[], Usage] = usage,
        max_points: int = 600,
    ) -> None:
        self._now, self._look = now, look
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._start_s = now()
        self._cpu_before_s = 0.0
        self._counts = _Counts()
        self._steps: dict[str, StepStats] = {}
        self._films: Ledger[_FilmTimes] = Ledger(_FilmTimes)
        self._slowest: list[SlowFilm] = []
        self._series = Series(max_points=max_points)
        self._exact, self._n_processes = True, 0

    def __enter__(self) -> Monitor:
        self._start_s = self._now()
        self._cpu_before_s = self._look().cpu_s
        self._thread = threading.Thread(target=self._watch, name="monitor", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.sample()

    def event(self, event: Event) -> None:
        with self._lock:
            film = self._films.find(event.uri)
            if event.kind == "finished":
                stats = self._steps.setdefault(event.step, StepStats())
                stats.items += 1
                stats.busy_s += event.busy_s
            if film is None:
                return
            film.busy_s += event.busy_s
            if film.start_s is None and event.step != "plan":
                film.start_s = self._now()

    def flow(self, queues: Mapping[str, QueueState]) -> None:
        with self._lock:
            self._counts.queues = peaks(self._counts.queues, queues)

    def verdict(self, uri: str, item: Verdict) -> None:
        with self._lock:
            times = self._films.close(uri)
            if isinstance(item, Receipt):
                self._counts.committed += 1
                self._counts.media_s += item.media_s
                self._keep_slow(uri, times, item)
            elif isinstance(item, Skipped):
                self._counts.skipped += 1
            else:
                self._counts.failed += 1

    def sample(self) -> None:
        """Look once: adds a point to the series."""
        used = self._look()
        with self._lock:
            counts = self._counts
            points = self._series.points()
            earlier_s = points[-1].cpu_s if points else 0.0
            self._series.add(
                Sample(
                    time_s=self._now() - self._start_s,
                    media_s=counts.media_s,
                    committed=counts.committed,
                    failed=counts.failed,
                    skipped=counts.skipped,
                    # A process that nobody waits for takes its seconds with it.
                    cpu_s=max(earlier_s, used.cpu_s - self._cpu_before_s),
                    memory_bytes=used.memory_bytes,
                    queues=counts.queues,
                )
            )
            self._exact = self._exact and used.exact
            self._n_processes = max(self._n_processes, used.n_processes)
            counts.queues = {}

    def record(self) -> Record:
        with self._lock:
            return Record(
                steps={name: StepStats(s.items, s.busy_s) for name, s in self._steps.items()},
                samples=tuple(self._series.points()),
                slowest=tuple(sorted(self._slowest, reverse=True)),
                memory_exact=self._exact,
                n_processes=self._n_processes,
            )

    def _keep_slow(self, uri: str, times: _FilmTimes, receipt: Receipt) -> None:
        if times.start_s is None:
            return
        film = SlowFilm(self._now() - times.start_s, receipt.media_s, uri, times.busy_s)
        heapq.heappush(self._slowest, film)
        if len(self._slowest) > _N_SLOWEST:
            heapq.heappop(self._slowest)

    def _watch(self) -> None:
        shortest_s, longest_s = _EVERY_S
        pause_s = 0.0
        while not self._stop.wait(pause_s):
            start_s = time.thread_time()
            self.sample()
            cost_s = time.thread_time() - start_s
            pause_s = min(longest_s, max(shortest_s, self._series.interval_s, cost_s / _MAX_COST))
