"""What goes wrong with a lake's place, as one line with a remedy."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from scenelake.schemas.errors import LakeError
from scenelake.workers.remote import is_trouble, words


@contextmanager
def explained_writing(uri: str) -> Iterator[None]:
    """What the operating system or a store says of writing.

    Errors:
        LakeError: in its place.
    """
    try:
        yield
    except Exception as error:
        if not is_trouble(error):
            raise
        raise LakeError(
            f"{uri}: the lake cannot be written: {words(error)}; "
            "mend that and give the same command again: what is committed stays"
        ) from error


@contextmanager
def explained_reading(uri: str) -> Iterator[None]:
    """What the operating system, a store or Arrow says of reading.

    Errors:
        FileNotFoundError: as it is.
        LakeError: in place of all else, and of a file that is not Parquet.
    """
    import pyarrow as pa

    try:
        yield
    except FileNotFoundError:
        raise
    except pa.ArrowInvalid as error:
        raise LakeError(
            f"{uri}: is damaged: {words(error)}; remove it and run its film again"
        ) from error
    except Exception as error:
        if not is_trouble(error):
            raise
        raise LakeError(
            f"{uri}: the lake cannot be read: {words(error)}; "
            "mend that and give the same command again"
        ) from error


@contextmanager
def explained_temporary() -> Iterator[None]:
    """What the operating system says of the folder where a file waits until it is whole.

    Errors:
        LakeError: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise LakeError(
            f"{tempfile.gettempdir()}: the temporary folder cannot be written: {words(error)}; "
            "make room there, or set TMPDIR to another folder, and give the same command again"
        ) from error


class GuardedFile(io.BufferedWriter):
    """A file whose own troubles are explained, and not those of whoever writes it."""

    def __init__(
        self, raw: io.FileIO, *, explained: Callable[[], AbstractContextManager[None]]
    ) -> None:
        super().__init__(raw)
        self._explained = explained

    def write(self, data: Any) -> int:
        with self._explained():
            return super().write(data)

    def close(self) -> None:
        with self._explained():
            super().close()
