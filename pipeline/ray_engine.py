"""Runs the steps on Ray Data: actor pools, streamed, on this machine or a cluster.

A step that weighs something has a pool of its own; light ones follow in the actors of the
step before, and what actors ask for fits the cluster (`ray_sizes`). Ray is imported here, in
what its actors run (`ray_workers`), for what they report (`ray_board`) and for its language
model processor (`ray_llm`), nowhere else. Parcels travel as pickled bytes, so that Ray knows
the size of what is in flight and holds producers back by it.
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
from scenelake.pipeline.ray_sizes import Chain, Sizes, chains
from scenelake.pipeline.ray_watch import ExecutorWatch, Flow, Look, PlaceLook, QueueLook, Say
from scenelake.pipeline.ray_workers import actor_class
from scenelake.pipeline.steps import Step
from scenelake.schemas.errors import UsageError

_TASKS_IN_FLIGHT = 2
"""A worker has its next parcel at hand, and none waits long behind a slow one."""

_POLL_S = 0.5
_PATIENCE_S = 10.0
"""For a thread to end that has been told to."""

_END = object()


def run_on_ray(
    steps: list[Step],
    parcels: Sequence[Parcel],
    report: Callable[[Event], None],
    *,
    address: str | None = None,
    attempts: int = 3,
    flow: Flow | None = None,
    say: Say | None = None,
) -> Generator[Parcel]:
    """Give each parcel as it comes out of the last step, in no particular order.

    What a worker or a machine that dies had in hand is done again, so that a parcel may
    come out twice.

    Args:
        address: of a running cluster; None starts Ray on this machine and ends it after.
        attempts: at an item under which workers die, before it is called a failure.
        flow: is told every second what waits before each step, from a thread of Ray's.
        say: is told of a step that Ray finds no place for, from there too.

    Errors:
        UsageError, LakeError: what stops the whole run, raised here.
    """
    if not parcels:
        return
    line = chains(steps)
    heads = [chain[0] for chain in line]
    with _ray(address):
        sizes = Sizes.of(heads, _nodes())
        watch = ExecutorWatch(_looks(heads, sizes, flow, say))
        with _settings(watch):
            board = _board()
            dataset: Any = ray.data.from_items(
                [{"parcel": pickle.dumps(parcel)} for parcel in parcels],
                # One film a block: the unit that Ray schedules, retries and holds back.
                override_num_blocks=len(parcels),
            )
            for chain in line:
                if chain[0].model is not None:
                    dataset = _through_model(dataset, chain[0], sizes, is_local=address is None)
                dataset = _through_actors(dataset, chain, sizes, board, attempts)
            try:
                with _consumed(dataset, watch) as out:
                    yield from _results(out, board, report)
            except RayError as error:
                raise _meaning(error, steps) from error


def _looks(heads: list[Step], sizes: Sizes, flow: Flow | None, say: Say | None) -> Iterator[Look]:
    if flow is not None:
        yield QueueLook([step.name for step in heads], flow)
    if say is not None:
        yield PlaceLook({step.name: sizes.in_words(step) for step in heads}, say)


def _through_model(dataset: Any, step: Step, sizes: Sizes, *, is_local: bool) -> Any:
    from scenelake.pipeline import ray_llm

    assert step.model is not None
    ray_llm.check_gpus(step.model, is_local=is_local)
    return ray_llm.through_model(
        dataset, step.model, cpus=sizes.stage_cpus, next_cpus=sizes.cpus(step)
    )


def _through_actors(dataset: Any, chain: Chain, sizes: Sizes, board: Any, attempts: int) -> Any:
    step = chain[0]
    n = step.pool.together
    through = dataset.flat_map if n == 1 else _in_batches(dataset, n)
    return through(
        actor_class(chain),
        fn_constructor_args=(chain, board, attempts),
        compute=_pool(*sizes.bounds(step)),
        num_cpus=sizes.cpus(step),
        num_gpus=step.resources.gpus or None,
        memory=step.resources.memory_bytes or None,
    )


def _in_batches(dataset: Any, n: int) -> Callable[..., Any]:
    return partial(dataset.map_batches, batch_size=n, batch_format="pyarrow")


def _board() -> Any:
    """The board, on the driver's own machine: it must outlive any other."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return Board.options(num_cpus=0, scheduling_strategy=here).remote()  # type: ignore[attr-defined]


def _pool(fewest: int, most: int) -> ActorPoolStrategy:
    return ActorPoolStrategy(
        min_size=fewest, max_size=most, max_tasks_in_flight_per_actor=_TASKS_IN_FLIGHT
    )


@contextlib.contextmanager
def _settings(watch: ExecutorWatch) -> Iterator[None]:
    """Ray Data's settings for this run; those of the process are put back after."""
    context = DataContext.get_current()
    ours = {
        "enable_progress_bars": False,
        "print_on_execution_start": False,
        # A block for each parcel, given on as soon as it is there: a film's clips must not
        # wait for each other, nor travel to one worker together.
        "target_max_block_size": 1,
        "custom_execution_callback_classes": [watch],
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


def _nodes() -> list[float]:
    """CPUs of each node that is there now and has some; one where Ray tells of none yet."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    cpus = [float(node["Resources"].get("CPU", 0.0)) for node in nodes if node["Alive"]]
    return [n for n in cpus if n > 0] or [1.0]


@contextlib.contextmanager
def _consumed(dataset: Any, watch: ExecutorWatch) -> Iterator[queue.Queue[Any]]:
    """What comes out of a dataset, put there by a thread that is gone afterwards."""
    out: queue.Queue[Any] = queue.Queue()
    thread = threading.Thread(target=_consume, args=(dataset, out), name="ray-data", daemon=True)
    thread.start()
    try:
        yield out
    finally:
        watch.stop()
        thread.join(timeout=_PATIENCE_S)


def _results(
    out: queue.Queue[Any], board: Any, report: Callable[[Event], None]
) -> Iterator[Parcel]:
    """Parcels as they come, with the workers' reports passed on in between."""
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
