"""Ports for servers that are told where to listen."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

_OURS = range(20_000, 32_768)
"""Below those that Linux gives to outgoing connections: Ray next door makes hundreds, and a port
that is free now is another's before a server has started. Above those of Ray's own workers."""


def free_ports(n: int) -> list[int]:
    """Ports that nobody listens on now, all different."""
    with ExitStack() as stack:
        found: list[int] = []
        while len(found) < n:
            port = random.choice(_OURS)
            if _can_listen(stack.enter_context(socket.socket()), port):
                found.append(port)
        return found


def _can_listen(sock: socket.socket, port: int) -> bool:
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
