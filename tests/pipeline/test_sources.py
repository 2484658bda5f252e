"""What a user names becomes a list of films, each once."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenelake.pipeline.sources import expand
from scenelake.schemas.errors import UsageError
from tests.media.s3 import S3Server

Write = Callable[[Path, list[str]], None]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Films in folders, with what lies around in archives."""
    folder = tmp_path / "archive"
    names = ["b.mp4", "a.MKV", "sub/c.webm", "sub/deeper/d.wav"]
    others = ["notes.txt", "poster.jpg", ".hidden.mp4", ".trash/e.mp4", "sub/subtitles.srt"]
    for name in [*names, *others]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film")
    (folder / "empty").mkdir()
    (folder / "looks_like.mp4").mkdir()
    return folder


def told(archive: Path, *names: str) -> list[str]:
    return [str(archive / name) for name in names]


def test_a_folder_is_walked_for_films_in_order_of_name(archive: Path) -> None:
    expected = told(archive, "a.MKV", "b.mp4", "sub/c.webm", "sub/deeper/d.wav")
    assert expand([str(archive)]) == expected


def test_folders_that_are_linked_are_walked_too_and_each_once(
    archive: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "e.mp4").write_bytes(b"film")
    (elsewhere / "up").symlink_to(archive)
    (archive / "link1").symlink_to(elsewhere)
    (archive / "link2").symlink_to(elsewhere)
    (archive / "sub" / "back").symlink_to(archive / "sub")
    names = ["a.MKV", "b.mp4", "link1/e.mp4", "sub/c.webm", "sub/deeper/d.wav"]
    assert expand([str(archive)]) == told(archive, *names)


def test_a_link_that_leads_nowhere_is_not_passed_over_in_silence(archive: Path) -> None:
    (archive / "moved.mp4").symlink_to("to_the_other_disk.mp4")
    (archive / "round.mp4").symlink_to("round.mp4")
    (archive / "notes2.txt").symlink_to("nowhere.txt")
    names = ["a.MKV", "b.mp4", "moved.mp4", "round.mp4", "sub/c.webm", "sub/deeper/d.wav"]
    assert expand([str(archive)]) == told(archive, *names)
    assert expand([str(archive / "m*.mp4")]) == told(archive, "moved.mp4")


