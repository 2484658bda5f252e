"""A run on Ray Data from beside: what waits before each pool, which have nobody; its early end.

Ray Data calls whatever `DataContext.custom_execution_callback_classes` makes after each
turn of its scheduler, with its executor, whose operators know their queues and actors.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from scenelake.pipeline.watching.watcher import QueueState

logger = logging.getLogger(__name__)

_EVERY_S = 1.0
_PATIENCE_S = 60.0

Flow = Callable[[Mapping[str, QueueState]], None]
Say = Callable[[str], None]
Operators = Mapping[str, tuple[Any, Any]]
"""By the step that is first in it: an operator of Ray Data's and its state."""

Look = Callable[[Operators], None]


class ExecutorWatch:
    """Looks once a second, in the driver's process.

    Ray takes it for a class, and sends copies of it to all workers, where it is not called.
    """

    def __init__(self, looks: Iterable[Look] = ()) -> None:
        self._looks = tuple(looks)
        self._looked_s = 0.0
        self._executor: Any = None
        self._is_stopped = False

    def __call__(self) -> ExecutorWatch:
        return self

    def __deepcopy__(self, memo: object) -> ExecutorWatch:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return ExecutorWatch, ()

    def stop(self) -> None:
        """End the execution, and its threads with it: one that asked anything of Ray after
        Ray was shut down would end this whole process.
        """
        self._is_stopped = True
        if self._executor is not None:
            self._executor.shutdown(force=True)

    def before_execution_starts(self, executor: Any) -> None:
        """Nothing waits yet."""
        self._executor = executor
        if self._is_stopped:
            raise RuntimeError("stopped before it had begun")

    def on_execution_step(self, executor: Any) -> None:
        """Look, where the last look is long enough ago."""
        now_s = time.monotonic()
        if self._is_stopped or now_s - self._looked_s < _EVERY_S:
            return
        self._looked_s = now_s
        try:
            operators = _operators(executor)
            for look in self._looks:
                look(operators)
        except Exception:
            # A later version of Ray Data may have other operators: no reason to end a run.
            logger.exception("what waits before each step is not told any more")
            self._looked_s = float("inf")

    def after_execution_succeeds(self, executor: Any) -> None:
        """Nothing waits any more."""

    def after_execution_fails(self, executor: Any, error: Exception) -> None:
        """The run tells of it."""


class QueueLook:
    """Tells `flow` what waits before each step. A block is a parcel."""

    def __init__(self, steps: Sequence[str], flow: Flow) -> None:
        self._steps = tuple(steps)
        self._flow = flow

    def __call__(self, operators: Operators) -> None:
        self._flow({step: _waiting(operators[step][1]) for step in self._steps})


class PlaceLook:
    """Tells once of a step that has had no worker for long: Ray itself waits in silence.

    A node that died may have been the only one with room for it, or with a GPU.
    """

    def __init__(
        self, asks: Mapping[str, str], say: Say, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """For steps by name, with what a worker of each asks for, in words."""
        self._asks = dict(asks)
        self._say = say
        self._now = now
        self._since_s: dict[str, float] = {}

    def __call__(self, operators: Operators) -> None:
        now_s = self._now()
        for step in list(self._asks):
            if not _lacks_workers(operators[step][0]):
                self._since_s.pop(step, None)
            elif now_s - self._since_s.setdefault(step, now_s) >= _PATIENCE_S:
                self._say(
                    f"{step} has had no worker for {now_s - self._since_s[step]:.0f} s: Ray starts"
                    f" none, or no node has {self._asks.pop(step)} free (ray status tells more)"
                )


def _operators(executor: Any) -> Operators:
    """Ray gives the operators in the order of the data to nobody but itself."""
    topology: Mapping[Any, Any] = executor._topology
    return {_step(operator.name): (operator, state) for operator, state in topology.items()}


def _step(operator: str) -> str:
    """``FlatMap(speech+align)`` is what step ``speech`` is the first of."""
    return operator.rpartition("(")[2].rstrip(")").partition("+")[0]


def _waiting(state: Any) -> QueueState:
    return QueueState(
        state.total_enqueued_input_blocks(), state.total_enqueued_input_blocks_bytes()
    )


def _lacks_workers(operator: Any) -> bool:
    pools = operator.get_autoscaling_actor_pools()
    n_there: int = sum(pool.num_running_actors() for pool in pools)
    n_restarting: int = sum(pool.num_restarting_actors() for pool in pools)
    n_new: int = sum(pool.num_pending_actors() for pool in pools)
    return n_there == n_restarting and n_restarting + n_new > 0
