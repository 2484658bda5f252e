"""What the inline engine holds in memory while it works."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field

from scenelake.pipeline.inline_engine import run_inline
from scenelake.pipeline.parcels import Parcel
from scenelake.pipeline.steps import Step
from scenelake.workers.stage import Resources

HEAVY = 100


@dataclass(frozen=True)
class Weighty:
    """An item that notes when it is let go."""

    name: str
    n_bytes: int
    tally: Tally

    def __post_init__(self) -> None:
        self.tally.come(self.n_bytes)
        weakref.finalize(self, self.tally.go, self.n_bytes)


@dataclass
class Tally:
    """The bytes of all items that anything still remembers."""

    now: int = 0
    most: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def come(self, n_bytes: int) -> None:
        with self.lock:
            self.now += n_bytes
            self.most = max(self.most, self.now)

    def go(self, n_bytes: int) -> None:
        with self.lock:
            self.now -= n_bytes


@dataclass
class Unpack:
    """A name comes in, `count` heavy items come out."""

    tally: Tally
    count: int = 1

    def setup(self) -> None: ...

    def process(self, item: str) -> Iterator[Weighty]:
        for index in range(self.count):
            yield Weighty(f"{item}{index}", HEAVY, self.tally)


@dataclass
class Dwell:
    """Gives a copy as heavy as what it takes, after a while."""

    seconds: float

    def setup(self) -> None: ...

    def process(self, item: Weighty) -> Iterator[Weighty]:
        time.sleep(self.seconds)
        yield Weighty(item.name, item.n_bytes, item.tally)


class Weigh:
    """Keeps an item's name alone."""

    def setup(self) -> None: ...

    def process(self, item: Weighty) -> Iterator[str]:
        yield item.name


def line(*stages: object, takes: tuple[type, ...] = (Weighty,)) -> list[Step]:
    """Steps of which the first takes names and admits what it makes of them."""
    return [
        Step(
            name=f"{index}",
            make=lambda stage=stage: stage,
            resources=Resources(cpus=0.1),
            takes=takes if index else (str,),
            admits=index == 0,
        )
        for index, stage in enumerate(stages)
    ]


def names(steps: list[Step], inputs: list[str], *, max_bytes: int) -> list[str]:
    parcels = [Parcel(name, "run", name) for name in inputs]
    return [p.item for p in run_inline(steps, parcels, lambda event: None, max_bytes=max_bytes)]


def test_no_more_is_on_its_way_than_there_is_room_for() -> None:
    tally = Tally()
    steps = line(Unpack(tally), *(Dwell(0.01) for _ in range(6)), Weigh())
    came = names(steps, [f"film{i:02}" for i in range(30)], max_bytes=3 * HEAVY)
    assert len(set(came)) == 30
    # Three on their way, the one that waits to come in, and copies that two steps make.
    assert tally.most <= 6 * HEAVY


def test_what_is_heavier_than_all_the_room_goes_alone() -> None:
    tally = Tally()
    steps = line(Unpack(tally), Dwell(0.0), Weigh())
    assert len(names(steps, ["a", "b", "c"], max_bytes=HEAVY // 2)) == 3


def test_one_film_of_many_clips_goes_through_a_narrow_line() -> None:
    tally = Tally()
    steps = line(Unpack(tally, count=40), Dwell(0.001), Dwell(0.001), Weigh())
    came = names(steps, ["film"], max_bytes=2 * HEAVY)
    assert sorted(came) == sorted(f"film{i}" for i in range(40))
    assert tally.most <= 5 * HEAVY


def test_a_later_step_may_make_heavy_items_of_light_ones_in_a_full_line() -> None:
    """As the one does that puts a film's clips together from what it had stored."""
    tally = Tally()
    first = line(Unpack(tally), Dwell(0.001), Weigh())
    second = line(Unpack(tally, count=3), Dwell(0.001), Weigh())
    steps = [*first, *(step_of(step, takes=(str, Weighty)) for step in second)]
    assert len(names(steps, [f"{i}." for i in range(12)], max_bytes=2 * HEAVY)) == 36


def step_of(step: Step, *, takes: tuple[type, ...]) -> Step:
    """The same, admitting nothing."""
    return Step(step.name, step.make, step.resources, takes if step.admits else step.takes)


def test_steps_that_wait_for_more_remember_nothing() -> None:
    tally = Tally()
    steps = line(Unpack(tally), Dwell(0.0), Dwell(0.0), Weigh())
    hold, first_is_through = threading.Event(), threading.Event()

    def parcels() -> Iterator[Parcel]:
        yield Parcel("a", "run", "a")
        assert first_is_through.wait(10)
        hold.wait(60)

    results = run_inline(steps, parcels(), lambda event: None, max_bytes=HEAVY)
    assert next(results).item == "a0"
    first_is_through.set()
    try:
        assert _becomes_zero(tally)
    finally:
        hold.set()
    assert list(results) == []


def _becomes_zero(tally: Tally) -> bool:
    until_s = time.monotonic() + 3
    while tally.now and time.monotonic() < until_s:
        gc.collect()
    return tally.now == 0


def test_the_order_of_one_films_clips_stays() -> None:
    tally = Tally()
    steps = line(Unpack(tally, count=10), Dwell(0.0), Weigh())
    assert names(steps, ["film"], max_bytes=HEAVY) == [f"film{i}" for i in range(10)]
