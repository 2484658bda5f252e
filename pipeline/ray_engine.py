"""Runs the steps on Ray Data: each an actor pool, streamed, on this machine or a cluster.

The one file that imports Ray, but for its language model processor (`ray_llm`). Parcels
travel as pickled bytes, so that Ray knows the size of what is in flight and holds producers
back by it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import queue
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Any

import ray
from ray.data import ActorPoolStrategy, DataContext
from ray.exceptions import RayError
from ray.util import metrics
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scenelake.pipeline.ray_queues import Flow, QueueWatch
from scenelake.pipeline.steps import Event, Parcel, Step, Worker
from scenelake.schemas.errors import InputError, SceneLakeError, UsageError
from scenelake.schemas.flow import Receipt
from scenelake.schemas.rows import Failure

_SHARE = 0.9
"""Of a machine's CPUs to ask for: Ray Data's own tasks need a place too."""

_TASKS_IN_FLIGHT = 2
"""A worker has its next parcel at hand, and none waits long behind a slow one."""

_STAGE_CPUS, _N_STAGES = 0.25, 4
"""For a worker of each stage that Ray Data's own processor has around a model."""

_BOUNDARIES_S = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0]
_POLL_S = 0.5
_LOOK_S = 2.0
_END = object()

Key = tuple[str, ...]


def run_on_ray(
    steps: list[Step],
    parcels: Sequence[Parcel],
    report: Callable[[Event], None],
    *,
    address: str | None = None,
    attempts: int = 3,
    flow: Flow | None = None,
) -> Generator[Parcel]:
    """Give each parcel as it comes out of the last step, in no particular order.

    What a worker or a machine that dies had in hand is done again, so that a parcel may
    come out twice.

    Args:
        address: of a running cluster; None starts Ray on this machine and ends it after.
        attempts: at an item under which workers die, before it is called a failure.
        flow: is told every second what waits before each step, from a thread of Ray's.

    Errors:
        UsageError, LakeError: what stops the whole run, raised here.
    """
    if not parcels:
        return
    watch = QueueWatch([step.name for step in steps], _StepActor.__name__, flow) if flow else None
    with _ray(address), _settings(watch):
        board = _board()
        dataset: Any = ray.data.from_items(
            [{"parcel": pickle.dumps(parcel)} for parcel in parcels],
            # One film a block: the unit that Ray schedules, retries and holds back.
            override_num_blocks=len(parcels),
        )
        scale = _scale(steps)
        for step in steps:
            cpus = round(step.resources.cpus * scale, 3)
            if step.model is not None:
                from scenelake.pipeline import ray_llm

                ray_llm.check_gpus(step.model, is_local=address is None)
                dataset = ray_llm.through_model(
                    dataset, step.model, cpus=round(_STAGE_CPUS * scale, 3), next_cpus=cpus
                )
            takes_many = step.pool.together > 1
            through = _in_batches(dataset, step.pool.together) if takes_many else dataset.flat_map
            dataset = through(
                _BatchActor if takes_many else _StepActor,
                fn_constructor_args=(step, board, attempts),
                compute=_pool(step, steps),
                num_cpus=cpus,
                num_gpus=step.resources.gpus or None,
                memory=step.resources.memory_bytes or None,
            )
        try:
            yield from _results(dataset, board, report)
        except RayError as error:
            raise _meaning(error, steps) from error


