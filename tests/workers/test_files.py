"""A film is a file on this machine while it is read, wherever it lies."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scenelake.schemas.errors import InputError, SceneLakeError, TransientError, UsageError
from scenelake.workers import copies, download, http
from scenelake.workers.files import forget_copy, is_remote, local_copy
from scenelake.workers.probe import content_id, probe
from tests.media import films
from tests.media.disk import files_up_to
from tests.media.s3 import S3Server
from tests.media.site import Site, serving

MB = 1 << 20
TINY = os.urandom(3000)


@pytest.fixture(scope="module")
def film(media_dir: Path) -> Path:
    return films.silent(media_dir / "served.mp4", duration_s=2.0).path


@pytest.fixture
def site(film: Path) -> Iterator[Site]:
    files = {"film.mp4": film.read_bytes(), "tiny.mp4": TINY, "two%20words.mp4": TINY}
    with serving(Site(files)) as site:
        yield site


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This test's own temporary folder, and no long waits between attempts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(download, "_WAIT_S", 0.01)
    return folder


def left(folder: Path) -> list[Path]:
    """The copies and parts of copies in a temporary folder; locks are empty files."""
    return [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock"]


def fetch(uri: str) -> bytes:
    with local_copy(uri) as path:
        return path.read_bytes()


def test_a_local_file_is_read_where_it_lies(film: Path, temporary: Path) -> None:
    for uri in (str(film), f"file://{film}"):
        with local_copy(uri) as path:
            assert path == film
        forget_copy(uri)
    assert film.exists()
    assert left(temporary) == []


def test_a_film_on_the_web_is_a_file_while_it_is_read(site: Site, film: Path) -> None:
    uri = f"{site.url}/film.mp4"
    with local_copy(uri) as path:
        assert content_id(path) == content_id(film)
        assert probe(path, uri=uri, video_id="film").duration_s == pytest.approx(2.0, abs=0.1)


def test_blanks_in_an_address_are_no_trouble(site: Site) -> None:
    assert fetch(f"{site.url}/two words.mp4") == TINY
    assert fetch(f"{site.url}/two%20words.mp4") == TINY


def test_a_copy_serves_all_clips_of_a_film_until_it_is_forgotten(
    site: Site, temporary: Path
) -> None:
    uri = f"{site.url}/tiny.mp4"
    assert [fetch(uri) for _ in range(3)] == [TINY] * 3
    assert site.n_served == 1
    forget_copy(uri)
    assert list(temporary.rglob("*.*")) == []
    assert fetch(uri) == TINY
    assert site.n_served == 2


def test_a_copy_survives_what_goes_wrong_while_it_is_read(site: Site) -> None:
    uri = f"{site.url}/tiny.mp4"
    with pytest.raises(ZeroDivisionError), local_copy(uri):
        raise ZeroDivisionError
    assert fetch(uri) == TINY
    assert site.n_served == 1


def test_of_many_that_want_a_film_one_fetches_it(site: Site) -> None:
    uri = f"{site.url}/tiny.mp4"
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(fetch, [uri] * 6)) == [TINY] * 6
    assert site.n_served == 1


def test_two_processes_share_one_copy(site: Site, temporary: Path) -> None:
    code = textwrap.dedent(
        f"""
        from scenelake.workers.files import local_copy
        with local_copy("{site.url}/tiny.mp4") as path:
            print(path.stat().st_size)
        """
    )
    command = [sys.executable, "-c", code]
    env = os.environ | {"TMPDIR": str(temporary)}
    both = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == [b"3000\n"] * 2
    assert site.n_served == 1


def test_a_copy_in_use_is_not_forgotten(site: Site) -> None:
    uri = f"{site.url}/tiny.mp4"
    with local_copy(uri) as path:
        forget_copy(uri)
        assert path.read_bytes() == TINY
    forget_copy(uri)
    assert not path.exists()


def test_a_film_that_has_another_size_now_is_fetched_anew(site: Site) -> None:
    uri = f"{site.url}/tiny.mp4"
    fetch(uri)
    site.files["tiny.mp4"] = TINY + b"and more"
    assert fetch(uri) == TINY + b"and more"
    assert site.n_served == 2


def test_a_copy_is_good_while_its_server_is_away(site: Site) -> None:
    uri = f"{site.url}/tiny.mp4"
    fetch(uri)
    del site.files["tiny.mp4"]
    assert fetch(uri) == TINY


# The cache and its limit


def test_the_copy_used_longest_ago_makes_room(
    site: Site, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(copies.LIMIT_VARIABLE, str(2 * len(TINY)))
    uris = [f"{site.url}/{name}.mp4" for name in "abc"]
    site.files |= {f"{name}.mp4": TINY for name in "abc"}
    for use, uri in enumerate([uris[0], uris[1], uris[0]]):
        fetch(uri)
        os.utime(copies.path_of(uri), (use, use))
    fetch(uris[2])
    assert set(left(temporary)) == {copies.path_of(uris[0]), copies.path_of(uris[2])}


def test_a_copy_in_use_makes_no_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(copies.LIMIT_VARIABLE, "1")
    site.files["other.mp4"] = TINY
    with local_copy(f"{site.url}/tiny.mp4") as path, local_copy(f"{site.url}/other.mp4") as other:
        assert path.read_bytes() == other.read_bytes() == TINY


def test_what_a_killed_download_left_makes_room(
    site: Site, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(copies.LIMIT_VARIABLE, str(len(TINY)))
    part = copies.part_of(copies.path_of("http://host/killed.mp4"))
    part.write_bytes(b"half")
    fetch(f"{site.url}/tiny.mp4")
    assert left(temporary) == [copies.path_of(f"{site.url}/tiny.mp4")]


def test_a_limit_that_is_no_number_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(copies.LIMIT_VARIABLE, "20GB")
    with pytest.raises(UsageError, match="SCENELAKE_COPIES_BYTES=20GB: expected a whole number"):
        fetch(f"{site.url}/tiny.mp4")


def test_a_film_larger_than_the_disk_is_not_begun(
    site: Site, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(copies.shutil, "disk_usage", lambda _: usage(9000, 7000, 2000))
    with pytest.raises(TransientError) as caught:
        fetch(f"{site.url}/tiny.mp4")
    assert str(caught.value) == (
        f"{temporary}: the temporary folder cannot hold a copy: 3000 bytes are to come and 2000 "
        "are free; make room there or set TMPDIR to another folder"
    )
    assert left(temporary) == []


def test_a_disk_that_fills_up_meanwhile_is_named(site: Site, temporary: Path) -> None:
    site.files["big.mp4"] = bytes(2 * MB)
    told = rf"^{temporary}: .*: File too large; make room"
    with files_up_to(MB), pytest.raises(TransientError, match=told):
        fetch(f"{site.url}/big.mp4")
    assert left(temporary) == []


# The network


def test_a_download_that_breaks_off_goes_on_where_it_was(site: Site) -> None:
    site.files["big.mp4"] = os.urandom(3 * MB)
    site.breaks["big.mp4"] = [MB, MB]
    assert fetch(f"{site.url}/big.mp4") == site.files["big.mp4"]
    assert site.asked_from == [MB, 2 * MB]


def test_a_server_without_ranges_is_asked_for_all_again(site: Site) -> None:
    site.knows_ranges = False
    site.breaks["tiny.mp4"] = [1000]
    assert fetch(f"{site.url}/tiny.mp4") == TINY


def test_a_film_that_changes_while_it_is_fetched_is_never_half_old(site: Site) -> None:
    site.files["big.mp4"] = bytes(3 * MB)
    site.breaks["big.mp4"] = [MB]
    site.waits_s = 0.3
    newer = os.urandom(3 * MB)
    change = threading.Timer(0.15, lambda: site.files.update({"big.mp4": newer}))
    change.start()
    assert fetch(f"{site.url}/big.mp4") == newer


def test_a_server_that_always_breaks_off_is_given_up(site: Site, temporary: Path) -> None:
    site.breaks["tiny.mp4"] = [10] * 100
    check_refused(f"{site.url}/tiny.mp4", TransientError, "cannot be fetched: it broke off at byte")
    assert site.n_served == 4
    assert left(temporary) == []


def test_a_server_that_stands_still_is_given_up(
    site: Site, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "SILENCE_S", 0.1)
    site.breaks["tiny.mp4"], site.waits_s = [10] * 100, 0.5
    check_refused(f"{site.url}/tiny.mp4", TransientError, "cannot be fetched: timed out")
    assert left(temporary) == []


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_server_that_stumbles_may_be_asked_later(site: Site, status: int) -> None:
    uri = f"{site.url}/{status}"
    check_refused(uri, TransientError, f"/{status}: cannot be fetched: HTTP {status}")


@pytest.mark.parametrize(
    ("status", "error_type", "message"),
    [
        (404, "not_found", "/404: not found"),
        (410, "not_found", "/410: not found"),
        (401, "permission", "/401: may not be read (HTTP 401)"),
        (403, "permission", "/403: may not be read (HTTP 403)"),
        (400, "not_found", "/400: cannot be fetched: HTTP 400"),
    ],
)
def test_what_the_web_refuses_is_told_in_one_line(
    site: Site, temporary: Path, status: int, error_type: str, message: str
) -> None:
    assert check_refused(f"{site.url}/{status}", InputError, message) == error_type
    assert left(temporary) == []


def test_a_server_that_is_not_there_is_named(site: Site) -> None:
    port = site.url.rpartition(":")[2]
    uri = f"https://127.0.0.1:{port}/x.mp4"
    check_refused(uri, TransientError, "/x.mp4: cannot be fetched: ")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("gopher://host/x.mp4", "Protocol not known: gopher"),
        ("http://host:port/x.mp4", "nonnumeric port"),
    ],
)
def test_an_address_that_nobody_understands_is_refused(uri: str, message: str) -> None:
    assert check_refused(uri, InputError, message) == "unsupported"


# A bucket


def test_a_film_in_a_bucket_is_fetched_once(s3_user: S3Server, film: Path, temporary: Path) -> None:
    s3_user.put("in/my film ü.mp4", film.read_bytes())
    uri = s3_user.uri("in/my film ü.mp4")
    with local_copy(uri) as path:
        assert content_id(path) == content_id(film)
        written = path.stat().st_ino
    with local_copy(uri) as path:
        assert path.stat().st_ino == written
    s3_user.put("in/my film ü.mp4", TINY)
    assert fetch(uri) == TINY
    assert len(left(temporary)) == 1


def test_a_film_that_a_bucket_lacks_is_not_found(s3_user: S3Server, temporary: Path) -> None:
    assert check_refused(s3_user.uri("in/none.mp4"), InputError, "not found") == "not_found"
    assert check_refused("s3://no-bucket/a.mp4", InputError, "not found") == "not_found"
    assert left(temporary) == []


def test_a_bucket_that_somebody_may_not_read_is_told(
    s3_user: S3Server, s3_environment: Callable[..., None]
) -> None:
    s3_user.put("in/film.mp4", TINY)
    s3_environment(AWS_SECRET_ACCESS_KEY="guessed")
    uri = s3_user.uri("in/film.mp4")
    assert check_refused(uri, InputError, "may not be read: Forbidden") == "permission"


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


def check_refused(uri: str, kind: type[SceneLakeError], message: str) -> str | None:
    """An InputError's type, after a look at its words."""
    with pytest.raises(kind) as caught, local_copy(uri):
        pass
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(uri)
    return getattr(caught.value, "error_type", None)