def test_a_folder_that_cannot_be_listed_is_not_passed_over_in_silence(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = str(archive / "sub")
    monkeypatch.setattr(os, "scandir", partial(_scandir_except, closed, os.scandir))
    assert expand([str(archive)]) == told(archive, "a.MKV", "b.mp4", "sub")


def _scandir_except(closed: str, scandir: Callable[[str], Any], path: str) -> Any:
    if path == closed:
        raise PermissionError(errno.EACCES, "Permission denied", path)
    return scandir(path)


def test_what_is_neither_file_nor_folder_is_no_film(archive: Path) -> None:
    os.mkfifo(archive / "pipe.mp4")
    assert str(archive / "pipe.mp4") not in expand([str(archive)])


def test_a_named_file_is_taken_whatever_it_is_called(archive: Path) -> None:
    names = ["poster.jpg", ".hidden.mp4", "sub/subtitles.srt"]
    assert expand(told(archive, *names)) == told(archive, *names)


def test_addresses_are_absolute(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(archive)
    assert expand(["b.mp4", "sub"]) == told(archive, "b.mp4", "sub/c.webm", "sub/deeper/d.wav")


def test_a_glob_is_expanded(archive: Path) -> None:
    assert expand([str(archive / "*.mp4")]) == told(archive, "b.mp4")
    every = expand([str(archive / "**" / "*.w*")])
    assert every == told(archive, "sub/c.webm", "sub/deeper/d.wav")


def test_a_file_whose_name_looks_like_a_glob_is_that_file(archive: Path) -> None:
    odd = archive / "take[1].mp4"
    odd.write_bytes(b"film")
    assert expand([str(odd)]) == [str(odd)]


def test_a_film_named_twice_comes_once_in_the_order_named(archive: Path) -> None:
    inputs = [*told(archive, "sub/c.webm", "b.mp4"), str(archive), f"file://{archive}/b.mp4"]
    expected = told(archive, "sub/c.webm", "b.mp4", "a.MKV", "sub/deeper/d.wav")
    assert expand(inputs) == expected


def test_a_missing_file_stays_so_that_it_fails_alone(archive: Path) -> None:
    assert expand(told(archive, "gone.mp4", "b.mp4")) == told(archive, "gone.mp4", "b.mp4")


@pytest.mark.parametrize("uri", ["http://host/a.mp4", "https://host/f.mp4?a=[1]*", "s3://b/a.mp4"])
def test_a_remote_address_is_left_as_it_is(uri: str) -> None:
    assert expand([uri]) == [uri]


def write_txt(path: Path, uris: list[str]) -> None:
    path.write_text("\n".join(["# films of the archive", "", *uris, ""]), "utf-8")


def write_jsonl(path: Path, uris: list[str]) -> None:
    path.write_text("\n\n".join(json.dumps({"uri": uri, "year": 1962}) for uri in uris), "utf-8")


def write_csv(path: Path, uris: list[str]) -> None:
    path.write_text("year,uri\n" + "".join(f'1962,"{uri}"\n' for uri in uris), "utf-8")


def write_parquet(path: Path, uris: list[str]) -> None:
    pq.write_table(pa.table({"year": [1962] * len(uris), "uri": uris}), path)


WRITERS: dict[str, Write] = {
    "txt": write_txt,
    "jsonl": write_jsonl,
    "csv": write_csv,
    "parquet": write_parquet,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_manifest_names_films_beside_it(
    archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    absolute = str(tmp_path / "other, really.mp4")
    manifest = archive / f"films.{kind}"
    WRITERS[kind](manifest, ["b.mp4", "sub/c.webm", absolute, "https://host/x.mp4", "b.mp4"])
    expected = [*told(archive, "b.mp4", "sub/c.webm"), absolute, "https://host/x.mp4"]
    assert expand([str(manifest)]) == expected


@pytest.mark.parametrize("kind", ["txt", "jsonl", "csv"])
def test_a_manifest_saved_by_a_spreadsheet_or_an_editor_of_windows_is_read(
    archive: Path, kind: str
) -> None:
    manifest = archive / f"films.{kind}"
    WRITERS[kind](manifest, ["b.mp4", "é.mp4"])
    text = manifest.read_text("utf-8").removeprefix("# films of the archive\n\n")
    manifest.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    assert expand([str(manifest)]) == told(archive, "b.mp4", "é.mp4")


BROKEN: dict[str, tuple[bytes, str]] = {
    "none.txt": (b"# nothing\n\n", "the manifest names no film"),
    "latin.txt": (b"caf\xe9.mp4\n", "is not a text in UTF-8"),
    "bad.jsonl": (b'{"uri": "a.mp4"}\n{"uri": \n', r"bad\.jsonl:2: is not JSON"),
    "nouri.jsonl": (b'{"url": "a.mp4"}\n', r"nouri\.jsonl:1: has no 'uri'"),
    "list.jsonl": (b'["a.mp4"]\n', r"list\.jsonl:1: has no 'uri'"),
    "number.jsonl": (b'{"uri": 7}\n', r"number\.jsonl:1: has no 'uri'"),
    "nouri.csv": (b"url\na.mp4\n", "has no column named 'uri'"),
    "short.csv": (b"year,uri\n1962\n", r"short\.csv:2: has no 'uri'"),
    "empty.csv": (b"", "has no column named 'uri'"),
    "text.parquet": (b"not parquet at all", "is not a Parquet file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_manifest_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    content, message = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    check_refused(str(tmp_path / name), message)


@pytest.mark.parametrize("column", [["a.mp4", None], [1, 2]])
def test_a_parquet_manifest_must_name_a_film_in_each_row(
    tmp_path: Path, column: list[object]
) -> None:
    path = tmp_path / "films.parquet"
    pq.write_table(pa.table({"uri": column}), path)
    check_refused(str(path), r"films\.parquet: row \d: has no 'uri'")


def test_a_parquet_manifest_without_the_column_says_which(tmp_path: Path) -> None:
    path = tmp_path / "films.parquet"
    pq.write_table(pa.table({"url": ["a.mp4"]}), path)
    check_refused(str(path), "has no column named 'uri'")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("archive/empty", "no film in this folder"),
        ("archive/*.ogv", "no file matches"),
        ("archive/gone.csv", "cannot be read: No such file"),
    ],
)
def test_what_gives_no_film_is_refused_in_one_line(archive: Path, item: str, message: str) -> None:
    check_refused(str(archive.parent / item), message)


@pytest.fixture
def bucket_archive(s3_user: S3Server) -> str:
    """The same films and what lies around, in a bucket."""
    names = ["b.mp4", "a.MKV", "sub/c.webm", "sub/deeper/d e.wav", "odd [1].mp4", "raw"]
    others = ["notes.txt", ".hidden.mp4", ".trash/e.mp4", "sub/subtitles.srt"]
    for name in [*names, *others]:
        s3_user.put(f"archive/{name}", b"film")
    s3_user.put("archived.mp4", b"film")
    return s3_user.uri("archive")


def test_a_folder_of_a_bucket_is_walked_for_films(bucket_archive: str) -> None:
    names = ["a.MKV", "b.mp4", "odd [1].mp4", "sub/c.webm", "sub/deeper/d e.wav"]
    expected = [f"{bucket_archive}/{name}" for name in names]
    assert expand([bucket_archive]) == expand([f"{bucket_archive}/"]) == expected


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.mp4", [".hidden.mp4", "b.mp4", "odd [1].mp4"]),
        ("**/*.w*", ["sub/c.webm", "sub/deeper/d e.wav"]),
        ("odd [1].mp4", ["odd [1].mp4"]),
    ],
)
def test_a_glob_in_a_bucket_gives_what_it_matches(
    bucket_archive: str, pattern: str, names: list[str]
) -> None:
    assert expand([f"{bucket_archive}/{pattern}"]) == [f"{bucket_archive}/{n}" for n in names]


def test_a_film_named_in_a_bucket_stays_as_it_is(bucket_archive: str) -> None:
    named = [f"{bucket_archive}/{name}" for name in ("b.mp4", "raw", "gone.mp4", "gone")]
    assert expand(named) == named


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("s3://films/archive/empty/", "no film in this folder"),
        ("s3://films/archive/*.ogv", "no file matches"),
        ("gopher://host/films", "Protocol not known"),
    ],
)
def test_what_gives_no_film_in_a_bucket_is_refused(
    bucket_archive: str, item: str, message: str
) -> None:
    check_refused(item, message)


def test_a_bucket_that_may_not_be_listed_is_refused(
    bucket_archive: str, s3_environment: Callable[..., None]
) -> None:
    s3_environment(AWS_SECRET_ACCESS_KEY="guessed")
    check_refused(bucket_archive, "cannot be listed: ")
    check_refused(f"{bucket_archive}/*.mp4", "cannot be listed: ")


def check_refused(item: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        expand([item])
    assert "\n" not in str(caught.value)
    assert Path(item).name in str(caught.value)
