"""The clients of remote stores, set up once for inputs and lakes alike.

Who may read and where a store answers comes from the environment that the stores' own tools
read: AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_ENDPOINT_URL, AWS_MAX_ATTEMPTS ... for s3://.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_CLIENTS = frozenset({"aiobotocore", "aiohttp", "azure", "botocore", "gcsfs", "google"})
_S3 = frozenset({"s3", "s3a"})
_S3_ATTEMPTS = 2
"""s3fs tries again what botocore, that tries five times itself, has given up."""
_CONNECT_S = 10.0
_BLOCK_BYTES = 8 << 20
"""Read ahead of a film: one request of a store each."""
SILENCE_S = 60.0
"""A server that sends nothing for so long is given up."""


class Reader(Protocol):
    def read(self, n_bytes: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Content:
    """A remote file from one byte on."""

    reader: Reader
    start: int
    n_bytes: int | None
    """Of the whole file, if the server tells."""
    mark: str | None
    """Changes when the file does, if the server tells."""


def protocol(uri: str) -> str:
    """The scheme of an address."""
    return uri.partition("://")[0].lower()


def is_s3(uri: str) -> bool:
    """Whether an address is of a store that speaks S3's language."""
    return protocol(uri) in _S3


def filesystem(uri: str) -> AbstractFileSystem:
    """The client of an address's store; it keeps no listings, for others write there too.

    Errors:
        ImportError, ValueError: the client is not installed; nobody knows this kind.
    """
    import fsspec

    try:
        client = fsspec.filesystem(protocol(uri), **_options(uri))
    except ImportError as error:
        hint = "; pip install 'scenelake[s3]'" if is_s3(uri) else ""
        raise ImportError(f"{error}{hint}") from error
    if is_s3(uri):
        client.retries = _S3_ATTEMPTS
    return client


def size(uri: str) -> int | None:
    """Bytes of a store's file, if the store tells."""
    told = filesystem(uri).info(uri).get("size")
    return None if told is None else int(told)


def mark(uri: str) -> str | None:
    """What changes when a store's file does, if the store tells."""
    told = filesystem(uri).info(uri)
    tag = told.get("ETag") or told.get("etag")
    return f"{told.get('size')} {tag}" if tag else None


@contextmanager
def content(uri: str, *, start: int, mark: str | None) -> Iterator[Content]:
    """A store's file from byte ``start`` on, if it is still the one that had this mark."""
    with filesystem(uri).open(uri, "rb", block_size=_BLOCK_BYTES) as file:
        now = _mark(file.details)
        begins = start if mark and now == mark else 0
        file.seek(begins)
        yield Content(file, begins, file.size, now)


def is_trouble(error: BaseException) -> bool:
    """Whether an error is the outside's, not a mistake of ours: what stores' clients raise."""
    if isinstance(error, (OSError, NotImplementedError)):
        return True
    return any(base.__module__.partition(".")[0] in _CLIENTS for base in type(error).__mro__)


def words(error: BaseException) -> str:
    """What an error says, on one line."""
    told = getattr(error, "strerror", None) or str(error)
    return " ".join(str(told).split()) or type(error).__name__


def _mark(details: dict[str, Any]) -> str | None:
    told = details.get("ETag") or details.get("etag")
    return str(told) if told else None


def _options(uri: str) -> dict[str, Any]:
    options: dict[str, Any] = {"use_listings_cache": False}
    if is_s3(uri):
        options["config_kwargs"] = {"connect_timeout": _CONNECT_S, "read_timeout": SILENCE_S}
    return options
