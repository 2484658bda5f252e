"""A web server on this machine, with what goes wrong on the web at some of its addresses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Site:
    """Serves files by name; ``/404`` and the like answer with that status.

    ``breaks`` says of a file at which bytes its next connections break off, ``waits_s`` how
    long they stand still there. ``knows_ranges`` is what most servers do, and not all.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    breaks: dict[str, list[int]] = field(default_factory=dict)
    waits_s: float = 0.0
    knows_ranges: bool = True
    n_served: int = 0
    asked_from: list[int] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """The site, on the air as long as the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site}))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        content = self._answer()
        if content is not None:
            self.site.n_served += 1
            self._send(content)

    def _answer(self) -> bytes | None:
        """Send the head; give what the body is to be."""
        name = self.path.strip("/")
        if name.isdigit() or name not in self.site.files:
            self.send_error(int(name) if name.isdigit() else 404)
            return None
        content, start = self.site.files[name], self._start()
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hash(content)}"')
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        return content[start:]

    def _start(self) -> int:
        asked = self.headers.get("Range")
        if asked is None or not self.site.knows_ranges or self.command == "HEAD":
            return 0
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.site.asked_from.append(start)
        content = self.site.files[self.path.strip("/")]
        return start if self.headers.get("If-Range") == f'"{hash(content)}"' else 0

    def _send(self, content: bytes) -> None:
        breaks = self.site.breaks.get(self.path.strip("/"))
        if breaks:
            self.wfile.write(content[: breaks.pop(0)])
            time.sleep(self.site.waits_s)
        else:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
