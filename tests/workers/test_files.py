"""A film is a file on this machine while it is read, wherever it lies."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scenelake.schemas.errors import InputError
from scenelake.workers import files
from scenelake.workers.files import is_remote, local_copy
from scenelake.workers.probe import content_id, probe
from tests.media import films


class Handler(BaseHTTPRequestHandler):
    """Serves one film at /film.mp4, and at other addresses what goes wrong on the web."""

    film: bytes = b""
    n_served = 0

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        name = self.path.strip("/")
        if name.isdigit():
            self.send_error(int(name))
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.film)))
        self.end_headers()
        if with_body:
            type(self).n_served += 1
            self._send(name)

    def _send(self, name: str) -> None:
        half = len(self.film) // 2
        self.wfile.write(self.film[:half])
        if name == "stands_still.mp4":
            time.sleep(1.0)
        if name == "film.mp4":
            self.wfile.write(self.film[half:])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def film(media_dir: Path) -> Path:
    return films.silent(media_dir / "served.mp4", duration_s=2.0).path


@pytest.fixture
def site(film: Path) -> Iterator[str]:
    """A web server on this machine, as long as a test needs it."""
    Handler.film = film.read_bytes()
    Handler.n_served = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This test's own temporary folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def left(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_local_file_is_read_where_it_lies(film: Path, temporary: Path) -> None:
    for uri in (str(film), f"file://{film}"):
        with local_copy(uri, keep=False) as path:
            assert path == film
    assert film.exists()
    assert left(temporary) == []


def test_a_film_on_the_web_is_a_file_while_it_is_read(
    site: str, film: Path, temporary: Path
) -> None:
    uri = f"{site}/film.mp4"
    with local_copy(uri, keep=False) as path:
        assert content_id(path) == content_id(film)
        assert probe(path, uri=uri, video_id="film").duration_s == pytest.approx(2.0, abs=0.1)
    assert left(temporary) == []


def test_the_copy_goes_away_when_reading_fails(site: str, temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError), local_copy(f"{site}/film.mp4", keep=False):
        raise ZeroDivisionError
    assert left(temporary) == []


def test_a_copy_that_is_kept_is_not_fetched_again(site: str, temporary: Path) -> None:
    uri = f"{site}/film.mp4"
    with local_copy(uri, keep=True) as first:
        pass
    assert left(temporary) == [first]
    n_served = Handler.n_served
    with local_copy(uri, keep=False) as second:
        assert second == first
    assert Handler.n_served == n_served
    assert left(temporary) == []


@pytest.mark.parametrize(
    ("name", "error_type", "message"),
    [
        ("404", "not_found", "/404: not found"),
        ("410", "not_found", "/410: not found"),
        ("401", "permission", "/401: may not be read (HTTP 401)"),
        ("403", "permission", "/403: may not be read (HTTP 403)"),
        ("500", "not_found", "/500: cannot be fetched: HTTP 500"),
        ("503", "not_found", "/503: cannot be fetched: HTTP 503"),
        ("half.mp4", "not_found", "/half.mp4: cannot be fetched: "),
    ],
)
def test_what_the_web_refuses_is_told_in_one_line(
    site: str, temporary: Path, name: str, error_type: str, message: str
) -> None:
    check_refused(f"{site}/{name}", error_type, message)
    assert left(temporary) == []


def test_a_server_that_stands_still_is_given_up(
    site: str, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_SILENCE_S", 0.2)
    check_refused(f"{site}/stands_still.mp4", "not_found", "cannot be fetched: ")
    assert left(temporary) == []


def test_a_server_that_is_not_there_is_named(site: str) -> None:
    port = site.rpartition(":")[2]
    check_refused(f"https://127.0.0.1:{port}/x.mp4", "not_found", "/x.mp4: cannot be fetched: ")


def test_an_address_of_a_kind_that_nobody_knows_is_refused() -> None:
    check_refused("gopher://host/x.mp4", "unsupported", "Protocol not known: gopher")


@pytest.mark.parametrize(
    ("uri", "remote"),
    [
        ("http://host/a.mp4", True),
        ("s3://bucket/a.mp4", True),
        ("file:///films/a.mp4", False),
        ("/films/a.mp4", False),
        ("odd: name.mp4", False),
    ],
)
def test_only_an_address_with_a_scheme_is_remote(uri: str, remote: bool) -> None:
    assert is_remote(uri) is remote


def check_refused(uri: str, error_type: str, message: str) -> None:
    with pytest.raises(InputError) as caught, local_copy(uri, keep=False):
        pass
    assert caught.value.error_type == error_type
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(uri)
