"""A wire to a server that can be cut: what a network does to a long upload."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK_BYTES = 16384


class CuttingProxy:
    """Passes bytes to a port of this machine and back, and cuts connections when told.

    ``cut_after_sent`` cuts a connection when the client has sent so many bytes,
    ``cut_at_answer`` when the server begins to answer, each for the next ``n_cuts``
    connections to which it happens.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.cut_after_sent: int | None = None
        self.cut_at_answer = False
        self.n_cuts = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            for pump in (self._send, self._answer):
                threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _send(self, client: socket.socket, server: socket.socket) -> None:
        n_sent = 0
        with suppress(OSError):
            while chunk := client.recv(_CHUNK_BYTES):
                n_sent += len(chunk)
                if self._is_enough(n_sent) and self._may_cut():
                    break
                server.sendall(chunk)
        _hang_up(client, server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while chunk := server.recv(_CHUNK_BYTES):
                if self.cut_at_answer and b" 100 Continue" not in chunk and self._may_cut():
                    break
                client.sendall(chunk)
        _hang_up(client, server)

    def _is_enough(self, n_sent: int) -> bool:
        return self.cut_after_sent is not None and n_sent > self.cut_after_sent

    def _may_cut(self) -> bool:
        self.n_cuts -= 1
        return self.n_cuts >= 0


@contextmanager
def proxy_to(port: int) -> Iterator[CuttingProxy]:
    """A proxy in front of a port, as long as the block runs."""
    proxy = CuttingProxy(port)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()


def _hang_up(*sockets: socket.socket) -> None:
    for sock in sockets:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
