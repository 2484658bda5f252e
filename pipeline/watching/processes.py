"""Memory and CPU of this process and all that descend from it, by /proc (Linux).

Memory is the proportional set size: a page that n processes share counts for 1/n in each,
so that the sum over the tree is what the tree takes from the machine (proc(5), smaps_rollup).
Elsewhere than on Linux there is nothing to read and all is zero.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree of processes uses.

    Attributes:
        memory_bytes: proportional set size; resident size of those whose maps may not be read.
        cpu_s: user and system time of the living, and of the dead they have waited for.
        n_processes: how many live.
        exact: the proportional size of all of them could be read.
    """

    memory_bytes: int
    cpu_s: float
    n_processes: int
    exact: bool


@dataclass(frozen=True, slots=True)
class _Stat:
    pid: int
    parent: int
    cpu_s: float
    resident_bytes: int


def usage(pid: int | None = None) -> Usage:
    """What a process (default: this one) and its descendants use at this moment."""
    family = _family(os.getpid() if pid is None else pid)
    memories = [(_proportional_bytes(stat.pid), stat.resident_bytes) for stat in family]
    return Usage(
        memory_bytes=sum(held if known is None else known for known, held in memories),
        cpu_s=sum(stat.cpu_s for stat in family),
        n_processes=len(family),
        exact=bool(family) and all(known is not None for known, _ in memories),
    )


def _family(root: int) -> list[_Stat]:
    """The process and its descendants."""
    children: dict[int, list[_Stat]] = defaultdict(list)
    family: list[_Stat] = []
    for stat in _all_stats():
        children[stat.parent].append(stat)
        if stat.pid == root:
            family.append(stat)
    for stat in family:  # grows while it is walked
        family.extend(children[stat.pid])
    return family


def _all_stats() -> list[_Stat]:
    try:
        pids = [int(name) for name in os.listdir(_PROC) if name.isdecimal()]  # noqa: PTH208
    except FileNotFoundError:
        return []
    stats = (_stat(pid) for pid in pids)
    return [stat for stat in stats if stat is not None]


def _stat(pid: int) -> _Stat | None:
    """None where the process is gone by now."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # The command may hold blanks and brackets; the last one closes it.
    fields = text.rpartition(")")[2].split()
    return _Stat(
        pid=pid,
        parent=int(fields[1]),
        cpu_s=sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"),
        resident_bytes=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
    )


def _proportional_bytes(pid: int) -> int | None:
    """None where it may not be read; 0 for a process that is gone or ended."""
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError:
        return None
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
