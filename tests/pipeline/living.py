"""Processes of this machine, as /proc has them."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process; `started` tells it from a later one of the same id."""

    pid: int
    started: str
    parent: int = field(compare=False)
    command: str = field(compare=False)


def descendants(pid: int) -> set[Process]:
    """All processes below one, at this moment."""
    every = [p for p in (living(int(d.name)) for d in Path("/proc").glob("[0-9]*")) if p]
    found, parents = set[Process](), {pid}
    while parents:
        children = {p for p in every if p.parent in parents} - found
        found |= children
        parents = {p.pid for p in children}
    return found


def end(process: Process) -> bool:
    """Kill a process; False if it was quicker."""
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def living(pid: int) -> Process | None:
    """A process that lives."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] == "Z":
        return None
    return Process(pid, fields[19], int(fields[1]), command)
