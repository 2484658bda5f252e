"""What runs inside Ray's actors: workers of the steps that one process does in turn.

A worker that dies leaves what it had begun on the board, so that the next knows of it.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import ray
from ray.util import metrics

from scenelake.pipeline.parcels import Event, Parcel
from scenelake.pipeline.ray_board import Key
from scenelake.pipeline.steps import Step, Worker
from scenelake.schemas.errors import InputError, SceneLakeError
from scenelake.schemas.flow import Receipt
from scenelake.schemas.rows import Failure
from scenelake.workers.devices import keep_memory

_BOUNDARIES_S = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]
_LOOK_S = 2.0


class _Metrics:
    """What Ray gives out to Prometheus of a step's worker, as ``ray_scenelake_*``."""

    def __init__(self, step: str) -> None:
        def named(kind: Any, name: str, what: str, *tags: str, **options: Any) -> Any:
            metric = kind(f"scenelake_{name}", what, tag_keys=("step", *tags), **options)
            return metric.set_default_tags({"step": step})

        self._items = named(metrics.Counter, "items", "Items that a step was done with.")
        self._busy = named(metrics.Counter, "busy_seconds", "Seconds that workers were busy.")
        self._took = named(
            metrics.Histogram, "item_seconds", "Seconds an item took.", boundaries=_BOUNDARIES_S
        )
        self._in_hand = named(metrics.Gauge, "in_hand", "Items being worked on.")
        self._failures = named(metrics.Counter, "failures", "Films that failed.", "error_type")
        self._media = named(metrics.Counter, "media_seconds", "Seconds of film committed.")

    def note(self, event: Event) -> None:
        self._in_hand.set(1.0 if event.kind == "started" else 0.0)
        if event.kind == "finished":
            self._items.inc()
            self._took.observe(event.busy_s)
            if event.busy_s > 0:
                self._busy.inc(event.busy_s)

    def judge(self, item: Any) -> None:
        """Count what has come to its end in this step."""
        if isinstance(item, Failure):
            self._failures.inc(tags={"error_type": item.error_type})
        elif isinstance(item, Receipt):
            self._media.inc(item.media_s)


class _Duty:
    """One step's worker in an actor, which tells the board what it takes up and is done with."""

    def __init__(self, step: Step, board: Any, attempts: int) -> None:
        self._step = step
        self._board = board
        self._attempts = attempts
        self._events: list[Event] = []
        self._worker = Worker(step, self._events.append)
        self._metrics = _Metrics(step.name)

    def concerns(self, parcel: Parcel) -> bool:
        """Whether the step has work to do on a parcel."""
        return self._worker.concerns(parcel)

    def key(self, parcel: Parcel) -> Key:
        """What the board knows the step's work on a parcel by."""
        return (self._step.name, parcel.uri, *parcel.key)

    def advance(self, parcel: Parcel, *, within: Key | None = None) -> Iterator[Parcel]:
        """Take a parcel through the step, unless workers have died of it too often.

        Args:
            within: the work of an earlier step here, which rests until this one is done.
        """
        if not self.concerns(parcel):
            yield from self._worker.advance(parcel)
            return
        n_begun = self._begin(parcel, within)
        yield from self._judged(self._attempted(parcel, n_begun))
        self._finish([parcel], within)

    def advance_all(self, parcels: Sequence[Parcel]) -> Iterator[Parcel]:
        """Together, but for those that were in hand when a worker died: one of them is to blame.

        They are taken one by one, and counted only then, the least suspect first.
        """
        n_deaths = [ray.get(self._board.n_begun.remote(self.key(p))) for p in parcels]
        fresh = [p for p, n in zip(parcels, n_deaths, strict=True) if n == 0]
        for parcel in fresh:
            self._begin(parcel)
        yield from self._judged(self._worker.advance_all(fresh))
        self._finish(fresh)
        for n, index in sorted(zip(n_deaths, range(len(parcels)), strict=True)):
            if n > 0:
                yield from self.advance(parcels[index])

    def _begin(self, parcel: Parcel, within: Key | None = None) -> int:
        """How often workers have taken a parcel up without getting done with it."""
        started = self._worker.event(parcel, "started")
        self._metrics.note(started)
        return int(ray.get(self._board.begin.remote(self.key(parcel), started, within)))

    def _judged(self, outputs: Iterator[Parcel]) -> Iterator[Parcel]:
        for out in outputs:
            self._metrics.judge(out.item)
            yield out

    def _finish(self, parcels: Sequence[Parcel], within: Key | None = None) -> None:
        """Tell what was done; which parcel an event is told with does not matter."""
        finished = [event for event in self._events if event.kind == "finished"]
        self._events.clear()
        for event in finished:
            self._metrics.note(event)
        for parcel in parcels:
            ray.get(self._board.finish.remote(self.key(parcel), finished, within))
            finished = []

    def _attempted(self, parcel: Parcel, n_begun: int) -> Iterator[Parcel]:
        if n_begun <= self._attempts:
            yield from self._worker.advance(parcel)
            return
        error = InputError(
            f"{parcel.uri}: a worker of {self._step.name} died {self._attempts} times over it",
            error_type="crashed",
        )
        yield self._worker.failed(parcel, error)


