"""Both engines take every item through every step, once, and lose none to an error."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline.inline_engine import run_inline
from scenelake.pipeline.parcels import Event, Parcel
from scenelake.pipeline.ray_engine import run_on_ray
from scenelake.pipeline.steps import Step
from scenelake.pipeline.watching.watcher import QueueState
from scenelake.schemas.config import PoolConfig
from scenelake.schemas.errors import InputError, LakeError, TransientError
from scenelake.schemas.flow import Receipt
from scenelake.schemas.rows import Failure
from scenelake.workers.stage import Resources

Run = Callable[..., Generator[Parcel]]
KINDS = ("started", "finished")
SLOW_S = 0.3
GOOD = (*(f"film{i:02}" for i in range(7)), "flaky", "slow")
BAD = ("poison2", "bug3", "down")


class Append:
    """Adds its letter to a text; stumbles over texts that say so."""

    resources = Resources(cpus=0.2)

    def __init__(self, letter: str) -> None:
        self._letter = letter
        self._ready = False
        self._asked: set[str] = set()

    def setup(self) -> None:
        self._ready = True

    def process(self, item: str) -> Iterator[str]:
        assert self._ready
        if item.startswith("poison"):
            raise InputError(f"{item} is bad", error_type="corrupt")
        if item.startswith("bug"):
            raise KeyError(item)
        if item.startswith("full"):
            raise LakeError("the lake cannot be written")
        if item.startswith("deadly"):
            os._exit(1)
        if item.startswith("slow"):
            time.sleep(SLOW_S)
        if item.startswith("down") or (item.startswith("flaky") and self._is_first(item)):
            raise TransientError(f"{item} does not answer")
        yield item + self._letter

    def _is_first(self, item: str) -> bool:
        is_first = item not in self._asked
        self._asked.add(item)
        return is_first


class Together(Append):
    """As `Append`, of several texts at once; shows of how many."""

    def process_all(self, items: Sequence[str]) -> list[str]:
        outputs = [f"{output}{len(items)}" for item in items for output in self.process(item)]
        if any(item.startswith("alone") for item in items):
            raise ValueError("not this one with others")
        return outputs


class Double:
    """Two of each text, and none of one."""

    resources = Resources(cpus=0.2)

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: str) -> Iterator[str]:
        if item != "nothing":
            yield from (f"{item}1", f"{item}2")


class Pair:
    """A text that no worker survives, then a good one."""

    resources = Resources(cpus=0.2)

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: str) -> Iterator[str]:
        yield from ("deadly", f"{item} ")


class Title:
    """What the process that works on a text calls itself."""

    resources = Resources(cpus=0.2)

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: str) -> Iterator[str]:
        yield Path("/proc/self/cmdline").read_text().rstrip("\0")


class Finish:
    """Turns a text into a receipt that shows it."""

    resources = Resources(cpus=0.2)

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: str) -> Iterator[Receipt]:
        yield Receipt(video_id=item, uri=item, n_scenes=1, media_s=1.0)


def steps() -> list[Step]:
    """Texts go through two steps to the last; one in between is for numbers."""
    return [
        _texts("first", "a"),
        Step("numbers", partial(Append, "n"), Append.resources, (int,)),
        replace(_texts("second", "b"), pool=PoolConfig(min=2)),
        _last(),
    ]


def _texts(name: str, letter: str) -> Step:
    return Step(name, partial(Append, letter), Append.resources, (str,), attempts=2)


def _last() -> Step:
    return Step("last", Finish, Finish.resources, (str,))


def parcels(*items: str) -> list[Parcel]:
    return [Parcel(uri=item, run_id="run-1", item=item) for item in items]


@dataclass
class Ran:
    """What came out of a run, and what was told on the way."""

    out: list[Parcel]
    events: list[Event]

    def item(self, uri: str) -> Any:
        (parcel,) = (parcel for parcel in self.out if parcel.uri == uri)
        return parcel.item


@pytest.fixture(scope="module", params=["inline", "ray"])
def engine(request: pytest.FixtureRequest) -> Run:
    if request.param == "inline":
        return run_inline
    request.getfixturevalue("local_ray")
    return run_on_ray


@pytest.fixture(scope="module")
def ran(engine: Run) -> Ran:
    """A run of good items among bad ones."""
    events: list[Event] = []
    return Ran(list(engine(steps(), parcels(*GOOD, *BAD), events.append)), events)


def test_each_item_comes_to_one_end(ran: Ran) -> None:
    assert sorted(parcel.uri for parcel in ran.out) == sorted([*GOOD, *BAD])
    assert all(parcel.ended for parcel in ran.out)


def test_every_item_goes_through_every_step_of_its_kind_in_order(ran: Ran) -> None:
    assert {uri: ran.item(uri).video_id for uri in GOOD} == {uri: f"{uri}ab" for uri in GOOD}
    told = [(e.step, e.kind) for e in ran.events if e.uri == "film03"]
    steps_of_texts = ("first", "second", "last")
    assert sorted(told) == sorted((name, kind) for name in steps_of_texts for kind in KINDS)


def test_the_seconds_that_a_step_was_busy_come_with_its_end(ran: Ran) -> None:
    busy_s = {(e.uri, e.step): e.busy_s for e in ran.events if e.kind == "finished"}
    assert busy_s["slow", "first"] >= SLOW_S
    assert busy_s["film00", "first"] < SLOW_S / 2
    assert {e.busy_s for e in ran.events if e.kind == "started"} == {0.0}


def test_an_item_that_fails_fails_alone_and_says_where(ran: Ran) -> None:
    poison, bug = ran.item("poison2"), ran.item("bug3")
    assert isinstance(poison, Failure)
    assert (poison.stage, poison.error_type) == ("first", "corrupt")
    assert poison.message == "poison2 is bad"
    assert isinstance(bug, Failure)
    assert (bug.stage, bug.error_type) == ("first", "KeyError")


def test_what_a_server_refuses_once_is_asked_for_again(ran: Ran) -> None:
    assert isinstance(ran.item("flaky"), Receipt)
    down = ran.item("down")
    assert isinstance(down, Failure)
    assert (down.stage, down.error_type) == ("first", "transient")


def at_once(*items: str, run: Run) -> dict[str, Any]:
    """Where items end that a step takes three at a time."""
    step = Step("first", partial(Together, "a"), Append.resources, (str,), attempts=2)
    taken = [
        replace(step, pool=PoolConfig(together=3)),
        _last(),
    ]
    flows: list[Any] = []
    out = list(run(taken, parcels(*items), lambda _event: None, flow=flows.append))
    assert all(list(flow) == ["first", "last"] for flow in flows)
    assert sorted(parcel.uri for parcel in out) == sorted(items)
    return {
        parcel.uri: getattr(parcel.item, "video_id", None)
        if isinstance(parcel.item, Receipt)
        else parcel.item
        for parcel in out
    }


def test_a_worker_takes_items_of_several_films_together(engine: Run) -> None:
    """Inline they are those that wait while the first is slow."""
    ends = at_once("slow0", *(f"film{n}" for n in range(1, 9)), run=engine)
    assert all(str(end).startswith(f"{uri}a") for uri, end in ends.items())
    assert any(str(end).endswith(("a2", "a3")) for end in ends.values())


def test_what_cannot_be_taken_with_others_is_taken_alone_and_what_is_bad_fails_alone(
    engine: Run,
) -> None:
    ends = at_once("film1", "alone2", "poison3", "film4", "film5", "film6", run=engine)
    assert isinstance(ends.pop("poison3"), Failure)
    assert all(str(end).startswith(f"{uri}a") for uri, end in ends.items())


def test_an_item_under_which_workers_die_takes_none_of_those_beside_it_along(
    local_ray: None,
) -> None:
    ends = at_once("deadly0", "film1", "film2", "film3", run=run_on_ray)
    failure = ends.pop("deadly0")
    assert isinstance(failure, Failure)
    assert failure.error_type == "crashed"
    assert all(str(end).startswith(f"{uri}a") for uri, end in ends.items())


def test_an_item_may_become_many_or_none(engine: Run) -> None:
    double = Step("double", Double, Double.resources, (str,))
    out = list(engine([double, *steps()], parcels("film", "nothing"), lambda _: None))
    assert sorted(parcel.item.video_id for parcel in out) == ["film1ab", "film2ab"]


def test_what_waits_before_each_step_is_told_on_the_way(engine: Run) -> None:
    told: list[Mapping[str, QueueState]] = []
    own = PoolConfig(max=1)
    line = [
        replace(_texts("first", "a"), pool=own),
        replace(_last(), pool=own),
    ]
    items = parcels(*(f"slow{i:02}" for i in range(14)))
    assert len(list(engine(line, items, lambda _: None, flow=told.append))) == 14
    assert {tuple(queues) for queues in told} == {("first", "last")}
    assert max(queues["first"].n_items for queues in told) > 1
    assert all(0 <= state.n_items <= 14 for queues in told for state in queues.values())
    assert told[-1]["first"].n_items < 14


def test_a_lake_that_cannot_be_written_stops_the_run_with_that_error(engine: Run) -> None:
    with pytest.raises(LakeError, match="the lake cannot be written"):
        list(engine(steps(), parcels("film1", "full2", "film3"), lambda _: None))


def test_a_run_that_is_given_up_leaves_nobody_who_asks_ray_for_more(local_ray: None) -> None:
    """Once Ray is shut down, a thread that did would end the process without a word."""
    results = run_on_ray(
        steps(), parcels("film1", *(f"slow{n}" for n in range(200))), lambda _: None
    )
    next(results)
    results.close()
    threads = [thread.name for thread in threading.enumerate()]
    assert not [name for name in threads if name.startswith(("ray-data", "StreamingExecutor"))]


def test_a_run_of_nothing_gives_nothing(engine: Run) -> None:
    assert list(engine(steps(), [], lambda _: None)) == []


def test_an_item_under_which_workers_die_is_a_failure_and_the_others_go_on(
    local_ray: None,
) -> None:
    out = list(run_on_ray(steps(), parcels("film1", "deadly2"), lambda _: None, attempts=1))
    found = {parcel.uri: parcel.item for parcel in out}
    assert isinstance(found["film1"], Receipt)
    assert (found["deadly2"].stage, found["deadly2"].error_type) == ("first", "crashed")


def test_steps_of_one_actor_are_told_of_and_counted_one_by_one(local_ray: None) -> None:
    line = [Step("double", Double, Double.resources, (str,)), _texts("second", "b"), _last()]
    events: list[Event] = []
    told: list[Mapping[str, QueueState]] = []
    out = list(run_on_ray(line, parcels("film", "nothing"), events.append, flow=told.append))
    assert sorted(parcel.item.video_id for parcel in out) == ["film1b", "film2b"]
    assert {step.name: _n_told(events, step.name) for step in line} == {
        "double": {"started": 2, "finished": 2},
        "second": {"started": 2, "finished": 2},
        "last": {"started": 2, "finished": 2},
    }
    assert all(list(queues) == ["double"] for queues in told)


def _n_told(events: Sequence[Event], step: str) -> dict[str, int]:
    return {kind: sum((e.step, e.kind) == (step, kind) for e in events) for kind in KINDS}


def test_of_the_steps_of_one_actor_the_one_that_it_died_in_is_to_blame(local_ray: None) -> None:
    """The step before has more to give of the same item, which is not lost."""
    line = [Step("pair", Pair, Pair.resources, (str,)), _texts("second", "b"), _last()]
    out = list(run_on_ray(line, parcels("film"), lambda _: None, attempts=2))
    failures = [parcel.item for parcel in out if isinstance(parcel.item, Failure)]
    assert {(failure.stage, failure.error_type) for failure in failures} == {("second", "crashed")}
    assert "died 2 times" in failures[0].message
    assert {parcel.item.video_id for parcel in out if parcel.item not in failures} == {"film b"}


@pytest.mark.parametrize("together", [1, 3])
def test_rays_processes_are_named_after_the_step_that_they_work_on(
    local_ray: None, together: int
) -> None:
    pool = PoolConfig(together=together)
    listen = Step("listen", Title, Title.resources, (str,), pool=pool)
    (out,) = run_on_ray([listen], parcels("film"), lambda _: None)
    assert str(out.item).startswith("ray::MapWorker(")
    assert "(listen)" in str(out.item)


WITH_A_DEATH = """
from scenelake.pipeline.ray_engine import run_on_ray
from tests.pipeline.test_engines import parcels, steps

found = run_on_ray(steps(), parcels("film1", "deadly2"), lambda _: None, attempts=1)
print(sorted(type(parcel.item).__name__ for parcel in found))
"""


def test_what_ray_says_of_workers_that_die_does_not_mix_with_results() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", WITH_A_DEATH]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.stdout == "['Failure', 'Receipt']\n", done.stderr
    assert "worker died" in done.stderr


ON_A_CLUSTER = """
from ray.cluster_utils import Cluster
from scenelake.pipeline.ray_engine import run_on_ray
from tests.pipeline.test_engines import parcels, steps

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
cluster.add_node(num_cpus=1)
found = run_on_ray(steps(), parcels("film1", "film2"), print, address=cluster.address)
assert sorted(p.item.video_id for p in found) == ["film1ab", "film2ab"]
cluster.shutdown()
"""


def test_a_cluster_that_runs_elsewhere_takes_the_same_steps() -> None:
    """Two Ray nodes as processes of their own, joined by address."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", ON_A_CLUSTER]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
