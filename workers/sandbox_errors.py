"""How a call in a `Sandbox` may be ended, in words."""

from __future__ import annotations

import signal
from typing import Literal

from scenelake.schemas.errors import SceneLakeError

SandboxErrorType = Literal["timeout", "crashed", "out_of_memory"]

_NO_MEMORY = ("MemoryError", "bad_alloc")
"""On the last line of a Python, or a C++ program, that died of want of memory."""
_QUOTED_CHARS = 200


class SandboxError(SceneLakeError):
    """A call was ended: its time or memory was up, or the child died.

    The end of what the child printed, if it did, is a note. `killed`: by somebody else, as
    the system does when memory runs out, so that another attempt may go well.
    """

    def __init__(
        self, message: str, *, error_type: SandboxErrorType, printed: str | None = None
    ) -> None:
        super().__init__(message)
        self.error_type: SandboxErrorType = error_type
        self.killed = False
        if printed:
            self.add_note(f"It printed last:\n{printed}")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (str(self), self.error_type), self.__dict__


def too_long(name: str, *, timeout_s: float, printed: str) -> SandboxError:
    text = f"{name} did not end within {timeout_s:g} s and was stopped"
    return SandboxError(text, error_type="timeout", printed=printed)


def too_large(name: str, *, memory_bytes: int, printed: str = "") -> SandboxError:
    text = f"{name} wanted more than {memory_bytes / (1 << 30):.1f} GiB of memory"
    return SandboxError(text, error_type="out_of_memory", printed=printed)


def died(name: str, *, exit_code: int, memory_bytes: int, printed: str) -> SandboxError:
    """Of a child that ended by itself; `exit_code` is minus the signal, if one it was."""
    last_line = printed.rpartition("\n")[2]
    if exit_code and any(word in last_line for word in _NO_MEMORY):
        return too_large(name, memory_bytes=memory_bytes, printed=printed)
    quoted = " ".join(last_line.split())[:_QUOTED_CHARS]
    text = f"{name} {_how(exit_code)}" + (f"; it printed last: {quoted}" if quoted else "")
    error = SandboxError(text, error_type="crashed", printed=printed)
    error.killed = exit_code == -signal.SIGKILL
    return error


def stopped(name: str, *, printed: str) -> SandboxError:
    text = f"{name} was stopped before it had answered"
    return SandboxError(text, error_type="crashed", printed=printed)


def _how(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended by itself with exit code {exit_code}"
    if exit_code == -signal.SIGKILL:
        return "died of SIGKILL, as processes do when the system runs out of memory"
    known = {int(s): s.name for s in signal.Signals}
    return f"died of {known.get(-exit_code, f'signal {-exit_code}')}"


def _rebuild(message: str, error_type: SandboxErrorType) -> SandboxError:
    """Unpickle a :class:`SandboxError`: keyword-only arguments need a helper."""
    return SandboxError(message, error_type=error_type)
