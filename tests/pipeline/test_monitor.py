"""What is remembered of a run: counts, its course, the memory of its processes."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from scenelake.pipeline.parcels import Event
from scenelake.pipeline.watching.monitor import Monitor
from scenelake.pipeline.watching.processes import Usage, usage
from scenelake.pipeline.watching.series import Sample, Series
from scenelake.pipeline.watching.watcher import QueueState, Watcher, Watchers
from scenelake.schemas.flow import Receipt, Skipped
from scenelake.schemas.rows import Failure

_MIB = 2**20
_HOLDER = "import sys; held = b'x' * int(sys.argv[1]); print(flush=True); sys.stdin.read()"


class Scripted:
    """Time and processes as a test wants them."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.used = Usage(memory_bytes=100, cpu_s=7.0, n_processes=1, exact=True)

    def now(self) -> float:
        return self.now_s

    def look(self) -> Usage:
        return self.used


def scripted_monitor() -> tuple[Monitor, Scripted]:
    script = Scripted()
    return Monitor(now=script.now, look=script.look, max_points=60), script


def failure(uri: str) -> Failure:
    return Failure(uri, "decode", "corrupt", "nothing decodes", "run-1", datetime.now(UTC))


def test_items_and_busy_seconds_of_each_step_are_added_up() -> None:
    monitor, _ = scripted_monitor()
    for clip in range(3):
        monitor.event(Event("a.mp4", "decode", "started", clip, 3, 900.0))
        monitor.event(Event("a.mp4", "decode", "finished", clip, 3, 900.0, busy_s=2.5))
    monitor.event(Event("a.mp4", "speech", "started", 0, 3, 900.0))
    steps = monitor.record().steps
    assert {name: (s.items, s.busy_s) for name, s in steps.items()} == {"decode": (3, 7.5)}


def test_a_run_of_many_hours_leaves_few_points_that_lose_no_total_and_no_peak() -> None:
    monitor, script = scripted_monitor()
    for n in range(10_000):
        script.now_s += 1.0
        peak = n == 4321
        script.used = Usage(10**9 if peak else 10**6, 7.0 + n, 1, exact=True)
        monitor.flow({"speech": QueueState(9 if peak else 1, 10)})
        if n % 10 == 0:
            monitor.verdict(f"{n}", Receipt(f"{n}", f"{n}", n_scenes=1, media_s=30.0))
        elif n % 10 == 1:
            monitor.verdict(f"{n}", failure(f"{n}"))
        elif n % 10 == 2:
            monitor.verdict(f"{n}", Skipped(f"{n}", f"{n}", "known"))
        monitor.sample()
    samples = monitor.record().samples
    assert 20 <= len(samples) <= 60
    last = samples[-1]
    assert (last.committed, last.failed, last.skipped) == (1000, 1000, 1000)
    assert (last.media_s, last.time_s) == (30_000.0, 10_000.0)
    assert max(sample.memory_bytes for sample in samples) == 10**9
    assert max(sample.queues["speech"].n_items for sample in samples) == 9
    times_s = [sample.time_s for sample in samples]
    assert times_s == sorted(times_s)
    assert all(a.media_s <= b.media_s for a, b in pairwise(samples))


def test_points_stay_evenly_spread() -> None:
    series = Series(interval_s=1.0, max_points=10)
    for second in range(1, 101):
        series.add(Sample(time_s=float(second)))
    gaps_s = [b.time_s - a.time_s for a, b in pairwise(series.points())]
    assert len(series.points()) <= 10
    assert max(gaps_s) <= 2 * series.interval_s


def test_the_slowest_films_are_kept_and_the_others_forgotten() -> None:
    monitor, script = scripted_monitor()
    for n in range(1000):
        uri = f"{n}.mp4"
        monitor.event(Event(uri, "decode", "started", 0, 1, 60.0))
        script.now_s += 100.0 if n in (5, 700) else 1.0
        monitor.event(Event(uri, "decode", "finished", 0, 1, 60.0, busy_s=0.5))
        monitor.verdict(uri, Receipt(uri, uri, n_scenes=1, media_s=60.0))
        monitor.event(Event(uri, "commit", "finished", 0, 1, 60.0))
    slowest = monitor.record().slowest
    assert len(slowest) == 20
    assert {film.uri for film in slowest[:2]} == {"5.mp4", "700.mp4"}
    assert (slowest[0].wall_s, slowest[0].media_s, slowest[0].busy_s) == (100.0, 60.0, 0.5)
    assert len(monitor._films) == 0


def test_seconds_of_cpu_count_from_the_beginning_and_never_go_back() -> None:
    monitor, script = scripted_monitor()
    with monitor:
        script.used = Usage(100, 12.0, 3, exact=True)
        monitor.sample()
        script.now_s += 2
        script.used = Usage(100, 9.0, 2, exact=False)
    record = monitor.record()
    assert record.samples[-1].cpu_s == 5.0
    assert (record.n_processes, record.memory_exact) == (3, False)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_that_a_child_of_a_child_holds_is_seen() -> None:
    relay = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_HOLDER!r}, sys.argv[1]])"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", relay, str(50 * _MIB)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        held = usage(child.pid)
        with Monitor() as monitor:
            pass
        child.communicate()
    record = monitor.record()
    assert held.n_processes == 2
    assert 50 * _MIB <= held.memory_bytes < 120 * _MIB
    assert record.samples[-1].memory_bytes > held.memory_bytes
    assert record.n_processes > held.n_processes
    assert record.memory_exact


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_pages_that_processes_share_count_once() -> None:
    """A fork shares its parent's memory; resident sizes would add up to twice that."""
    code = (
        "import os, sys\nheld = b'x' * (80 << 20)\nos.fork()\nprint(flush=True)\nsys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.readline()
        used = usage(child.pid)
        child.communicate()
    assert used.n_processes == 2
    assert 80 * _MIB <= used.memory_bytes < 120 * _MIB


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_cpu_of_a_child_that_has_ended_is_counted() -> None:
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    code = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}], check=True)\n"
        "print(flush=True)\nsys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        used = usage(child.pid)
        child.communicate()
    assert used.n_processes == 1
    assert used.cpu_s >= 0.5


def test_the_thread_ends_with_the_run() -> None:
    with Monitor() as monitor:
        time.sleep(0.05)
    assert monitor._thread is not None
    assert not monitor._thread.is_alive()
    assert monitor.record().samples[-1].memory_bytes > 0


def test_several_watchers_are_all_told_in_their_order() -> None:
    told: list[tuple[str, str]] = []

    class Noting(Watcher):
        def __init__(self, name: str) -> None:
            self.name = name

        def begin(self, uris: list[str]) -> None:
            told.append((self.name, "begin"))

        def event(self, event: Event) -> None:
            told.append((self.name, event.step))

        def flow(self, queues: object) -> None:
            told.append((self.name, "flow"))

        def verdict(self, uri: str, item: object) -> None:
            told.append((self.name, uri))

    both = Watchers(Noting("first"), Noting("second"))
    both.begin(["a.mp4"])
    both.event(Event("a.mp4", "decode", "started"))
    both.flow({})
    both.verdict("a.mp4", failure("a.mp4"))
    happened = ["begin", "decode", "flow", "a.mp4"]
    assert told == [(name, what) for what in happened for name in ("first", "second")]
