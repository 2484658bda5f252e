"""From what a user names (files, folders, globs, addresses, manifests) to a list of films."""

from __future__ import annotations

import csv
import glob
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from scenelake.schemas.errors import UsageError
from scenelake.workers.files import is_remote, local_path
from scenelake.workers.remote import filesystem, is_trouble, words

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

MEDIA_SUFFIXES = frozenset(
    """
    .3g2 .3gp .aac .ac3 .aif .aiff .amr .asf .avi .divx .dv .f4v .flac .flv .gif .gxf .h264
    .hevc .m1v .m2t .m2ts .m2v .m4a .m4b .m4v .mka .mkv .mov .mp2 .mp3 .mp4 .mpe .mpeg .mpg
    .mts .mxf .nut .oga .ogg .ogm .ogv .opus .qt .ra .rm .rmvb .swf .ts .vob .wav .webm .wma
    .wmv .wtv .wv
    """.split()
)
"""What a walk through a folder takes for a film. A file that is named itself is always tried."""

_MANIFESTS = (".txt", ".jsonl", ".csv", ".parquet")
_GLOB_MARKS = frozenset("*?[")


def expand(inputs: Iterable[str]) -> list[str]:
    """Addresses of films, each once, in the order named; a folder's in order of name.

    A named file that does not exist stays in the list: it fails alone, with a row.

    Errors:
        UsageError: a folder, glob or manifest that gives nothing or cannot be read.
    """
    uris = [uri for item in inputs for uri in _expand_one(item)]
    return list(dict.fromkeys(uris))


def _expand_one(item: str) -> list[str]:
    if is_remote(item):
        return _expand_remote(item)
    path = local_path(item)
    if path.is_dir():
        return _required(sorted(_walk(path)), f"{item}: no film in this folder")
    if path.suffix.lower() in _MANIFESTS:
        return _required(list(_manifest(path)), f"{item}: the manifest names no film")
    if not path.exists() and _GLOB_MARKS & set(item):
        found = (p for p in glob.glob(item, recursive=True) if _is_to_be_tried(Path(p)))
        return _required(sorted(map(_absolute, found)), f"{item}: no file matches")
    return [_absolute(str(path))]


def _expand_remote(item: str) -> list[str]:
    """A store's folder or glob as the films in it; else the address, without asking for it."""
    has_marks = bool(_GLOB_MARKS & set(item))
    names_film = not has_marks and _is_media(item)
    if names_film or item.lower().startswith(("http://", "https://")):
        return [item]
    with _listing_told(item):
        store = filesystem(item)
        if has_marks and not store.exists(item):
            return _required(_globbed(store, item), f"{item}: no file matches")
        paths = store.find(item)
    if not item.endswith("/") and paths in ([], [store._strip_protocol(item)]):
        return [item]
    return _required(_films_under(item, paths), f"{item}: no film in this folder")


def _globbed(store: AbstractFileSystem, item: str) -> list[str]:
    found = store.glob(item, detail=True)
    return [_address(item, path) for path in sorted(found) if found[path]["type"] == "file"]


def _films_under(item: str, paths: Iterable[str]) -> list[str]:
    folder = item.rstrip("/") + "/"
    uris = (_address(item, path) for path in sorted(paths))
    return [uri for uri in uris if _is_media(uri) and "/." not in uri.removeprefix(folder[:-1])]


def _address(item: str, path: str) -> str:
    """Stores list paths without a scheme."""
    return f"{item.partition('://')[0]}://{path.lstrip('/')}"


@contextmanager
def _listing_told(item: str) -> Iterator[None]:
    try:
        yield
    except (ImportError, ValueError) as error:
        raise UsageError(f"{item}: {words(error)}") from error
    except Exception as error:
        if not is_trouble(error):
            raise
        raise UsageError(f"{item}: cannot be listed: {words(error)}") from error


def _is_media(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in MEDIA_SUFFIXES


def _required(uris: list[str], message: str) -> list[str]:
    if not uris:
        raise UsageError(message)
    return uris


def _absolute(path: str) -> str:
    """Rows outlive the folder that a command was typed in."""
    return str(Path(path).absolute())


def _walk(folder: Path) -> Iterator[str]:
    """Films under a folder, through links to other folders too, each folder once.

    A link that leads nowhere and a folder that cannot be listed stay in the list: they fail
    alone, with a row, where leaving them out would lose films without a word.
    """
    closed: list[str] = []
    walked: set[Path] = set()
    walk = os.walk(folder, onerror=lambda error: closed.append(error.filename), followlinks=True)
    for root, folders, names in walk:
        real = Path(root).resolve()
        is_new = real not in walked
        walked.add(real)
        folders[:] = sorted(name for name in folders if is_new and not name.startswith("."))
        for path in (Path(root, name) for name in names if is_new and not name.startswith(".")):
            if _is_media(path.name) and _is_to_be_tried(path):
                yield _absolute(str(path))
    yield from map(_absolute, closed)


def _is_to_be_tried(path: Path) -> bool:
    return path.is_file() or (path.is_symlink() and not path.exists())


def _manifest(path: Path) -> Iterator[str]:
    """Addresses in a manifest; relative ones start at the manifest's own folder."""
    readers = {".txt": _txt, ".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
    try:
        uris = list(readers[path.suffix.lower()](path))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not a text in UTF-8 (byte {error.start})") from error
    for uri in uris:
        yield uri if is_remote(uri) else _absolute(str(path.parent / local_path(uri)))


def _txt(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def _jsonl(path: Path) -> Iterator[str]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise UsageError(f"{path}:{number}: is not JSON: {error.msg}") from error
        yield _uri(row, where=f"{path}:{number}")


def _csv(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if "uri" not in (reader.fieldnames or ()):
            raise UsageError(f"{path}: has no column named 'uri'")
        for row in reader:
            yield _uri(row, where=f"{path}:{reader.line_num}")


def _parquet(path: Path) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path}: is not a Parquet file") from error
    if "uri" not in names:
        raise UsageError(f"{path}: has no column named 'uri'")
    rows = pq.read_table(path, columns=["uri"]).to_pylist()
    for number, row in enumerate(rows, start=1):
        yield _uri(row, where=f"{path}: row {number}")


def _uri(row: object, *, where: str) -> str:
    uri = row.get("uri") if isinstance(row, dict) else None
    if not isinstance(uri, str) or not uri.strip():
        raise UsageError(f"{where}: has no 'uri'")
    return uri.strip()
