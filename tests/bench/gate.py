"""Puts the gate of `clock.py` into runs of scenelake: films wait in `plan`, untouched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from clock import pass_in, pass_out, ready
from films import warm_film

from scenelake.pipeline import job
from scenelake.pipeline.steps import Step
from scenelake.schemas.clips import Clip
from scenelake.workers.probe import probe

LOADING = frozenset({"decode", "visual", "ocr", "speech", "describe", "text"})
"""Steps that have models to load, or a process to start."""


class Gated:
    """A step of ours with a gate before or behind it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._stage = make()

    def setup(self) -> None:
        self._stage.setup()

    def close(self) -> None:
        close = getattr(self._stage, "close", None)
        if close is not None:
            close()

    def process(self, item: Any) -> Iterator[Any]:
        yield from self._stage.process(item)


class GatedPlan(Gated):
    """Starts the child process, then waits."""

    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__(make)
        self._is_warm = False

    def process(self, item: str) -> Iterator[Any]:
        if not self._is_warm:
            self._stage._probe(warm_film(), "warm", uri=str(warm_film()))
            self._is_warm = True
        pass_in(item)
        yield from super().process(item)


class GatedCommit(Gated):
    """Opens the gate behind the warm film."""

    def process(self, item: Any) -> Iterator[Any]:
        yield from super().process(item)
        pass_out(item.source.uri)


class Loaded:
    """A way to make a step's worker that loads its models in Ray's actor at once.

    The actor gets it pickled, and unpickling it loads; asked to make, it gives what it has.
    """

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self._name, self._make = name, make

    def __call__(self) -> Any:
        return self._make()

    def __deepcopy__(self, _memo: dict[int, Any]) -> Loaded:
        """Ray Data copies steps for its records, in the driver: nothing to load there."""
        return self

    def __reduce__(self) -> Any:
        return _load, (self._name, self._make)


def _load(name: str, make: Callable[[], Any]) -> Callable[[], Any]:
    stage = make()
    stage.setup()
    if name == "decode":
        source = probe(warm_film(), uri=str(warm_film()), video_id="warm")
        list(stage.process(Clip(source, 0, 1, 0.0, source.duration_s)))
    ready(name)
    return partial(_same, stage)


def _same(stage: Any) -> Any:
    return stage


def put_gate(*, engine: str) -> None:
    """Make runs of this process wait at the gate."""
    ungated = job.build

    def build(*arguments: Any, **options: Any) -> tuple[list[Step], Any]:
        steps, info = ungated(*arguments, **options)
        first, *others, last = steps
        first = replace(first, make=partial(GatedPlan, first.make))
        if engine == "inline":
            last = replace(last, make=partial(GatedCommit, last.make))
        else:
            others = [_loaded(step) for step in others]
        return [first, *others, last], info

    job.build = build


def _loaded(step: Step) -> Step:
    return replace(step, make=Loaded(step.name, step.make)) if step.name in LOADING else step
