"""A proxy in front of a server of language models, with what goes wrong with such servers."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KINDS = ("429", "500", "slow", "cut", "body", "reply")
PLANTED = "I would rather talk about the weather."


@dataclass(slots=True)
class FaultProxy:
    """Passes requests on to a port of this machine, after some faults for some of them.

    Which faults a request meets, and how many before it gets through, depends on `seed` and on
    what it says, not on when it comes: equal runs meet equal faults, in whatever order.

    "429" comes with a Retry-After, "slow" answers after `slow_s`, "cut" ends within the body,
    "body" is not JSON, and "reply" is a chat completion whose message is not what was asked
    for, once for a prompt.

    Attributes:
        share: of requests that meet any fault.
        most: faults in a row.
        done: how often each fault was, and how many requests got through ("passed").
    """

    port: int
    seed: int = 0
    share: float = 0.5
    most: int = 3
    kinds: Sequence[str] = KINDS
    slow_s: float = 1.0
    retry_after: str = "0"
    done: Counter[str] = field(default_factory=Counter)
    url: str = ""
    _met: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self, body: bytes) -> str:
        """The fault that this request meets now; "passed" for none. Counts it."""
        with self._lock:
            faults = self._faults(body)
            key = hashlib.sha256(body).hexdigest()
            fault = faults[self._met[key]] if self._met[key] < len(faults) else "passed"
            self._met[key] += 1
            self.done[fault] += 1
            return fault

    def _faults(self, body: bytes) -> list[str]:
        chance = random.Random(hashlib.sha256(body + str(self.seed).encode()).digest())
        if chance.random() >= self.share:
            return []
        faults = [chance.choice(self.kinds) for _ in range(chance.randint(1, self.most))]
        return [f for f in faults if f != "reply" or PLANTED.encode() not in body]


@contextmanager
def faulty(proxy: FaultProxy) -> Iterator[FaultProxy]:
    """The proxy, listening as long as the block runs."""
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    proxy.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    """Its queue has room for all who come at once: the system would have them try again."""

    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    proxy: FaultProxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fault = self.proxy.next_fault(body)
        getattr(self, f"_{fault}")(body)

    def _passed(self, body: bytes) -> None:
        self._send(*self._ask(body))

    def _429(self, body: bytes) -> None:
        self._send(429, _error("too many requests"), {"Retry-After": self.proxy.retry_after})

    def _500(self, body: bytes) -> None:
        self._send(500, _error("out of order"))

    def _slow(self, body: bytes) -> None:
        time.sleep(self.proxy.slow_s)
        self.close_connection = True

    def _cut(self, body: bytes) -> None:
        status, answer = self._ask(body)
        self._send(status, answer, n_bytes=len(answer) // 2)
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _body(self, body: bytes) -> None:
        status, answer = self._ask(body)
        self._send(status, answer[: len(answer) // 2])

    def _reply(self, body: bytes) -> None:
        status, answer = self._ask(body)
        completion: dict[str, Any] = json.loads(answer)
        completion["choices"][0]["message"]["content"] = PLANTED
        self._send(status, json.dumps(completion).encode())

    def _ask(self, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json"}
        headers["Authorization"] = self.headers.get("Authorization", "")
        server = http.client.HTTPConnection("127.0.0.1", self.proxy.port)
        server.request("POST", self.path, body, headers)
        response = server.getresponse()
        answer = response.status, response.read()
        server.close()
        return answer

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        n_bytes: int | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:n_bytes])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message}}).encode()