@ray.remote
class _Board:
    """Collects what workers report, for the driver to fetch; knows what they died of."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._begun: Counter[Key] = Counter()

    def begin(self, key: Key, event: Event) -> int:
        """A worker takes an item up: how often one has without getting done with it."""
        self._events.append(event)
        self._begun[key] += 1
        return self._begun[key]

    def n_begun(self, key: Key) -> int:
        """How often an item was taken up that nobody has got done with."""
        return self._begun[key]

    def finish(self, key: Key, events: list[Event]) -> None:
        """A worker is done with an item, well or not."""
        del self._begun[key]
        self._events.extend(events)

    def drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events


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


class _StepActor:
    """A worker of one step inside a Ray actor."""

    def __init__(self, step: Step, board: Any, attempts: int) -> None:
        self._step = step
        self._board = board
        self._attempts = attempts
        self._events: list[Event] = []
        self._worker = Worker(step, self._events.append)
        self._metrics = _Metrics(step.name)
        threading.Thread(target=_end_with_node, name="node-watch", daemon=True).start()

    def __call__(self, row: Any) -> Iterator[dict[str, Any]]:
        parcel = self._unpack(row)
        outputs = [parcel] if isinstance(parcel, SceneLakeError) else self._advance(parcel)
        for out in outputs:
            yield {"parcel": pickle.dumps(out)}

    def _unpack(self, row: dict[str, Any]) -> Parcel | SceneLakeError:
        if self._step.model is None:
            unpacked: Parcel | SceneLakeError = pickle.loads(row["parcel"])
            return unpacked
        from scenelake.pipeline.ray_llm import parcel_of

        return parcel_of(row)

    def _advance(self, parcel: Parcel) -> Iterator[Parcel | SceneLakeError]:
        """Parcels, or what stops the run: an error raised here, Ray would wrap and retry."""
        try:
            if self._worker.concerns(parcel):
                yield from self._work(parcel)
            else:
                yield from self._worker.advance(parcel)
        except SceneLakeError as error:
            yield error

    def _work(self, parcel: Parcel) -> Iterator[Parcel]:
        """Work on a parcel, unless workers have died of it too often."""
        n_begun = self._begin(parcel)
        yield from self._judged(self._attempted(parcel, n_begun))
        self._finish([parcel])

    def _begin(self, parcel: Parcel) -> int:
        """How often workers have taken a parcel up without getting done with it."""
        started = self._worker.event(parcel, "started")
        self._metrics.note(started)
        return int(ray.get(self._board.begin.remote(self._key(parcel), started)))

    def _judged(self, outputs: Iterator[Parcel]) -> Iterator[Parcel]:
        for out in outputs:
            self._metrics.judge(out.item)
            yield out

    def _finish(self, parcels: Sequence[Parcel]) -> None:
        """Tell what was done; which parcel an event is told with does not matter."""
        finished = [event for event in self._events if event.kind == "finished"]
        self._events.clear()
        for event in finished:
            self._metrics.note(event)
        for parcel in parcels:
            ray.get(self._board.finish.remote(self._key(parcel), finished))
            finished = []

    def _key(self, parcel: Parcel) -> Key:
        return (self._step.name, parcel.uri, *self._worker.place(parcel))

    def _attempted(self, parcel: Parcel, n_begun: int) -> Iterator[Parcel]:
        if n_begun <= self._attempts:
            yield from self._worker.advance(parcel)
            return
        error = InputError(
            f"{parcel.uri}: a worker of {self._step.name} died {self._attempts} times over it",
            error_type="crashed",
        )
        yield self._worker.failed(parcel, error)


class _BatchActor(_StepActor):
    """A worker that takes several parcels at once, of any films."""

    def __call__(self, batch: Any) -> Iterator[dict[str, Any]]:
        parcels = [self._unpack(row) for row in batch.to_pylist()]
        for out in self._advance_all(parcels):
            yield {"parcel": [pickle.dumps(out)]}

    def _advance_all(
        self, parcels: Sequence[Parcel | SceneLakeError]
    ) -> Iterator[Parcel | SceneLakeError]:
        mine: list[Parcel] = []
        for parcel in parcels:
            if isinstance(parcel, SceneLakeError):
                yield parcel
            elif self._worker.concerns(parcel):
                mine.append(parcel)
            else:
                yield from self._advance(parcel)
        try:
            yield from self._work_on_all(mine)
        except SceneLakeError as error:
            yield error

    def _work_on_all(self, parcels: Sequence[Parcel]) -> Iterator[Parcel]:
        """Together, but for those that were in hand when a worker died: one of them is to blame.

        They are taken one by one, and counted only then, the least suspect first.
        """
        n_deaths = [ray.get(self._board.n_begun.remote(self._key(p))) for p in parcels]
        fresh = [p for p, n in zip(parcels, n_deaths, strict=True) if n == 0]
        for parcel in fresh:
            self._begin(parcel)
        yield from self._judged(self._worker.advance_all(fresh))
        self._finish(fresh)
        for n, index in sorted(zip(n_deaths, range(len(parcels)), strict=True)):
            if n > 0:
                yield from self._work(parcels[index])


def _in_batches(dataset: Any, n: int) -> Callable[..., Any]:
    return partial(dataset.map_batches, batch_size=n, batch_format="pyarrow")


def _end_with_node() -> None:
    """End with the node that this worker is of: one whose driver was killed may stay for good."""
    node = os.getppid()
    while os.getppid() == node:
        time.sleep(_LOOK_S)
    os._exit(1)


def _board() -> Any:
    """The board, on the driver's own machine: it must outlive any other."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return _Board.options(num_cpus=0, scheduling_strategy=here).remote()  # type: ignore[attr-defined]


