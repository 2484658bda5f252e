"""The copies of remote films on this machine: a cache that all its processes share.

FOLDER/<hash of the address>    a copy, whole
FOLDER/<hash>.part              one that is being fetched
FOLDER/<hash>.lock              held shared while a copy is used, exclusive to fetch or remove it
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scenelake.schemas.errors import UsageError
from scenelake.workers.download import TemporaryFolderError, temporary_folder_told

LIMIT_VARIABLE = "SCENELAKE_COPIES_BYTES"
_LIMIT_BYTES = 20 << 30
_RESERVE_BYTES = 2 << 30
"""What copies leave free of the disk, for all else that uses it."""


def path_of(uri: str) -> Path:
    """Where the copy of an address is, or would be."""
    folder = Path(tempfile.gettempdir()) / f"scenelake-{os.getuid()}"
    with temporary_folder_told():
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder / hashlib.blake2b(uri.encode(), digest_size=16).hexdigest()


def part_of(path: Path) -> Path:
    """Where a copy grows until it is whole."""
    return path.with_suffix(".part")


@contextmanager
def held(path: Path, *, exclusive: bool = False, wait: bool = True) -> Iterator[None]:
    """Keep others from removing a copy, or from using it at all.

    Errors:
        BlockingIOError: somebody holds it, and we are not to wait.
    """
    mode = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    lock = _locked(path.with_suffix(".lock"), mode if wait else mode | fcntl.LOCK_NB)
    try:
        yield
    finally:
        os.close(lock)


def remove(path: Path) -> bool:
    """Remove a copy and all that belongs to it, unless somebody uses it."""
    with suppress(BlockingIOError), held(path, exclusive=True, wait=False):
        for file in (path, part_of(path), path.with_suffix(".lock")):
            file.unlink(missing_ok=True)
        return True
    return False


def make_room(path: Path, n_bytes: int) -> None:
    """Remove the copies that were used longest ago until one more has its place.

    The limit yields where all copies are in use; the disk does not.

    Errors:
        TemporaryFolderError: the disk has no room for it.
        UsageError: the limit in the environment is no number.
    """
    sizes = _sizes_by_age(path.parent)
    n_held, limit = sum(sizes.values()), _limit_bytes()
    for other, size in sizes.items():
        n_free = shutil.disk_usage(path.parent).free
        if n_held + n_bytes <= limit and n_bytes <= n_free - _RESERVE_BYTES:
            return
        if other != path and remove(other):
            n_held -= size
    n_free = shutil.disk_usage(path.parent).free
    if n_bytes > n_free:
        raise TemporaryFolderError.of(f"{n_bytes} bytes are to come and {n_free} are free")


def _limit_bytes() -> int:
    told = os.environ.get(LIMIT_VARIABLE, "").strip()
    if not told:
        return _LIMIT_BYTES
    if not told.isdecimal():
        raise UsageError(f"{LIMIT_VARIABLE}={told}: expected a whole number of bytes")
    return int(told)


def _sizes_by_age(folder: Path) -> dict[Path, int]:
    """Copy -> bytes, the one used longest ago first; others may remove some meanwhile."""
    found = []
    for file in folder.iterdir():
        with suppress(FileNotFoundError):
            stat = file.stat()
            found.append((stat.st_mtime, stat.st_size, file.with_suffix("")))
    sizes: dict[Path, int] = {}
    for _, size, path in sorted(found):
        sizes[path] = sizes.get(path, 0) + size
    return sizes


def _locked(path: Path, mode: int) -> int:
    """A handle with a lock on the file that has this name when the lock is had.

    Whoever removes a copy removes its lock too: one that waited then holds a file that
    nobody else can find, and asks again.
    """
    while True:
        with temporary_folder_told():
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, mode)
            if _is_file(lock, path):
                return lock
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)


def _is_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
