"""Files on web servers: their size, and their content from any byte on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from scenelake.workers.remote import SILENCE_S, Content

_SAFE = "!#$%&'()*+,/:;=?@[]~"
"""What an address may hold as it is (RFC 3986); all else, such as blanks, is quoted."""
_PARTIAL_CONTENT = 206

TROUBLES = (OSError, HTTPException)
"""What goes wrong on the way; a server's refusal is an HTTPError, which is an OSError."""


def size(url: str) -> int | None:
    """Bytes of the file as the server tells them; None where it does not.

    Errors:
        OSError, HTTPException: as :data:`TROUBLES` says.
    """
    with _answer(url, method="HEAD") as response:
        return _length(response)


@contextmanager
def content(url: str, *, start: int, mark: str | None) -> Iterator[Content]:
    """The file from byte ``start`` on, if it is still the one that had this mark.

    A file that changed, and any file of a server that knows no ranges, comes from byte 0 on
    (RFC 9110, sections 13.1.5 and 14).
    """
    headers = {"Range": f"bytes={start}-", "If-Range": mark} if start and mark else {}
    with _answer(url, method="GET", headers=headers) as response:
        begins = start if response.status == _PARTIAL_CONTENT else 0
        length = _length(response)
        n_bytes = None if length is None else begins + length
        yield Content(response, begins, n_bytes, _mark(response))


def refusal(error: BaseException) -> int | None:
    """The status with which a server refused; None where none answered."""
    return error.code if isinstance(error, HTTPError) else None


@contextmanager
def _answer(
    url: str, *, method: str, headers: Mapping[str, str] | None = None
) -> Iterator[HTTPResponse]:
    always = {"Accept-Encoding": "identity", "User-Agent": "scenelake"}
    request = Request(quote(url, safe=_SAFE), headers=always | dict(headers or {}), method=method)
    with urlopen(request, timeout=SILENCE_S) as response:
        yield response


def _length(response: HTTPResponse) -> int | None:
    told = response.headers.get("Content-Length")
    return int(told) if told and told.isdigit() else None


def _mark(response: HTTPResponse) -> str | None:
    """What changes when the file does; a weak ETag may not be asked for in a range."""
    etag: str | None = response.headers.get("ETag")
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")
