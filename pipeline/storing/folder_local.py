"""A lake in a folder of this machine, or of a disk that several machines share."""

from __future__ import annotations

import errno
import functools
import io
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from scenelake.pipeline.storing.folder_errors import (
    GuardedFile,
    explained_reading,
    explained_writing,
)

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV, errno.EINVAL}
"""What file systems without hard links answer."""
_N_ATTEMPTS = 4
"""A parent folder may be swept away by somebody between its making and its use."""


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """See :class:`scenelake.pipeline.storing.folder.Folder`."""

    root: Path

    @property
    def uri(self) -> str:
        return str(self.root)

    def make(self) -> None:
        with explained_writing(self.uri):
            self.root.mkdir(parents=True, exist_ok=True)

    def names(self, under: str = "") -> list[str]:
        return sorted(entry.name for entry in self._entries(under) if entry.is_file())

    def marks(self, under: str = "") -> dict[str, str]:
        marks = {entry.name: _mark(entry) for entry in self._entries(under)}
        return {name: mark for name, mark in marks.items() if mark is not None}

    def stamp(self, under: str = "") -> int | None:
        with explained_reading(self.uri):
            try:
                return self._path(under).stat().st_mtime_ns
            except FileNotFoundError:
                return None

    def mark(self, name: str) -> str | None:
        with explained_reading(self.uri):
            return _mark(self._path(name))

    def folders(self, under: str = "") -> list[str]:
        return sorted(e.name for e in self._entries(under) if e.is_dir() and _holds_files(e.path))

    def exists(self, name: str) -> bool:
        with explained_reading(self.uri):
            return self._path(name).is_file()

    def read(self, name: str) -> bytes:
        with explained_reading(self.uri):
            return self._path(name).read_bytes()

    def parquet(self, name: str) -> pq.ParquetFile:
        import pyarrow.parquet as pq

        path = self._path(name)
        with explained_reading(str(path)):
            return pq.ParquetFile(path)

    def write(self, name: str, data: bytes) -> None:
        with self.writing(name) as file:
            file.write(data)

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        path = self._path(name)
        with self._partial(path) as (partial, file):
            yield file
            with explained_writing(self.uri):
                _to_disk(file)
                partial.replace(path)
                _folder_to_disk(path.parent)

    def create(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        with self._partial(path) as (partial, file), explained_writing(self.uri):
            file.write(data)
            _to_disk(file)
            return _link(partial, path, data=data)

    def remove(self, name: str) -> None:
        with explained_writing(self.uri):
            self._path(name).unlink(missing_ok=True)

    def remove_tree(self, name: str) -> None:
        if not name:
            raise ValueError("remove_tree takes a subfolder, not the lake")
        with explained_writing(self.uri):
            shutil.rmtree(self._path(name), onerror=_unless_changed)

    def age_s(self, name: str) -> float | None:
        with explained_reading(self.uri):
            try:
                return max(0.0, time.time() - self._path(name).stat().st_mtime)
            except FileNotFoundError:
                return None

    def _path(self, name: str) -> Path:
        return self.root / name

    def _entries(self, under: str) -> list[os.DirEntry[str]]:
        with explained_reading(self.uri):
            try:
                with os.scandir(self._path(under)) as entries:
                    return [entry for entry in entries if not entry.name.startswith(".")]
            except (FileNotFoundError, NotADirectoryError):
                return []

    @contextmanager
    def _partial(self, path: Path) -> Iterator[tuple[Path, BinaryIO]]:
        """A hidden file beside a place, gone after the block wherever it ends.

        Its name is its own even where machines that share the disk count the same pids.
        """
        explained = functools.partial(explained_writing, self.uri)
        partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
        try:
            with explained():
                file = GuardedFile(_opened(partial), explained=explained)
            with file:
                yield partial, file
        finally:
            with explained():
                partial.unlink(missing_ok=True)


def _mark(file: Path | os.DirEntry[str]) -> str | None:
    """Size and time of the last change of a file (not folder) that is there."""
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return f"{status.st_size} {status.st_mtime_ns}" if stat.S_ISREG(status.st_mode) else None


def _opened(path: Path) -> io.FileIO:
    for attempt in range(1, _N_ATTEMPTS + 1):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return io.FileIO(path, "x")
        except FileNotFoundError:
            if attempt == _N_ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _to_disk(file: BinaryIO) -> None:
    """A machine may die: what is renamed must be on its disk before."""
    file.flush()
    os.fsync(file.fileno())


def _folder_to_disk(folder: Path) -> None:
    """Keeps the order of writes in different folders; some network disks have no such call."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _link(partial: Path, path: Path, *, data: bytes) -> bool:
    """Give a finished file its name unless that is taken; a link, unlike a rename, asks."""
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _written_exclusively(path, data)
    return True


def _written_exclusively(path: Path, data: bytes) -> bool:
    """For disks without links: somebody else may see the file before its content."""
    try:
        with path.open("xb") as file:
            file.write(data)
            _to_disk(file)
    except FileExistsError:
        return False
    return True


def _holds_files(folder: str) -> bool:
    """Whether anything is in a folder, however deep: a store without folders has no empty ones."""
    return any(files for _, _, files in os.walk(folder))


def _unless_changed(_call: Callable[..., Any], _path: str, info: Any) -> None:
    """Others may remove the same tree, or write into it: neither is our trouble."""
    error = info[1]
    if isinstance(error, FileNotFoundError):
        return
    if isinstance(error, OSError) and error.errno == errno.ENOTEMPTY:
        return
    raise error
