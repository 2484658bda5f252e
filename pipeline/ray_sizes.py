"""How the steps of a run share a cluster's CPUs: in whose actors, how many, asking for how much.

Ray places an actor where what it asks for is free, and waits for such a place without end. A
run whose smallest pools just fit would stand still for good once a node dies: the actors that
died with it wait for CPUs that idle ones hold. So actors ask for no more than would still fit,
in whatever order Ray places them, on what is left without the largest node.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from scenelake.pipeline.steps import Step

Chain = tuple[Step, ...]

_SHARE = 0.9
"""Of a machine's CPUs to ask for: Ray Data's own tasks need a place too."""

_STAGE_CPUS, _N_STAGES = 0.25, 4
"""For a worker of each stage that Ray Data's own processor has around a model."""


def chains(steps: Sequence[Step]) -> list[Chain]:
    """Runs of steps, each done by the same actors: one step, and the light ones that follow it.

    An actor of Ray's is a process, and an operator more work for its scheduler at each turn: for
    a step that takes no time they are most of what it costs. A step whose pool is configured is
    no follower, and none follows a step that has a GPU or takes several parcels at once.
    """
    line: list[Chain] = []
    for step in steps:
        if line and step.is_light and _may_be_followed(line[-1][0]):
            line[-1] = (*line[-1], step)
        else:
            line.append((step,))
    return line


def _may_be_followed(step: Step) -> bool:
    return not step.resources.gpus and step.pool.together == 1


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of the actors of some steps' pools on a cluster.

    Attributes:
        scale: what becomes of the CPUs that a step asks for; 1 where there are enough.
        most: actors of a step whose own pool does not say.
    """

    scale: float
    most: int

    @classmethod
    def of(cls, heads: Sequence[Step], nodes: Sequence[float]) -> Sizes:
        """Sizes for the pools of the first steps of chains.

        Args:
            nodes: CPUs of each node that is there now; at least one.
        """
        smallest = [cpus for step in heads for cpus in _asked(step, step.pool.min)]
        single = [cpus for step in heads for cpus in _asked(step, 1)]
        survivors = sorted(nodes)[:-1] or nodes
        return cls(
            scale=min(1.0, _SHARE * _fit(smallest, survivors)),
            most=max(1, int(_SHARE * sum(nodes) / (sum(single) or 1.0))),
        )

    def cpus(self, step: Step) -> float:
        """What an actor of a step asks for."""
        return round(step.resources.cpus * self.scale, 3)

    @property
    def stage_cpus(self) -> float:
        """What a worker of each stage around a model asks for."""
        return round(_STAGE_CPUS * self.scale, 3)

    def bounds(self, step: Step) -> tuple[int, int]:
        """The fewest and the most actors of a step."""
        return step.pool.min, max(step.pool.min, step.pool.max or self.most)

    def in_words(self, step: Step) -> str:
        """What an actor of a step needs free on one node."""
        resources = step.resources
        words = [f"{self.cpus(step):g} CPUs"]
        if resources.gpus:
            words.append(f"{resources.gpus:g} GPUs")
        if resources.memory_bytes:
            words.append(f"{resources.memory_bytes / 2**30:.1f} GiB of memory")
        return " and ".join(words)


def _asked(step: Step, n_workers: int) -> list[float]:
    """CPUs of each actor of a step, and of the small stages around a model that Ray Data runs."""
    stages = _N_STAGES * step.model.ray.max_workers if step.model else 0
    return [step.resources.cpus] * n_workers + [_STAGE_CPUS] * stages


def _fit(apiece: Sequence[float], nodes: Sequence[float]) -> float:
    """The times that actors of these CPUs fit on nodes, in whatever order they are placed.

    At the worst the largest comes last, and each of k nodes has just less than it needs free:
    then the others take up what the k nodes have, less k times the largest.
    """
    wanted, largest = sum(apiece), max(apiece)
    if not wanted:
        return math.inf
    there = accumulate(sorted(nodes, reverse=True))
    return max(cpus / (wanted + k * largest) for k, cpus in enumerate(there))
