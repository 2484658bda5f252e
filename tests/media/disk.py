"""Disks that take no more."""

from __future__ import annotations

import resource
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@contextmanager
def files_up_to(n_bytes: int) -> Iterator[None]:
    """A disk that takes no file larger than this."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


class NoMountsHereError(Exception):
    """This machine lets nobody mount a disk, not even in a namespace of his own."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A real disk, in memory; `path` leads to it from everywhere on the machine."""

    path: Path
    _place: Path
    _shell: subprocess.Popen[str]

    def remount(self, options: str) -> None:
        """``size=…`` in bytes, ``ro``, ``rw``."""
        self.order(f"mount -o remount,{options} {shlex.quote(str(self._place))}")

    def order(self, command: str) -> None:
        """Have the shell that lives where the disk is mounted do something."""
        stdin, stdout = self._shell.stdin, self._shell.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            print(f"{command} 2>&1 </dev/null; echo done $?", file=stdin, flush=True)
        except BrokenPipeError as error:
            raise NoMountsHereError from error
        said = _answer(stdout)
        if not said or said[-1] != "done 0\n":
            raise NoMountsHereError(" ".join(said))


@contextmanager
def small_disk(place: Path, *, n_bytes: int) -> Iterator[SmallDisk]:
    """A disk of this size, mounted over an empty folder in a namespace of its own.

    Errors:
        NoMountsHereError: that is not allowed.
    """
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh"]
    streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, stderr=subprocess.DEVNULL, **streams) as shell:
        disk = SmallDisk(Path(f"/proc/{shell.pid}/root{place}"), place, shell)
        try:
            disk.order(f"mount -t tmpfs -o size={n_bytes} none {shlex.quote(str(place))}")
            yield disk
        finally:
            shell.kill()


def _answer(lines: Any) -> list[str]:
    """What the shell says, its verdict last."""
    said: list[str] = []
    for line in lines:
        said.append(line)
        if line.startswith("done "):
            break
    return said
