"""Both engines take every item through every step, once, and lose none to an error."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline.inline_engine import run_inline
from scenelake.pipeline.ray_engine import run_on_ray
from scenelake.pipeline.steps import Event, Parcel, Step
from scenelake.schemas.errors import InputError, LakeError
from scenelake.schemas.flow import Receipt
from scenelake.schemas.rows import Failure
from scenelake.workers.stage import Resources

Run = Callable[..., Generator[Parcel]]


class Append:
    """Adds its letter to a text; stumbles over texts that say so."""

    resources = Resources(cpus=0.2)

    def __init__(self, letter: str) -> None:
        self._letter = letter
        self._ready = False

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
        yield item + self._letter


class Finish:
    """Turns a text into a receipt that shows it."""

    resources = Resources(cpus=0.2)

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: str) -> Iterator[Receipt]:
        yield Receipt(video_id=item, uri=item, n_scenes=1, media_s=1.0)


def steps() -> list[Step]:
    return [
        Step("first", partial(Append, "a"), Append.resources),
        Step("second", partial(Append, "b"), Append.resources),
        Step("last", Finish, Finish.resources),
    ]


def parcels(*items: str) -> list[Parcel]:
    return [Parcel(uri=item, run_id="run-1", item=item) for item in items]


@pytest.fixture(params=["inline", "ray"])
def engine(request: pytest.FixtureRequest) -> Run:
    if request.param == "inline":
        return run_inline
    request.getfixturevalue("local_ray")
    return run_on_ray


def results(engine: Run, *items: str, events: list[Event] | None = None) -> dict[str, Any]:
    told: list[Event] = [] if events is None else events
    out = list(engine(steps(), parcels(*items), told.append))
    assert len(out) == len(items)
    return {parcel.uri: parcel for parcel in out}


def test_every_item_goes_through_every_step_in_order(engine: Run) -> None:
    items = [f"film{i:02}" for i in range(7)]
    events: list[Event] = []
    found = results(engine, *items, events=events)
    assert {uri: p.item.video_id for uri, p in found.items()} == {i: f"{i}ab" for i in items}
    assert [name for name, _ in found["film00"].busy_s] == ["first", "second", "last"]
    assert {e.step for e in events if e.uri == "film03"} == {"first", "second", "last"}


def test_an_item_that_fails_fails_alone_and_says_where(engine: Run) -> None:
    found = results(engine, "film1", "poison2", "bug3", "film4")
    assert isinstance(found["film1"].item, Receipt)
    assert isinstance(found["film4"].item, Receipt)
    poison, bug = found["poison2"].item, found["bug3"].item
    assert isinstance(poison, Failure)
    assert (poison.stage, poison.error_type) == ("first", "corrupt")
    assert poison.message == "poison2 is bad"
    assert isinstance(bug, Failure)
    assert (bug.stage, bug.error_type) == ("first", "KeyError")


def test_a_lake_that_cannot_be_written_stops_the_run_with_that_error(engine: Run) -> None:
    with pytest.raises(LakeError, match="the lake cannot be written"):
        results(engine, "film1", "full2", "film3")


def test_a_run_of_nothing_gives_nothing(engine: Run) -> None:
    assert results(engine) == {}


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
