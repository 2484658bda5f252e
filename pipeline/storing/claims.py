"""Which run has which film in hand, so that two runs on one lake do not work twice.

LAKE/_staging/_runs/<run_id>       a sign of life, renewed while the run lives
LAKE/_staging/<video_id>/claim     a run has taken this film

A claim is as good as its run: dead is a run whose sign is gone or was not renewed for
`EXPIRES_S`, or whose process, on this very machine, is gone. What a dead run claimed is
taken over. Should two take a film over in the same instant, the worst is work done twice:
what is written is written whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scenelake.pipeline.storing.folder import Folder
from scenelake.schemas.errors import LakeError

EXPIRES_S = 120.0
_RENEW_S = 20.0


@dataclass(frozen=True, slots=True)
class Claims:
    """A run's claims on films."""

    folder: Folder
    run_id: str

    def take(self, video_id: str, *, uri: str) -> tuple[str, str] | None:
        """Claim a film.

        Returns:
            None if it is this input's; else run and address of the input that has it.
        """
        name, mine = _claim(video_id), json.dumps({"run_id": self.run_id, "uri": uri}).encode()
        if self.folder.create(name, mine):
            return None
        holder = self._holder(video_id)
        if holder is None or (holder[0] != self.run_id and not self._lives(holder[0])):
            self.folder.write(name, mine)
            return None
        return None if holder == (self.run_id, uri) else holder

    def holds(self, video_id: str) -> bool:
        """Whether the film is still this run's."""
        holder = self._holder(video_id)
        return holder is not None and holder[0] == self.run_id

    def is_free(self, video_id: str) -> bool:
        """Whether no living run has the film in hand."""
        holder = self._holder(video_id)
        return holder is None or not self._lives(holder[0])

    def release(self, video_id: str) -> None:
        """Give a film free that is this run's."""
        if self.holds(video_id):
            self.folder.remove(_claim(video_id))
            if not self.folder.folders(f"_staging/{video_id}"):
                self.folder.remove_tree(f"_staging/{video_id}")

    @contextlib.contextmanager
    def alive(self) -> Iterator[None]:
        """Show a sign of life until the block ends; those of the dead are swept away."""
        for run_id in self.folder.names("_staging/_runs"):
            if not self._lives(run_id):
                self.folder.remove(_sign(run_id))
        sign = json.dumps(_process()).encode()
        self.folder.write(_sign(self.run_id), sign)
        ended = threading.Event()
        renewer = threading.Thread(
            target=self._renew, args=(sign, ended), name="sign-of-life", daemon=True
        )
        renewer.start()
        try:
            yield
        finally:
            ended.set()
            renewer.join(_RENEW_S)
            with contextlib.suppress(LakeError):  # a lost lake is told of already
                self.folder.remove(_sign(self.run_id))

    def _renew(self, sign: bytes, ended: threading.Event) -> None:
        while not ended.wait(_RENEW_S):
            with contextlib.suppress(LakeError):  # a step will meet the same and tell it
                self.folder.write(_sign(self.run_id), sign)

    def _holder(self, video_id: str) -> tuple[str, str] | None:
        try:
            claim = json.loads(self.folder.read(_claim(video_id)))
            return str(claim["run_id"]), str(claim["uri"])
        except (FileNotFoundError, ValueError, KeyError):
            return None

    def _lives(self, run_id: str) -> bool:
        try:
            sign = json.loads(self.folder.read(_sign(run_id)))
        except (FileNotFoundError, ValueError):
            return False
        age_s = self.folder.age_s(_sign(run_id))
        if age_s is None or age_s > EXPIRES_S:
            return False
        here = _machine() == sign.get("machine")
        return not here or _started(int(sign["pid"])) == sign["started"]


def _claim(video_id: str) -> str:
    return f"_staging/{video_id}/claim"


def _sign(run_id: str) -> str:
    return f"_staging/_runs/{run_id}"


def _process() -> dict[str, str | int | None]:
    return {"machine": _machine(), "pid": os.getpid(), "started": _started(os.getpid())}


def _machine() -> str:
    """This machine since it was last started, without naming it."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    since = boot.read_text("utf-8").strip() if boot.exists() else hex(uuid.getnode())
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{socket.gethostname()} {since} {_namespace()}"))


def _namespace() -> str:
    """Containers of one machine count their processes apart."""
    link = Path("/proc/self/ns/pid")
    return str(link.readlink()) if link.is_symlink() else ""


def _started(pid: int) -> str | None:
    """When a process was started, in the machine's own count; None if it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text("utf-8").rpartition(")")[2].split()[19]
    except (FileNotFoundError, ProcessLookupError):
        return _by_signal(pid)


def _by_signal(pid: int) -> str | None:
    """Where there is no /proc: whether there is such a process at all."""
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return "there"  # somebody else's
    return "there"
