"""A step on Ray that nobody works on is told of, once, with what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from scenelake.pipeline.ray_watch import ExecutorWatch, PlaceLook


@dataclass
class Pool:
    """What an operator of Ray Data's tells of its actors."""

    running: int = 1
    restarting: int = 0
    pending: int = 0

    def num_running_actors(self) -> int:
        return self.running

    def num_restarting_actors(self) -> int:
        return self.restarting

    def num_pending_actors(self) -> int:
        return self.pending

    def get_autoscaling_actor_pools(self) -> list[Pool]:
        return [self]


def told(*course: tuple[float, Pool]) -> list[str]:
    """What is said of speech, whose pool is so at those seconds."""
    seconds = [second for second, _ in course]
    said: list[str] = []
    look = PlaceLook({"speech": "2 CPUs and 0.5 GPUs"}, said.append, now=iter(seconds).__next__)
    for _, pool in course:
        operators: dict[str, tuple[Any, Any]] = {"speech": (pool, None)}
        look(operators)
    return said


DEAD = Pool(running=1, restarting=1)


@pytest.mark.parametrize("absent", [DEAD, Pool(running=0, pending=1)])
def test_a_step_that_ray_finds_no_place_for_is_told_of_once(absent: Pool) -> None:
    lines = told((5, Pool()), (10, absent), (69, absent), (71, absent), (200, absent))
    assert lines == [
        "speech has had no worker for 61 s: Ray starts none, or no node has 2 CPUs and 0.5 GPUs"
        " free (ray status tells more)"
    ]


def test_a_worker_that_starts_in_time_or_one_of_several_is_not() -> None:
    assert told((0, DEAD), (50, Pool()), (60, DEAD), (110, DEAD)) == []
    assert told(*((s, Pool(running=2, restarting=1)) for s in range(0, 300, 50))) == []


def test_a_step_that_is_done_has_no_workers_and_waits_for_none() -> None:
    assert told(*((s, Pool(running=0)) for s in range(0, 300, 50))) == []


def test_a_ray_data_that_shows_other_things_does_not_end_a_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    looked: list[object] = []
    watch = ExecutorWatch([looked.append])
    watch.before_execution_starts(object())
    watch.on_execution_step(object())
    watch.on_execution_step(object())
    assert looked == []
    assert [record.message for record in caplog.records] == [
        "what waits before each step is not told any more"
    ]
