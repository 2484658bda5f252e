"""Puts the gate of `clock.py` into runs of scenelake: films wait in `plan`, untouched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from clock import pass_in, pass_out, ready

from scenelake.pipeline import job
from scenelake.pipeline.steps import Step

LOADING = frozenset({"visual", "ocr", "speech", "describe", "text"})
"""Steps that have models to load."""


class Gated:
    """A step with something to do before or after each item."""

    def __init__(
        self,
        make: Callable[[], Any],
        *,
        before: Callable[[Any], None] | None = None,
        after: Callable[[Any], None] | None = None,
    ) -> None:
        self._stage, self._before, self._after = make(), before, after

    def setup(self) -> None:
        self._stage.setup()

    def close(self) -> None:
        close = getattr(self._stage, "close", None)
        if close is not None:
            close()

    def process(self, item: Any) -> Iterator[Any]:
        if self._before is not None:
            self._before(item)
        yield from self._stage.process(item)
        if self._after is not None:
            self._after(item)


class Loaded:
    """A way to make a step's worker that loads its models in Ray's actor at once.

    The actor gets it pickled, and unpickling it loads; asked to make, it gives what it has.
    """

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self._name, self._make = name, make

    def __call__(self) -> Any:
        return self._make()

    def __reduce__(self) -> Any:
        return _load, (self._name, self._make)


def _load(name: str, make: Callable[[], Any]) -> Callable[[], Any]:
    stage = make()
    stage.setup()
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
        first = replace(first, make=partial(Gated, first.make, before=pass_in))
        if engine == "inline":
            last = replace(last, make=partial(Gated, last.make, after=_pass_part_out))
            return [first, *others, last], info
        return [
            first,
            *(replace(s, make=Loaded(s.name, s.make)) if s.name in LOADING else s for s in others),
            last,
        ], info

    job.build = build


def _pass_part_out(part: Any) -> None:
    pass_out(part.source.uri)
