"""Times a job of any number of processes from when all its models are loaded.

The first step keeps films waiting at a gate. Where films keep their order, a warm film goes in
first and opens it at the other end; Ray Data takes them in any order, so there each step's
worker says that it is ready. What is timed from then on is work alone, fill and drain of the
line included; with Ray, each model's first call too.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

from common import Moment, now
from films import warm_film

_GATE = "SCENELAKE_BENCH_GATE"
_PATIENCE_S = 300.0
_LOOK_S = 0.02
_SAMPLE_S = 0.5


def new_gate(folder: Path, *, n_ready: int = 0) -> None:
    """For this process and those it starts from now on.

    Args:
        n_ready: so many `ready` open it; 0: the warm film does.
    """
    gate = folder / "gate"
    gate.mkdir()
    (gate / "needs").write_text(str(n_ready))
    os.environ[_GATE] = str(gate)


def pass_in(path: str) -> None:
    """The first step's: wait, unless it is the warm film.

    Errors:
        TimeoutError: the gate stays shut.
    """
    end_s = time.monotonic() + _PATIENCE_S
    while path != str(warm_film()) and not _open().exists():
        if time.monotonic() > end_s:
            raise TimeoutError("the models are not loaded")
        time.sleep(_LOOK_S)


def pass_out(path: str) -> None:
    """The last step's: the warm film opens the gate."""
    if path == str(warm_film()):
        _open().touch()


def ready(step: str) -> None:
    """A step has its models; the last one opens the gate."""
    gate = _open().parent
    (gate / f"ready-{step}").touch()
    if len(list(gate.glob("ready-*"))) >= int((gate / "needs").read_text()) > 0:
        _open().touch()


def _open() -> Path:
    return Path(os.environ[_GATE]) / "open"


class Clock:
    """Times a job from its start, and from when the gate opens.

    CPU of the job's tree is sampled, since processes end on the way.
    """

    def __init__(self) -> None:
        self._start = self._last = now()
        self._opened: Moment | None = None
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def stop(self) -> dict[str, float]:
        """Seconds from the gate's opening on, and `whole_s` and `start_up_s` from the start."""
        end_s = time.time()
        self._ended.set()
        self._watcher.join()
        self._look()
        opened, end = self._opened or self._start, replace(self._last, time_s=end_s)
        return {
            **opened.until(end),
            "whole_s": end.time_s - self._start.time_s,
            "start_up_s": opened.time_s - self._start.time_s,
        }

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_S):
            if self._opened is None and _open().exists():
                self._look()
                self._opened = self._last
            elif time.time() - self._last.time_s > _SAMPLE_S:
                self._look()

    def _look(self) -> None:
        self._last = now()