def _pool(step: Step, steps: list[Step]) -> ActorPoolStrategy:
    most = step.pool.max or _max_workers(steps)
    return ActorPoolStrategy(
        min_size=step.pool.min,
        max_size=max(step.pool.min, most),
        max_tasks_in_flight_per_actor=_TASKS_IN_FLIGHT,
    )


@contextlib.contextmanager
def _settings(watch: QueueWatch | None) -> Iterator[None]:
    """Ray Data's settings for this run; those of the process are put back after."""
    context = DataContext.get_current()
    ours = {
        "enable_progress_bars": False,
        "print_on_execution_start": False,
        # A block for each parcel, given on as soon as it is there: a film's clips must not
        # wait for each other, nor travel to one worker together.
        "target_max_block_size": 1,
        "custom_execution_callback_classes": [watch] if watch else [],
    }
    theirs = {name: getattr(context, name) for name in ours}
    for name, value in ours.items():
        setattr(context, name, value)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, value in theirs.items():
            setattr(context, name, value)


@contextlib.contextmanager
def _ray(address: str | None) -> Iterator[None]:
    """A connection to Ray; one that was there before is used and left.

    What Ray prints meanwhile, of workers that die for one, goes to stderr: stdout is for results.
    """
    ours = not ray.is_initialized()
    with contextlib.redirect_stdout(sys.stderr):
        if ours:
            _connect(address)
        try:
            yield
        finally:
            if ours:
                ray.shutdown()


def _connect(address: str | None) -> None:
    try:
        ray.init(
            address=address or "local",
            include_dashboard=False if address is None else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except ConnectionError as error:
        raise UsageError(f"--address {address}: no Ray cluster answers there: {error}") from error
    except OSError as error:
        raise UsageError(f"Ray cannot start here: {error}; RAY_TMPDIR=/tmp may help") from error


def _scale(steps: list[Step]) -> float:
    """What becomes of the CPUs that steps ask for where the smallest pools would not fit."""
    wanted = sum(step.resources.cpus * step.pool.min for step in steps) + _model_cpus(steps)
    return min(1.0, _SHARE * _cluster_cpus() / wanted)


def _max_workers(steps: list[Step]) -> int:
    wanted = sum(step.resources.cpus for step in steps) + _model_cpus(steps)
    return max(1, int(_SHARE * _cluster_cpus() / wanted))


def _model_cpus(steps: list[Step]) -> float:
    """For the small stages around models that Ray Data runs."""
    return sum(_N_STAGES * _STAGE_CPUS * s.model.ray.max_workers for s in steps if s.model)


def _cluster_cpus() -> float:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return float(resources.get("CPU", 1.0))


def _results(dataset: Any, board: Any, report: Callable[[Event], None]) -> Iterator[Parcel]:
    """Parcels as they come, with the workers' reports passed on in between."""
    out: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_consume, args=(dataset, out), name="ray-data", daemon=True).start()
    while True:
        try:
            item = out.get(timeout=_POLL_S)
        except queue.Empty:
            item = None
        for event in ray.get(board.drain.remote()):
            report(event)
        if item is _END:
            return
        if isinstance(item, BaseException):
            raise item
        if item is not None:
            yield item


def _meaning(error: RayError, steps: list[Step]) -> Exception:
    """What an error of Ray tells, where it comes of a model that Ray runs."""
    if not any(step.model for step in steps):
        return error
    from scenelake.pipeline.ray_llm import meaning

    return meaning(error)


def _consume(dataset: Any, out: queue.Queue[Any]) -> None:
    try:
        for row in dataset.iter_rows():
            out.put(pickle.loads(row["parcel"]))
        out.put(_END)
    except BaseException as error:
        out.put(error)
