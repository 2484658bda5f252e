"""Messages on the pipes between a `Sandbox` and its child.

A message is a count of parts, the size of each, then the parts: a pickle (protocol 5) and
the buffers of its arrays, which are written and read in place, without a copy.
"""

from __future__ import annotations

import os
import pickle
import struct
from collections import deque
from collections.abc import Iterator
from io import FileIO
from typing import Any


def pack(value: Any) -> list[memoryview]:
    """A message, ready to be written piece by piece."""
    buffers: list[pickle.PickleBuffer] = []
    body = memoryview(pickle.dumps(value, protocol=5, buffer_callback=buffers.append))
    parts = [body, *(buffer.raw() for buffer in buffers)]
    sizes = [part.nbytes for part in parts]
    return [memoryview(struct.pack(f"<{len(parts) + 1}Q", len(parts), *sizes)), *parts]


def unpack(parts: list[bytearray]) -> Any:
    """What a message says; its arrays stay in the memory of `parts`, and are writable."""
    body, *buffers = parts
    return pickle.loads(body, buffers=buffers)


def receive(parts: list[bytearray], *, limit_bytes: int) -> Iterator[memoryview]:
    """Put a message into `parts`: each view that this gives is to be filled from the pipe.

    Errors:
        MemoryError: the message is larger than `limit_bytes`.
    """
    count = bytearray(8)
    yield memoryview(count)
    head = bytearray(_within(limit_bytes, 8 * struct.unpack("<Q", count)[0]))
    yield memoryview(head)
    sizes = [size for (size,) in struct.iter_unpack("<Q", head)]
    _within(limit_bytes, sum(sizes))
    for size in sizes:
        parts.append(bytearray(size))
        if size:
            yield memoryview(parts[-1])


class Incoming:
    """An answer as it comes in."""

    def __init__(self, stream: FileIO, limit_bytes: int) -> None:
        self.parts: list[bytearray] = []
        self._stream = stream
        self._views = receive(self.parts, limit_bytes=limit_bytes)
        self._view = next(self._views)

    @property
    def whole(self) -> bool:
        return not self._view

    def take(self) -> bool:
        """Take what is there; True where it is all.

        Errors:
            EOFError: the other end is closed.
            MemoryError: it is larger than the child may be.
        """
        while not self.whole:
            n_bytes = self._stream.readinto(self._view)
            if n_bytes is None:
                return False
            if n_bytes == 0:
                raise EOFError
            self._view = self._view[n_bytes:] or next(self._views, memoryview(b""))
        return True


def pipe() -> tuple[FileIO, FileIO]:
    """The reading and the writing end; other processes do not inherit them."""
    reader, writer = os.pipe()
    return FileIO(reader, "rb"), FileIO(writer, "wb")


def send(stream: FileIO, views: deque[memoryview]) -> bool:
    """Write what the pipe takes; True where all is written."""
    while views:
        view = views.popleft()
        n_bytes = stream.write(view) if view else 0
        if n_bytes is None:
            views.appendleft(view)
            return False
        if n_bytes < len(view):
            views.appendleft(view[n_bytes:])
    return True


def _within(limit_bytes: int, n_bytes: int) -> int:
    if n_bytes > limit_bytes:
        raise MemoryError(f"a message of {n_bytes} bytes, expected at most {limit_bytes}")
    return n_bytes
