"""Runs the steps in this process: a thread for each, bounded queues between them.

Steps overlap: while one film is transcribed the next is decoded. The heavy work of every
step is in C and lets other threads run.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import Any

from scenelake.pipeline.steps import Event, Parcel, Step, Worker

_QUEUE_ITEMS = 2
_POLL_S = 0.2
_END = object()


class _StoppedError(Exception):
    """The run is being given up; the thread that sees this ends."""


class _Line:
    """Threads and queues of one run."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.error: BaseException | None = None

    def put(self, target: queue.Queue[Any], item: Any) -> None:
        while not self.stop.is_set():
            try:
                return target.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
        raise _StoppedError

    def get(self, origin: queue.Queue[Any]) -> Any:
        while not self.stop.is_set():
            try:
                return origin.get(timeout=_POLL_S)
            except queue.Empty:
                continue
        raise _StoppedError

    def start(self, target: Callable[[], None], name: str) -> None:
        threading.Thread(target=self._guarded, args=(target,), name=name, daemon=True).start()

    def _guarded(self, target: Callable[[], None]) -> None:
        try:
            target()
        except _StoppedError:
            return
        except BaseException as error:
            self.error = self.error or error
            self.stop.set()


def run_inline(
    steps: list[Step], parcels: Iterable[Parcel], report: Callable[[Event], None]
) -> Generator[Parcel]:
    """Give each parcel as it comes out of the last step.

    Errors:
        UsageError, LakeError: what stops the whole run, raised here.
    """
    line = _Line()
    queues: list[queue.Queue[Any]] = [queue.Queue(_QUEUE_ITEMS) for _ in range(len(steps) + 1)]
    line.start(lambda: _feed(line, parcels, queues[0]), "feed")
    for step, origin, target in zip(steps, queues, queues[1:], strict=False):
        worker = Worker(step, report)
        line.start(lambda w=worker, o=origin, t=target: _work(line, w, o, t), step.name)  # type: ignore[misc]
    try:
        while (parcel := line.get(queues[-1])) is not _END:
            yield parcel
    except _StoppedError:
        if line.error is not None:
            raise line.error from None
    finally:
        line.stop.set()


def _feed(line: _Line, parcels: Iterable[Parcel], target: queue.Queue[Any]) -> None:
    for parcel in parcels:
        line.put(target, parcel)
    line.put(target, _END)


def _work(line: _Line, worker: Worker, origin: queue.Queue[Any], target: queue.Queue[Any]) -> None:
    while (parcel := line.get(origin)) is not _END:
        for result in worker.advance(parcel):
            line.put(target, result)
    line.put(target, _END)
