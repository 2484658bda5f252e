"""Fetches a remote file, going on where a network broke off."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException, InvalidURL
from io import FileIO
from pathlib import Path
from urllib.error import HTTPError, URLError

from scenelake.schemas.errors import InputError, SceneLakeError, TransientError
from scenelake.workers import http, remote
from scenelake.workers.remote import Content

logger = logging.getLogger(__name__)

_N_ATTEMPTS = 4
_WAIT_S = 1.0
"""Before the second attempt; twice as long before each further one."""
_PROGRESS_BYTES = 8 << 20
"""An attempt that brought so much was no failure: they are counted anew."""
_COPY_BLOCK_BYTES = 1 << 20
_BUSY = frozenset({408, 425, 429})
"""With these, as with 5xx, a server asks to come again."""

MakeRoom = Callable[[int], None]


def download(uri: str, path: Path, *, make_room: MakeRoom) -> None:
    """Fetch a file to ``path``, which is overwritten.

    Args:
        make_room: is told how many bytes are to come, before they do.

    Errors:
        InputError: not_found, permission, unsupported.
        TransientError: the network, the server or the temporary folder.
    """
    mark, attempt = None, 1
    path.unlink(missing_ok=True)
    while True:
        n_before = _n_bytes(path)
        try:
            with _told(uri), _content(uri, start=n_before, mark=mark) as content:
                mark = content.mark
                _append(content, path, make_room=make_room)
            return
        except TransientError as error:
            attempt = 1 if _n_bytes(path) - n_before >= _PROGRESS_BYTES else attempt + 1
            if attempt > _N_ATTEMPTS or isinstance(error, TemporaryFolderError):
                raise
            logger.info("%s; going on at byte %d", error, _n_bytes(path))
        time.sleep(_WAIT_S * 2 ** max(0, attempt - 2))


def remote_size(uri: str) -> int | None:
    """Bytes of the file as its server tells them now; None where it does not tell.

    Errors: as :func:`download`.
    """
    with _told(uri):
        return http.size(uri) if _is_web(uri) else remote.size(uri)


def remote_mark(uri: str) -> str | None:
    """What changes when a store's file does; None where nobody tells, as on the web.

    Errors: as :func:`download`.
    """
    with _told(uri):
        return None if _is_web(uri) else remote.mark(uri)


class TemporaryFolderError(TransientError):
    """The temporary folder takes no more: not the film's fault, and there may be room soon."""

    @classmethod
    def of(cls, reason: str) -> TemporaryFolderError:
        """With the folder's name and the way out."""
        return cls(
            f"{tempfile.gettempdir()}: the temporary folder cannot hold a copy: {reason}; "
            "make room there or set TMPDIR to another folder"
        )


@contextmanager
def temporary_folder_told() -> Iterator[None]:
    """What the operating system says of files in the temporary folder.

    Errors:
        TemporaryFolderError: in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        raise TemporaryFolderError.of(remote.words(error)) from error


def _content(uri: str, *, start: int, mark: str | None) -> AbstractContextManager[Content]:
    of = http.content if _is_web(uri) else remote.content
    return of(uri, start=start, mark=mark)


def _append(content: Content, path: Path, *, make_room: MakeRoom) -> None:
    if content.n_bytes is not None:
        make_room(content.n_bytes - content.start)
    with temporary_folder_told():
        file = path.open("ab", buffering=0)
    with file:
        file.truncate(content.start)
        _copy(content, file)
    n_bytes = _n_bytes(path)
    if content.n_bytes is not None and n_bytes != content.n_bytes:
        raise ConnectionError(f"it broke off at byte {n_bytes} of {content.n_bytes}")


def _copy(content: Content, file: FileIO) -> None:
    while block := content.reader.read(_COPY_BLOCK_BYTES):
        left = memoryview(block)
        with temporary_folder_told():
            while left:
                left = left[file.write(left) :]


def _n_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_web(uri: str) -> bool:
    return remote.protocol(uri) in ("http", "https")


@contextmanager
def _told(uri: str) -> Iterator[None]:
    """What a server or a client says, as an error of ours."""
    try:
        yield
    except SceneLakeError:
        raise
    except HTTPError as error:
        raise _refused(uri, error.code) from error
    except FileNotFoundError as error:
        raise InputError(f"{uri}: not found", error_type="not_found") from error
    except PermissionError as error:
        raise _not_permitted(uri, error) from error
    except (ImportError, ValueError, InvalidURL) as error:
        raise InputError(f"{uri}: {remote.words(error)}", error_type="unsupported") from error
    except Exception as error:
        if "Credentials" in type(error).__name__:
            raise _not_permitted(uri, error) from error
        if not remote.is_trouble(error) and not isinstance(error, HTTPException):
            raise
        raise TransientError(f"{uri}: cannot be fetched: {_reason(error)}") from error


def _refused(uri: str, status: int) -> SceneLakeError:
    if status in (401, 403):
        return InputError(f"{uri}: may not be read (HTTP {status})", error_type="permission")
    if status in (404, 410):
        return InputError(f"{uri}: not found", error_type="not_found")
    if status >= 500 or status in _BUSY:
        return TransientError(f"{uri}: cannot be fetched: HTTP {status}")
    return InputError(f"{uri}: cannot be fetched: HTTP {status}", error_type="not_found")


def _not_permitted(uri: str, error: BaseException) -> InputError:
    return InputError(f"{uri}: may not be read: {remote.words(error)}", error_type="permission")


def _reason(error: BaseException) -> str:
    if isinstance(error, URLError) and isinstance(error.reason, BaseException):
        return remote.words(error.reason)
    return remote.words(error)
