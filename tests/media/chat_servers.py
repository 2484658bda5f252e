"""Real OpenAI-compatible servers on this machine: llama.cpp's and transformers' own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scenelake.workers.llama import await_answer, keep, quiet_params

from .ports import free_ports

_START_S = 120.0

Answer = tuple[int, Mapping[str, Any], Mapping[str, str]]
"""Status, body and headers."""


@dataclass(frozen=True, slots=True)
class ChatServer:
    """Where a server is, its key, and the name by which it knows its model."""

    url: str
    key: str
    model: str

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port


class _Server(ThreadingHTTPServer):
    """Its queue has room for all who come at once: the system would have them try again."""

    request_queue_size = 128


@contextmanager
def llama_server(
    gguf: Path, *, mmproj: Path | None = None, n_ctx: int = 2048, key: str = "sesame"
) -> Iterator[ChatServer]:
    """llama.cpp's server in this process, one core, one prompt at a time."""
    import xllamacpp

    params = quiet_params(gguf, n_ctx=n_ctx, mmproj=mmproj, on_gpu=False)
    params.n_threads_http = 8
    params.api_keys = [key]
    server = xllamacpp.Server(params)
    keep(server)
    address = server.listening_address
    await_answer(address)
    yield ChatServer(url=f"{address}/v1", key=key, model=gguf.stem)


@contextmanager
def scripted_server(answer: Callable[[dict[str, Any], str], Answer]) -> Iterator[ChatServer]:
    """Answers with what ``answer(request, authorization)`` gives."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body, headers = answer(request, self.headers.get("Authorization", ""))
            content = json.dumps(body).encode()
            self.send_response(status)
            own = {"Content-Type": "application/json", "Content-Length": str(len(content))}
            for name, value in (own | dict(headers)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield ChatServer(f"http://127.0.0.1:{server.server_port}/v1", key="", model="parrot")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(text: str, *, finish: str = "stop") -> Answer:
    """A chat completion of 7 and 3 tokens."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": finish, "message": message}
    return 200, {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}, {}


def refusal(status: int, message: str, **headers: str) -> Answer:
    return status, {"error": {"message": message, "code": status}}, headers


@contextmanager
def transformers_server(folder: Path, *, log: Path) -> Iterator[ChatServer]:
    """`transformers serve` with a model from a folder, in a process of its own."""
    (port,) = free_ports(1)
    command = [str(Path(sys.executable).with_name("transformers")), "serve", str(folder)]
    command += ["--port", str(port), "--host", "127.0.0.1", "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
    try:
        _await_health(port, process, log)
        yield ChatServer(url=f"http://127.0.0.1:{port}/v1", key="", model=str(folder))
    finally:
        process.terminate()
        process.wait()


def _await_health(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"transformers serve did not start: {log.read_text('utf-8')[-2000:]}")
