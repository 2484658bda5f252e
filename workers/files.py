"""A film as a file on this machine, wherever it lies."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scenelake.schemas.errors import SceneLakeError
from scenelake.workers import copies
from scenelake.workers.download import download, remote_mark, remote_size, temporary_folder_told

logger = logging.getLogger(__name__)


def is_remote(uri: str) -> bool:
    """Whether an address has a scheme other than ``file``."""
    scheme, separator, _ = uri.partition("://")
    return bool(separator) and scheme != "file"


def local_path(uri: str) -> Path:
    """The path that a local address names: a path as it is, or a ``file://`` one decoded."""
    if not uri.startswith("file://"):
        return Path(uri)
    return Path(unquote(urlsplit(uri).path))


@contextmanager
def local_copy(uri: str) -> Iterator[Path]:
    """The film's path; what is remote is fetched unless this machine has a copy.

    A copy whose size is not what its server tells now is fetched anew. Copies stay, for the
    film's other clips are wanted by other processes, until they need more room than
    ``SCENELAKE_COPIES_BYTES`` or the disk allows: then those go that were used longest ago,
    and never one that is in use.

    Errors:
        InputError: not_found, permission, unsupported.
        TransientError: the network, the server, or a full temporary folder.
    """
    if not is_remote(uri):
        yield local_path(uri)
        return
    path = copies.path_of(uri)
    n_bytes = _size_now(uri) if path.exists() else None
    while True:
        with copies.held(path):
            if _is_there(path, n_bytes):
                os.utime(path)
                yield path
                return
        with copies.held(path, exclusive=True):
            if not _is_there(path, n_bytes):
                _fetch(uri, path)
        n_bytes = None


def mark_of(uri: str) -> str | None:
    """What changes when a file does, without reading it; None where nobody tells."""
    if is_remote(uri):
        return _remote_mark(uri)
    try:
        status = local_path(uri).stat()
    except OSError:
        return None
    return f"{status.st_size} {status.st_mtime_ns}"


def forget_copy(uri: str) -> None:
    """Remove a copy that no step will ask for, unless somebody uses it now."""
    if is_remote(uri):
        copies.remove(copies.path_of(uri))


def _remote_mark(uri: str) -> str | None:
    try:
        return remote_mark(uri)
    except SceneLakeError as error:
        logger.info("%s: %s", uri, error)
        return None


def _size_now(uri: str) -> int | None:
    """A server that cannot be asked does not make a whole copy worse."""
    try:
        return remote_size(uri)
    except SceneLakeError as error:
        logger.info("%s: the copy on this machine is taken as it is: %s", uri, error)
        return None


def _is_there(path: Path, n_bytes: int | None) -> bool:
    return path.exists() and n_bytes in (None, path.stat().st_size)


def _fetch(uri: str, path: Path) -> None:
    """Copy a remote file beside its place, then rename it: never half a film."""
    part = copies.part_of(path)
    try:
        download(uri, part, make_room=partial(copies.make_room, path))
        with temporary_folder_told():
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
