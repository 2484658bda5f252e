"""Runs the steps on Ray Data: each an actor pool, streamed, on this machine or a cluster.

The one file that imports Ray. Parcels travel as pickled bytes, so that Ray knows the size
of what is in flight and holds producers back by it.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import ray
from ray.data import ActorPoolStrategy, DataContext

from scenelake.pipeline.steps import Event, Parcel, Step, Worker
from scenelake.schemas.errors import SceneLakeError, UsageError

_SHARE = 0.9
"""Of a machine's CPUs to ask for: Ray Data's own tasks need a place too."""

_POLL_S = 0.5
_END = object()


def run_on_ray(
    steps: list[Step],
    parcels: Sequence[Parcel],
    report: Callable[[Event], None],
    *,
    address: str | None = None,
) -> Generator[Parcel]:
    """Give each parcel as it comes out of the last step, in no particular order.

    Args:
        address: of a running cluster; None starts Ray on this machine and ends it after.

    Errors:
        UsageError, LakeError: what stops the whole run, raised here.
    """
    if not parcels:
        return
    with _ray(address):
        board = _Board.options(num_cpus=0).remote()  # type: ignore[attr-defined]
        dataset: Any = ray.data.from_items(
            [{"parcel": pickle.dumps(parcel)} for parcel in parcels],
            # One film a block: the unit that Ray schedules, retries and holds back.
            override_num_blocks=len(parcels),
        )
        for step, cpus in zip(steps, _cpus(steps), strict=True):
            dataset = dataset.flat_map(
                _StepActor,
                fn_constructor_args=(step, board),
                compute=ActorPoolStrategy(min_size=1, max_size=_max_workers(steps)),
                num_cpus=cpus,
                num_gpus=step.resources.gpus or None,
            )
        yield from _results(dataset, board, report)


@ray.remote
class _Board:
    """Collects what workers report, for the driver to fetch."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def add(self, event: Event) -> None:
        self._events.append(event)

    def drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events


class _StepActor:
    """A worker of one step inside a Ray actor."""

    def __init__(self, step: Step, board: Any) -> None:
        self._worker = Worker(step, lambda event: board.add.remote(event))

    def __call__(self, row: dict[str, Any]) -> list[dict[str, bytes]]:
        parcel = pickle.loads(row["parcel"])
        if isinstance(parcel, SceneLakeError):
            return [row]
        return [{"parcel": pickle.dumps(out)} for out in self._advance(parcel)]

    def _advance(self, parcel: Parcel) -> Iterator[Parcel | SceneLakeError]:
        """Parcels, or what stops the run: an error raised here, Ray would wrap and retry."""
        try:
            yield from self._worker.advance(parcel)
        except SceneLakeError as error:
            yield error


@contextlib.contextmanager
def _ray(address: str | None) -> Iterator[None]:
    """A connection to Ray; one that was there before is used and left."""
    ours = not ray.is_initialized()
    if ours:
        _connect(address)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
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


def _cpus(steps: list[Step]) -> list[float]:
    """CPUs for a worker of each step, scaled down where one of each would not fit."""
    wanted = sum(step.resources.cpus for step in steps)
    scale = min(1.0, _SHARE * _cluster_cpus() / wanted)
    return [round(step.resources.cpus * scale, 3) for step in steps]


def _max_workers(steps: list[Step]) -> int:
    wanted = sum(step.resources.cpus for step in steps)
    return max(1, int(_SHARE * _cluster_cpus() / wanted))


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


def _consume(dataset: Any, out: queue.Queue[Any]) -> None:
    try:
        for row in dataset.iter_rows():
            out.put(pickle.loads(row["parcel"]))
        out.put(_END)
    except BaseException as error:
        out.put(error)
