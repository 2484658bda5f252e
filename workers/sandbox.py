"""Runs calls in a child process that can be killed.

Film decoders hang, die of signals and eat memory. In a child they may: the call ends
with an error, the next one gets a fresh child, and this process goes on. It guards
against accidents, not against attacks: the child runs as the same user, and what it
answers is unpickled here.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any, Self

from scenelake.workers.sandbox_errors import (
    SandboxError,
    SandboxErrorType,
    died,
    stopped,
    too_large,
    too_long,
)
from scenelake.workers.sandbox_wire import Incoming, pack, pipe, send, unpack

__all__ = ["Sandbox", "SandboxError", "SandboxErrorType"]

logger = logging.getLogger(__name__)

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from scenelake.workers.sandbox_child import main; main(*map(int, sys.argv[2:]))"
)
_ENVIRONMENT = frozenset(
    "PATH HOME TMPDIR LANG TZ PYTHONPATH LD_LIBRARY_PATH OMP_NUM_THREADS "
    "XDG_CACHE_HOME SCENELAKE_MODELS HF_HOME HF_HUB_CACHE CUDA_VISIBLE_DEVICES".split()
)
_LOOK_S = 0.1
_GRACE_S = 5.0
"""A killed process is waited for this long: one that waits in the kernel may never go."""
_PIPE_BYTES = 1 << 16
_TAIL_BYTES = 4096


class Sandbox:
    """A child process for calls, started at the first one and kept for the next.

    The child has an environment of a few harmless variables, no open file of this
    process, its working directory and its `sys.path`, and ends with it. What is printed
    there is not shown; the end of it is in the notes of a `SandboxError`.

    Args:
        memory_bytes: what the child may hold in memory, its imports included. Pages of
            files do not count (the kernel can drop them), nor do processes that the child
            starts. Held on Linux only: elsewhere there is no such limit, and only an
            allocation that fails by itself is `out_of_memory`.
        name: what messages call the child.
        attempts: at a call whose child is killed by somebody else.
    """

    def __init__(self, *, memory_bytes: int, name: str = "decoder", attempts: int = 1) -> None:
        self._memory_bytes = memory_bytes
        self._name = name
        self._attempts = attempts
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def call(self, target: str, *args: Any, timeout_s: float) -> Any:
        """What ``package.module:function`` gives for `args`, run in the child.

        Arguments and result are pickled; arrays of the result are writable. Calls from
        several threads take turns, and the time of one starts with its turn; it includes
        the start of the child and the imports of `target`.

        Errors:
            SandboxError: it took too long, died, or wanted too much memory.
            Exception: whatever the function raised, with the child's traceback as a note.
        """
        message = pack((target, args))
        with self._lock:
            parts = self._exchanged(message, timeout_s)
            value, error, trace, lacks_memory = unpack(parts)
            if lacks_memory:
                self._drop()
        if error is None:
            return value
        error.add_note(f"In the {self._name}'s process:\n{trace}")
        if lacks_memory:
            raise too_large(self._name, memory_bytes=self._memory_bytes) from error
        raise error

    def close(self) -> None:
        """End the child, and with it a call that another thread waits for.

        A later call starts a new one.
        """
        child = self._child
        if child is not None:
            child.kill()
        with self._lock:
            self._drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _exchanged(self, message: list[memoryview], timeout_s: float) -> list[bytearray]:
        for attempt in range(1, self._attempts + 1):
            try:
                return self._exchange(message, timeout_s)
            except SandboxError as error:
                if not error.killed or attempt == self._attempts:
                    raise
                logger.warning("%s; the call is made again", error)
        raise AssertionError("the last attempt gives or raises")

    def _exchange(self, message: list[memoryview], timeout_s: float) -> list[bytearray]:
        try:
            return self._ready_child().exchange(message, timeout_s)
        except BaseException:  # Ctrl-C too: nobody waits for the answer any more
            self._drop()
            raise

    def _ready_child(self) -> _Child:
        if self._child is None or not self._child.is_fit():
            self._drop()
            child = _Child(self._name, self._memory_bytes)
            self._end_child = weakref.finalize(self, child.end)
            self._child = child
        return self._child

    def _drop(self) -> None:
        if self._child is not None:
            self._child = None
            self._end_child()


class _Child:
    """A running child as its parent sees it."""

    def __init__(self, name: str, memory_bytes: int) -> None:
        self._name = name
        self._memory_bytes = memory_bytes
        self._parent_pid = os.getpid()
        self._tail = b""
        self._killed = False
        requests, self._requests = pipe()
        self._results, results = pipe()
        lifeline, self._lifeline = pipe()
        with requests, results, lifeline:
            fds = (requests.fileno(), results.fileno(), lifeline.fileno())
            numbers = [str(n) for n in (*fds, self._parent_pid, memory_bytes)]
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, json.dumps([*map(str, sys.path)]), *numbers],
                bufsize=0,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=fds,
                env=_environment(),
                start_new_session=True,  # out of reach of the terminal's Ctrl-C
            )
        assert isinstance(self._process.stdout, FileIO)
        self._noise = self._process.stdout
        for stream in (self._requests, self._results, self._noise):
            os.set_blocking(stream.fileno(), False)

    def is_fit(self) -> bool:
        """Whether it lives and has room: no film should pay for what another one left."""
        return (
            self._parent_pid == os.getpid()
            and self._process.poll() is None
            and self._held_bytes() <= self._memory_bytes // 2
        )

    def exchange(self, message: list[memoryview], timeout_s: float) -> list[bytearray]:
        """Send a message and give the parts of the answer; after an error, end the child.

        Errors:
            SandboxError: no answer in time, a dead child, or one that holds too much.
        """
        self._hear()
        self._tail = b""
        try:
            return self._converse(message, time.monotonic() + timeout_s)
        except (EOFError, BrokenPipeError):
            raise self._death() from None
        except MemoryError as error:  # of an answer
            raise self._too_large() from error
        except TimeoutError:
            raise too_long(self._name, timeout_s=timeout_s, printed=self._printed()) from None

    def kill(self) -> None:
        """Stop the child and all that it started. A fork of the parent has no say."""
        self._killed = True
        if self._parent_pid == os.getpid():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Stop the child, bury it and close the pipes."""
        self.kill()
        try:
            self._process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:  # waits for a disk or a network in the kernel
            logger.warning("%s: process %d does not die", self._name, self._process.pid)
        for stream in (self._requests, self._results, self._lifeline, self._noise):
            stream.close()

    def _converse(self, message: list[memoryview], end_s: float) -> list[bytearray]:
        incoming = Incoming(self._results, self._memory_bytes)
        with selectors.DefaultSelector() as selector:
            write = partial(send, self._requests, deque(message))
            selector.register(self._requests, selectors.EVENT_WRITE, write)
            selector.register(self._results, selectors.EVENT_READ, incoming.take)
            selector.register(self._noise, selectors.EVENT_READ, self._hear)
            next_look_s = 0.0
            while not incoming.whole:
                now_s = time.monotonic()
                if now_s >= end_s:
                    raise TimeoutError
                if now_s >= next_look_s:
                    next_look_s = now_s + _LOOK_S
                    self._look()
                for key, _ in selector.select(min(_LOOK_S, end_s - now_s)):
                    if key.data():
                        selector.unregister(key.fileobj)
        return incoming.parts

    def _look(self) -> None:
        """See whether the child lives: its pipes may be held open by one that it started."""
        if self._process.poll() is not None:
            raise EOFError
        if self._held_bytes() > self._memory_bytes:
            raise self._too_large()

    def _held_bytes(self) -> int:
        """Memory that the kernel cannot take back (not pages of files); 0 without /proc."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return 0
        held = [x for x in status.splitlines() if x.startswith(("RssAnon:", "RssShmem:"))]
        return sum(int(line.split()[1]) << 10 for line in held)

    def _hear(self) -> bool:
        """Take what the child printed, and keep its end; True where no more can come."""
        chunk = self._noise.read(_PIPE_BYTES)
        self._tail = (self._tail + (chunk or b""))[-_TAIL_BYTES:]
        return chunk == b""

    def _death(self) -> SandboxError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        self._hear()
        exit_code = self._process.returncode
        if self._killed or exit_code is None:  # it closed its pipes, and lives
            return stopped(self._name, printed=self._printed())
        return died(
            self._name,
            exit_code=exit_code,
            memory_bytes=self._memory_bytes,
            printed=self._printed(),
        )

    def _too_large(self) -> SandboxError:
        return too_large(self._name, memory_bytes=self._memory_bytes, printed=self._printed())

    def _printed(self) -> str:
        return self._tail.decode("utf-8", errors="replace").strip()


def _environment() -> dict[str, str]:
    """What decoders may need of our environment: no credentials."""
    return {k: v for k, v in os.environ.items() if k in _ENVIRONMENT or k.startswith("LC_")}
