"""Runs the steps on Ray Data: actor pools, streamed, on this machine or a cluster.

A step that weighs something has a pool of its own; light ones follow in the actors of the
step before (`chains`). Ray is imported here, in what its actors run (`ray_workers`), for
what they report (`ray_board`) and for its language model processor (`ray_llm`), nowhere
else. Parcels travel as pickled bytes, so that Ray knows the size of what is in flight and
holds producers back by it.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Any

import ray
from ray.data import ActorPoolStrategy, DataContext
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from scenelake.pipeline.parcels import Event, Parcel
from scenelake.pipeline.ray_board import Board
from scenelake.pipeline.ray_queues import Flow, QueueWatch
from scenelake.pipeline.ray_workers import actor_class
from scenelake.pipeline.steps import Step
from scenelake.schemas.errors import UsageError

_SHARE = 0.9
"""Of a machine's CPUs to ask for: Ray Data's own tasks need a place too."""

_TASKS_IN_FLIGHT = 2
"""A worker has its next parcel at hand, and none waits long behind a slow one."""

_STAGE_CPUS, _N_STAGES = 0.25, 4
"""For a worker of each stage that Ray Data's own processor has around a model."""

_POLL_S = 0.5
_END = object()


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
    line = chains(steps)
    heads = [chain[0] for chain in line]
    watch = QueueWatch([step.name for step in heads], flow) if flow else None
    with _ray(address), _settings(watch):
        board = _board()
        dataset: Any = ray.data.from_items(
            [{"parcel": pickle.dumps(parcel)} for parcel in parcels],
            # One film a block: the unit that Ray schedules, retries and holds back.
            override_num_blocks=len(parcels),
        )
        scale = _scale(heads)
        for step, chain in zip(heads, line, strict=True):
            cpus = round(step.resources.cpus * scale, 3)
            if step.model is not None:
                from scenelake.pipeline import ray_llm

                ray_llm.check_gpus(step.model, is_local=address is None)
                dataset = ray_llm.through_model(
                    dataset, step.model, cpus=round(_STAGE_CPUS * scale, 3), next_cpus=cpus
                )
            n = step.pool.together
            through = dataset.flat_map if n == 1 else _in_batches(dataset, n)
            dataset = through(
                actor_class(chain),
                fn_constructor_args=(chain, board, attempts),
                compute=_pool(step, heads),
                num_cpus=cpus,
                num_gpus=step.resources.gpus or None,
                memory=step.resources.memory_bytes or None,
            )
        try:
            yield from _results(dataset, board, report)
        except RayError as error:
            raise _meaning(error, steps) from error


def chains(steps: Sequence[Step]) -> list[tuple[Step, ...]]:
    """Runs of steps, each done by the same actors: one step, and the light ones that follow it.

    An actor of Ray's is a process, and an operator more work for its scheduler at each turn: for
    a step that takes no time they are most of what it costs. A step whose pool is configured is
    no follower, and none follows a step that has a GPU or takes several parcels at once.
    """
    line: list[tuple[Step, ...]] = []
    for step in steps:
        if line and step.is_light and _may_be_followed(line[-1][0]):
            line[-1] = (*line[-1], step)
        else:
            line.append((step,))
    return line


def _may_be_followed(step: Step) -> bool:
    return not step.resources.gpus and step.pool.together == 1


def _in_batches(dataset: Any, n: int) -> Callable[..., Any]:
    return partial(dataset.map_batches, batch_size=n, batch_format="pyarrow")


def _board() -> Any:
    """The board, on the driver's own machine: it must outlive any other."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return Board.options(num_cpus=0, scheduling_strategy=here).remote()  # type: ignore[attr-defined]


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
