"""What waits before each pool of actors on Ray Data, as its executor counts it.

Ray Data calls whatever `DataContext.custom_execution_callback_classes` makes after each
turn of its scheduler, with its executor, whose operators know their queues.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scenelake.pipeline.watching.watcher import QueueState

logger = logging.getLogger(__name__)

_EVERY_S = 1.0

Flow = Callable[[Mapping[str, QueueState]], None]


class QueueWatch:
    """Tells `flow` once a second what waits before each step, in the driver's process.

    Ray takes it for a class, and sends copies of it to all workers, where it is not called.
    """

    def __init__(self, names: Sequence[str], flow: Flow) -> None:
        self._names = tuple(names)
        self._flow = flow
        self._told_s = 0.0

    def __call__(self) -> QueueWatch:
        return self

    def __deepcopy__(self, memo: object) -> QueueWatch:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return QueueWatch, ((), _nobody)

    def before_execution_starts(self, executor: Any) -> None:
        """Nothing waits yet."""

    def on_execution_step(self, executor: Any) -> None:
        """Look, where the last look is long enough ago."""
        now_s = time.monotonic()
        if now_s - self._told_s >= _EVERY_S:
            self._told_s = now_s
            self._flow(self._queues(executor))

    def after_execution_succeeds(self, executor: Any) -> None:
        """Nothing waits any more."""

    def after_execution_fails(self, executor: Any, error: Exception) -> None:
        """The run tells of it."""

    def _queues(self, executor: Any) -> dict[str, QueueState]:
        """A block is a parcel. Ray gives the operators in the order of the data to nobody but
        itself: where a later version hides them otherwise, the report lacks its queues.
        """
        topology: Mapping[Any, Any] | None = getattr(executor, "_topology", None)
        if topology is None:
            logger.warning("this version of Ray Data does not tell what waits before each step")
            self._told_s = float("inf")
            return {}
        states = {_step(op.name): state for op, state in topology.items()}
        return {name: _state(states[name]) for name in self._names}


def _step(operator: str) -> str:
    """``FlatMap(speech+align)`` is what step ``speech`` is the first of."""
    return operator.rpartition("(")[2].rstrip(")").partition("+")[0]


def _state(state: Any) -> QueueState:
    return QueueState(
        state.total_enqueued_input_blocks(), state.total_enqueued_input_blocks_bytes()
    )


def _nobody(queues: Mapping[str, QueueState]) -> None:
    """For copies that are never called."""
