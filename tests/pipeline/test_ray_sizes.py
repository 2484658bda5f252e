"""Which steps share actors on Ray, and that their pools fit what is left of a cluster."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from scenelake.pipeline.ray_sizes import Sizes, chains
from scenelake.pipeline.steps import Step
from scenelake.schemas.config import PoolConfig
from scenelake.workers.stage import Resources

CPUS = {"plan": 0.5, "decode": 1.0, "visual": 1.0, "ocr": 1.0, "speech": 2.0, "text": 1.0}
"""Of the steps that head a chain in the profile that needs no GPU."""


def step(name: str, cpus: float = 0.2, gpus: float = 0.0, pool: PoolConfig | None = None) -> Step:
    return Step(name, object, Resources(cpus=cpus, gpus=gpus), (str,), pool=pool or PoolConfig())


def named(*line: Step) -> list[str]:
    return ["+".join(step.name for step in chain) for chain in chains(line)]


def heads(*, least: int = 1) -> list[Step]:
    return [step(name, cpus, pool=PoolConfig(min=least)) for name, cpus in CPUS.items()]


def test_light_steps_follow_in_the_actors_of_the_step_before() -> None:
    speech, align, describe = step("speech", cpus=1), step("align"), step("describe")
    assert named(align, describe, speech) == ["align+describe", "speech"]
    assert named(speech, align, describe) == ["speech+align+describe"]


def test_a_step_whose_pool_is_configured_has_one() -> None:
    own = step("align", pool=PoolConfig(max=2))
    assert named(step("speech"), own, step("describe")) == ["speech", "align+describe"]


def test_no_step_keeps_a_gpu_or_a_batch_waiting() -> None:
    on_gpu = step("speech", gpus=0.5)
    of_several = step("speech", pool=PoolConfig(together=4))
    assert named(on_gpu, step("align")) == ["speech", "align"]
    assert named(of_several, step("align")) == ["speech", "align"]


def test_where_there_is_enough_a_step_asks_for_its_own_cpus() -> None:
    sizes = Sizes.of(heads(), [32.0, 32.0])
    assert {each.name: sizes.cpus(each) for each in heads()} == CPUS


def test_pools_grow_with_the_cluster_and_no_further_than_they_may() -> None:
    sizes = Sizes.of(heads(), [64.0] * 4)
    assert sizes.bounds(step("visual", pool=PoolConfig(min=2))) == (2, int(0.9 * 256 / 6.5))
    assert sizes.bounds(step("visual", pool=PoolConfig(max=3))) == (1, 3)
    assert sizes.bounds(step("visual", pool=PoolConfig(min=5, max=3))) == (5, 5)
    assert Sizes.of(heads(), [0.5]).bounds(step("visual")) == (1, 1)


def test_one_machine_is_shared_whole() -> None:
    sizes = Sizes.of(heads(), [2.0])
    assert sum(sizes.cpus(each) for each in heads()) == pytest.approx(1.8, abs=0.01)


def test_steps_that_ask_for_nothing_fit_anywhere() -> None:
    assert Sizes.of([step("decode", cpus=0)], [2.0]).scale == 1.0


@pytest.mark.parametrize("seed", range(50))
def test_the_smallest_pools_fit_what_a_node_s_death_leaves_however_they_are_placed(
    seed: int,
) -> None:
    chance = random.Random(seed)
    nodes = [chance.choice([1.0, 2.0, 4.0, 16.0]) for _ in range(chance.randint(2, 6))]
    line = heads(least=chance.randint(1, 3))
    sizes = Sizes.of(line, nodes)
    asked = [sizes.cpus(each) for each in line for _ in range(each.pool.min)]
    for dead in range(len(nodes)):
        left = nodes[:dead] + nodes[dead + 1 :]
        for _ in range(20):
            chance.shuffle(asked)
            assert place(asked, left, chance) == []


def place(asked: Sequence[float], nodes: Sequence[float], chance: random.Random) -> list[float]:
    """Put each where it happens to fit; what found no place."""
    free = list(nodes)
    waiting: list[float] = []
    for cpus in asked:
        places = [index for index, there in enumerate(free) if there >= cpus]
        if places:
            free[chance.choice(places)] -= cpus
        else:
            waiting.append(cpus)
    return waiting