class StepActor:
    """Takes parcels through a step, and on through those that follow it in the same actor."""

    def __init__(self, chain: Sequence[Step], board: Any, attempts: int) -> None:
        self._is_of_rows = chain[0].model is not None
        self._duties = [_Duty(step, board, attempts) for step in chain]
        keep_memory()
        threading.Thread(target=_end_with_node, name="node-watch", daemon=True).start()

    def __call__(self, row: Any) -> Iterator[dict[str, Any]]:
        for out in self._advance(self._unpack(row)):
            yield {"parcel": pickle.dumps(out)}

    def _unpack(self, row: dict[str, Any]) -> Parcel | SceneLakeError:
        if not self._is_of_rows:
            unpacked: Parcel | SceneLakeError = pickle.loads(row["parcel"])
            return unpacked
        from scenelake.pipeline.ray_llm import parcel_of

        return parcel_of(row)

    def _advance(self, parcel: Parcel | SceneLakeError) -> Iterator[Parcel | SceneLakeError]:
        """Parcels, or what stops the run: an error raised here, Ray would wrap and retry."""
        if isinstance(parcel, SceneLakeError):
            yield parcel
            return
        try:
            yield from self._through(parcel, self._duties, within=None)
        except SceneLakeError as error:
            yield error

    def _through(
        self, parcel: Parcel, duties: Sequence[_Duty], within: Key | None
    ) -> Iterator[Parcel]:
        """What comes of a parcel at the last of some steps, one at a time."""
        if not duties:
            yield parcel
            return
        first, *others = duties
        mine = first.key(parcel) if first.concerns(parcel) else within
        for out in first.advance(parcel, within=within):
            yield from self._through(out, others, within=mine)


class StepActorOfSeveral(StepActor):
    """Takes several parcels through a step at once, of any films. No other step follows it."""

    def __call__(self, batch: Any) -> Iterator[dict[str, Any]]:
        parcels = [self._unpack(row) for row in batch.to_pylist()]
        for out in self._advance_all(parcels):
            yield {"parcel": [pickle.dumps(out)]}

    def _advance_all(
        self, parcels: Sequence[Parcel | SceneLakeError]
    ) -> Iterator[Parcel | SceneLakeError]:
        (duty,) = self._duties
        mine: list[Parcel] = []
        for parcel in parcels:
            if isinstance(parcel, Parcel) and duty.concerns(parcel):
                mine.append(parcel)
            else:
                yield from self._advance(parcel)
        try:
            yield from duty.advance_all(mine)
        except SceneLakeError as error:
            yield error


def actor_class(chain: Sequence[Step]) -> type[StepActor]:
    """Named as its steps are, since Ray names operators, processes and logs after their class."""
    base = StepActorOfSeveral if chain[0].pool.together > 1 else StepActor
    return type("+".join(step.name for step in chain), (base,), {"__doc__": base.__doc__})


def _end_with_node() -> None:
    """End with the node that this worker is of: one whose driver was killed may stay for good."""
    node = os.getppid()
    while os.getppid() == node:
        time.sleep(_LOOK_S)
    os._exit(1)
