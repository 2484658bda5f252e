"""The child's side of a `Sandbox`: answers calls until it is killed. Imports little."""

from __future__ import annotations

import errno
import fcntl
import os
import pickle
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import BufferedReader, BufferedWriter
from operator import attrgetter
from pathlib import Path
from typing import Any

from scenelake.workers.sandbox_wire import pack, receive, unpack

_UNTOUCHED_BYTES = 512 << 20
_UNTOUCHED_PER_CPU_BYTES = 32 << 20
_WATCH_S = 1.0


def main(
    requests_fd: int, results_fd: int, lifeline_fd: int, parent_pid: int, memory_bytes: int
) -> None:
    """Answer the calls that come in by one pipe through the other."""
    for fd in (requests_fd, results_fd, lifeline_fd):
        os.set_inheritable(fd, False)
    _limit(memory_bytes)
    _end_with(parent_pid, lifeline_fd)
    with open(requests_fd, "rb") as requests, open(results_fd, "wb") as results:
        while _serve(requests, results, memory_bytes):
            pass


def _serve(requests: BufferedReader, results: BufferedWriter, limit_bytes: int) -> bool:
    """Answer one call; False where no more will come.

    What a call holds is gone with this frame, before the wait for the next one.
    """
    parts: list[bytearray] = []
    for view in receive(parts, limit_bytes=limit_bytes):
        if requests.readinto(view) < len(view):
            return False
    for part in _answer(parts):
        results.write(part)
    results.flush()
    return True


def _answer(request: list[bytearray]) -> list[memoryview]:
    """The message ``(value, error, traceback, out of memory)``.

    SystemExit and its like are no answers: they end this process, and the parent tells.
    """
    try:
        target, args = unpack(request)
        return pack((_find(target)(*args), None, "", False))
    except Exception as error:
        traceback.clear_frames(error.__traceback__)  # room for the answer
        text = "".join(traceback.format_exception(error))
        return pack((None, _portable(error), text, _lacks_memory(error)))


def _find(target: str) -> Callable[..., Any]:
    module, _, name = target.partition(":")
    found: Callable[..., Any] = attrgetter(name)(import_module(module))
    return found


def _portable(error: Exception) -> Exception:
    """The error, or what it says where it does not survive pickling."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _lacks_memory(error: Exception) -> bool:
    code = error.errno if isinstance(error, OSError) else None
    return isinstance(error, MemoryError) or code == errno.ENOMEM


def _limit(memory_bytes: int) -> None:
    """Refuse allocations far past the limit; ask to be killed before the parent is.

    RLIMIT_AS would count address space that is reserved and never used: allocators,
    models mapped from files and threads take gigabytes of that. RLIMIT_DATA counts
    private writable memory only, yet touched or not: stacks of threads, pools of BLAS.
    (Measured on two cores: 235 MiB more than was resident with NumPy, PyAV and OpenCV,
    485 MiB more with torch.) So it stands above the limit by as much. It stops at once what
    one allocation or a fast loop would take; the parent looks at what is really held.
    """
    _lower(resource.RLIMIT_CORE, 0)  # a dump of gigabytes helps nobody
    if sys.platform == "linux":
        untouched = _UNTOUCHED_BYTES + (os.cpu_count() or 1) * _UNTOUCHED_PER_CPU_BYTES
        _lower(resource.RLIMIT_DATA, memory_bytes + untouched)
        with suppress(OSError):  # /proc may be read-only; the limits hold all the same
            Path("/proc/self/oom_score_adj").write_text("1000")


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, hard))


def _end_with(parent_pid: int, lifeline_fd: int) -> None:
    """Kill this process group when the parent is gone, however that went.

    Nothing is ever written to the lifeline, so its one event is that its other end was
    closed, and the kernel answers it with SIGKILL to the group, even while C code holds
    the interpreter's lock. (PR_SET_PDEATHSIG would already fire at the end of the
    *thread* that made the call.) Where the kernel does not, or where a fork of the
    parent keeps the other end open, a thread notices.
    """
    if sys.platform == "linux":
        fcntl.fcntl(lifeline_fd, fcntl.F_SETOWN, -os.getpid())
        fcntl.fcntl(lifeline_fd, fcntl.F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(lifeline_fd, fcntl.F_GETFL)
        fcntl.fcntl(lifeline_fd, fcntl.F_SETFL, flags | os.O_ASYNC)
    if os.getppid() != parent_pid:  # gone before the kernel was told
        os._exit(1)
    threading.Thread(target=_watch, args=(parent_pid,), daemon=True).start()


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_WATCH_S)
    os.killpg(0, signal.SIGKILL)
