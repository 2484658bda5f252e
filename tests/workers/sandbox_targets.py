"""What tests call in a sandbox: functions that behave as badly as decoders do."""

from __future__ import annotations

import mmap
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenelake.schemas.errors import InputError

_MIB = 1 << 20
_kept: list[bytes] = []


class TwoPartError(Exception):
    """An error that pickle cannot make again: it wants two arguments."""

    def __init__(self, film: str, reason: str) -> None:
        super().__init__(f"{film}: {reason}")


def ramp(n: int) -> NDArray[np.float64]:
    return np.arange(n, dtype=np.float64)


def total(samples: NDArray[np.float64]) -> float:
    return float(samples.sum())


def turn(number: int) -> tuple[int, int]:
    """The number, and who answers."""
    time.sleep(0.01)
    return number, os.getpid()


def refuse(film: str) -> None:
    raise InputError(f"{film}: nothing of it decodes", error_type="corrupt")


def fail_in_two_parts() -> None:
    raise TwoPartError("film.mp4", "it has no end")


def give_lock() -> Any:
    return threading.Lock()


def sleep_long(started: Path) -> None:
    started.write_text(str(os.getpid()))
    time.sleep(600)


def nap(started: Path) -> str:
    started.write_text(str(os.getpid()))
    time.sleep(1)
    return "rested"


def match_long(started: Path) -> None:
    """Hang in C code that does not give up the interpreter's lock."""
    started.write_text(str(os.getpid()))
    re.match(r"(a+)+$", "a" * 80 + "b")


def start_helper(started: Path) -> None:
    """Hang beside a process of its own."""
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    started.write_text(str(helper.pid))
    time.sleep(600)


def be_killed(times: int, diary: Path) -> int:
    """Killed from outside, as it were, so many times; then the number of calls."""
    with diary.open("a") as file:
        file.write("called\n")
    n_calls = len(diary.read_text().splitlines())
    if n_calls <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return n_calls


def complain_and_abort() -> None:
    os.write(2, b"reading the index\nslice 7 overlaps slice 6\n")
    os.abort()


def abort_for_want_of_memory() -> None:
    """Die as a C++ library does."""
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


def reserve(n_gib: int) -> int:
    """Ask for memory at once, and touch none of it."""
    return int(np.empty(n_gib << 30, np.uint8).nbytes)


def grow_array() -> None:
    pieces = []
    while True:
        pieces.append(np.ones(8 * _MIB, np.uint8))


def grow_lists() -> None:
    pieces: list[Any] = []
    while True:
        pieces.append([None] * 1000)


def share_much(n_mib: int) -> int:
    """Hold memory that no limit of allocations counts, for longer than a look takes."""
    with mmap.mmap(-1, n_mib * _MIB) as pages:
        for start in range(0, len(pages), _MIB):
            pages[start : start + _MIB] = b"x" * _MIB
        time.sleep(5)
    return n_mib


def keep(n_mib: int) -> int:
    _kept.append(b"x" * (n_mib * _MIB))
    return os.getpid()


def environment() -> dict[str, str]:
    return dict(os.environ)


def open_files() -> set[tuple[int, int]]:
    """Device and inode of all that is open."""
    found = set()
    for fd in range(256):
        try:
            status = os.fstat(fd)
        except OSError:
            continue
        found.add((status.st_dev, status.st_ino))
    return found


def shout(n_mib: int) -> str:
    """Write much to both outputs, past Python, as C libraries do."""
    for _ in range(n_mib):
        os.write(1, b"o" * _MIB)
        os.write(2, b"e" * _MIB)
    return "done"
