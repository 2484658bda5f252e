"""A film as a file on this machine, wherever it lies."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from scenelake.schemas.errors import InputError

_COPY_BLOCK_BYTES = 1 << 20
_SILENCE_S = 60.0
"""A server that sends nothing for so long is given up."""


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
def local_copy(uri: str, *, keep: bool) -> Iterator[Path]:
    """The film's path; what is remote is copied to the machine's temporary folder first.

    Args:
        keep: fetch the film anew and leave the copy for the next step that asks for the
            same address; else use such a copy, if there is one, and remove it after.

    Errors:
        InputError: not_found, permission, or what the file system says.
    """
    if not is_remote(uri):
        yield local_path(uri)
        return
    path = _copy_path(uri)
    if keep or not path.exists():
        _download(uri, path)
    try:
        yield path
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            path.unlink(missing_ok=True)


def forget_copy(uri: str) -> None:
    """Remove a kept copy that no step will ask for."""
    if is_remote(uri):
        _copy_path(uri).unlink(missing_ok=True)


def _copy_path(uri: str) -> Path:
    folder = Path(tempfile.gettempdir()) / f"scenelake-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / hashlib.blake2b(uri.encode(), digest_size=16).hexdigest()


def _download(uri: str, path: Path) -> None:
    """Copy a remote file beside its place, then rename it: never half a film."""
    import aiohttp
    import fsspec

    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        with fsspec.open(uri, "rb", **_options(uri)) as remote, partial.open("wb") as local:
            shutil.copyfileobj(remote, local, _COPY_BLOCK_BYTES)
        partial.replace(path)
    except FileNotFoundError as error:
        raise _not_there(uri, error.__cause__) from error
    except PermissionError as error:
        raise InputError(f"{uri}: may not be read: {error}", error_type="permission") from error
    except (ImportError, ValueError) as error:
        raise InputError(f"{uri}: {error}", error_type="unsupported") from error
    except (OSError, aiohttp.ClientError) as error:
        raise InputError(
            f"{uri}: cannot be fetched: {_words(error)}", error_type="not_found"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _options(uri: str) -> dict[str, Any]:
    """aiohttp would break off any download after five minutes, however well it goes."""
    if not uri.startswith(("http://", "https://")):
        return {}
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE_S, sock_read=_SILENCE_S)
    return {"client_kwargs": {"timeout": timeout}}


def _not_there(uri: str, cause: BaseException | None) -> InputError:
    """fsspec says "not found" whatever a web server says; the server's own words are below."""
    status = getattr(cause, "status", None)
    if status in (401, 403):
        return InputError(f"{uri}: may not be read (HTTP {status})", error_type="permission")
    if cause is None or status in (404, 410):
        return InputError(f"{uri}: not found", error_type="not_found")
    reason = f"HTTP {status}" if status else _words(cause)
    return InputError(f"{uri}: cannot be fetched: {reason}", error_type="not_found")


def _words(error: BaseException) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
