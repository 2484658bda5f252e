"""A lake in an object store: whatever fsspec knows, and S3 with what only S3 can."""

from __future__ import annotations

import io
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from scenelake.pipeline.storing.folder_errors import (
    GuardedFile,
    explained_reading,
    explained_temporary,
    explained_writing,
)
from scenelake.schemas.errors import UsageError
from scenelake.workers.remote import filesystem, is_s3, words

if TYPE_CHECKING:
    import pyarrow.parquet as pq
    from fsspec import AbstractFileSystem

_WHOLE_BYTES = 4 << 20
"""A Parquet file up to this size is fetched in one request: its parts would take three."""
_BLOCK_BYTES = 1 << 20
_N_ATTEMPTS = 4
_WAIT_S = 0.2


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """See :class:`scenelake.pipeline.storing.folder.Folder`. What is put there appears whole.

    ``create`` is as exclusive as the store's client makes it (gcsfs: a condition on the
    object's generation; others may ask first and write then).
    """

    uri: str

    def make(self) -> None:
        with explained_writing(self.uri), suppress(FileNotFoundError):
            self._fs.ls(self._path(""))

    def names(self, under: str = "") -> list[str]:
        return sorted(self._listed(under, kind="file"))

    def marks(self, under: str = "") -> dict[str, str]:
        return {name: _mark(entry) for name, entry in self._listed(under, kind="file").items()}

    def stamp(self, under: str = "") -> int | None:
        return None

    def mark(self, name: str) -> str | None:
        with explained_reading(self.uri):
            try:
                return _mark(self._fs.info(self._path(name)))
            except FileNotFoundError:
                return None

    def folders(self, under: str = "") -> list[str]:
        return sorted(self._listed(under, kind="directory"))

    def exists(self, name: str) -> bool:
        with explained_reading(self.uri):
            try:
                return bool(self._fs.info(self._path(name))["type"] == "file")
            except FileNotFoundError:
                return False

    def read(self, name: str) -> bytes:
        with explained_reading(self.uri):
            return bytes(self._fs.cat_file(self._path(name)))

    def parquet(self, name: str) -> pq.ParquetFile:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with explained_reading(f"{self.uri}/{name}"):
            file = self._fs.open(self._path(name), "rb", block_size=_BLOCK_BYTES)
            if file.size > _WHOLE_BYTES:
                return pq.ParquetFile(file, pre_buffer=True)
            with file:
                return pq.ParquetFile(pa.BufferReader(self._fs.cat_file(self._path(name))))

    def write(self, name: str, data: bytes) -> None:
        with explained_writing(self.uri):
            self._fs.pipe_file(self._path(name), data)

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        with explained_temporary():
            handle, waiting = tempfile.mkstemp(prefix="scenelake-")
        try:
            with GuardedFile(io.FileIO(handle, "wb"), explained=explained_temporary) as file:
                yield file
            with explained_writing(self.uri):
                self._fs.put_file(waiting, self._path(name))
        finally:
            Path(waiting).unlink(missing_ok=True)

    def create(self, name: str, data: bytes) -> bool:
        with explained_writing(self.uri):
            try:
                self._fs.pipe_file(self._path(name), data, mode="create")
            except FileExistsError:
                return False
            return True

    def remove(self, name: str) -> None:
        with explained_writing(self.uri), suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    def remove_tree(self, name: str) -> None:
        if not name:
            raise ValueError("remove_tree takes a subfolder, not the lake")
        with explained_writing(self.uri):
            for path in self._fs.find(self._path(name)):
                with suppress(FileNotFoundError):
                    self._fs.rm_file(path)

    def age_s(self, name: str) -> float | None:
        with explained_reading(self.uri):
            try:
                written_at = self._fs.modified(self._path(name))
            except FileNotFoundError:
                return None
        return _seconds_between(written_at, datetime.now(UTC))

    @property
    def _fs(self) -> AbstractFileSystem:
        return filesystem(self.uri)

    def _path(self, name: str) -> str:
        return str(self._fs._strip_protocol(f"{self.uri}/{name}".rstrip("/")))

    def _listed(self, under: str, *, kind: str) -> dict[str, dict[str, Any]]:
        with explained_reading(self.uri):
            try:
                entries = self._fs.ls(self._path(under), detail=True)
            except FileNotFoundError:
                return {}
        folder = self._path(under) + "/"
        named = {
            entry["name"].removeprefix(folder): entry
            for entry in entries
            if entry["type"] == kind and entry["name"].startswith(folder)
        }
        return {name: entry for name, entry in named.items() if name and name[0] != "."}


@dataclass(frozen=True, slots=True)
class S3Folder(RemoteFolder):
    """A folder in a bucket of S3 or a store that speaks its language.

    A multipart upload whose process died is never seen, but its parts are kept (and paid
    for) until the bucket's rules remove incomplete uploads.
    """

    def make(self) -> None:
        bucket, key = self._bucket_key("")
        with explained_writing(self.uri):
            self._fs.call_s3("list_objects_v2", Bucket=bucket, Prefix=key, MaxKeys=1)

    def create(self, name: str, data: bytes) -> bool:
        """By a conditional PUT (``If-None-Match: *``).

        AWS, MinIO, SeaweedFS, Ceph and Cloudflare hold to it in their present versions; a
        store that does not know the condition lets every caller win.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        token = secrets.token_hex(16)
        with explained_writing(self.uri):
            for attempt in range(_N_ATTEMPTS):
                try:
                    self._put_new(name, data, token=token)
                except OSError as error:
                    if _code(error) in _TAKEN:
                        return self._token(name) == token
                    if _code(error) not in _CONFLICT or attempt == _N_ATTEMPTS - 1:
                        raise
                    time.sleep(_WAIT_S * 2**attempt)
                else:
                    return True
        raise AssertionError("the last attempt returns or raises")

    def age_s(self, name: str) -> float | None:
        """By the store's clock: those of the machines that ask may differ."""
        with explained_reading(self.uri):
            try:
                head = self._head(name)
            except FileNotFoundError:
                return None
        told = head["ResponseMetadata"]["HTTPHeaders"].get("date")
        now = parsedate_to_datetime(told) if told else datetime.now(UTC)
        return _seconds_between(head["LastModified"], now)

    def _put_new(self, name: str, data: bytes, *, token: str) -> None:
        bucket, key = self._bucket_key(name)
        mark = {"creation": token}
        self._fs.call_s3(
            "put_object", Bucket=bucket, Key=key, Body=data, IfNoneMatch="*", Metadata=mark
        )

    def _token(self, name: str) -> str | None:
        """Whose creation it is: an answer may be lost, and our own second attempt be refused."""
        try:
            return str(self._head(name)["Metadata"].get("creation"))
        except FileNotFoundError:
            return None

    def _head(self, name: str) -> dict[str, Any]:
        bucket, key = self._bucket_key(name)
        return dict(self._fs.call_s3("head_object", Bucket=bucket, Key=key))

    def _bucket_key(self, name: str) -> tuple[str, str]:
        bucket, _, key = self._path(name).partition("/")
        return bucket, key


_TAKEN = frozenset({"PreconditionFailed", "412"})
_CONFLICT = frozenset({"ConditionalRequestConflict", "OperationAborted", "409"})
"""Somebody else is writing the same object at this moment: S3 asks to try again."""


def remote_folder(uri: str) -> RemoteFolder:
    """The folder at a remote address.

    Errors:
        UsageError: an address of a kind that nobody knows, whose client is missing, or
            without a bucket.
    """
    address = uri.rstrip("/")
    kind = S3Folder if is_s3(address) else RemoteFolder
    if not address.partition("://")[2]:
        raise UsageError(f"{uri}: names no bucket")
    try:
        filesystem(address)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{uri}: {words(error)}") from error
    return kind(address)


_TELLING = ("ETag", "etag", "LastModified", "last_modified", "updated", "mtime", "created")


def _mark(entry: dict[str, Any]) -> str:
    """An object's size with its store's own tag, or else with its time of change."""
    told = (str(entry[key]) for key in _TELLING if entry.get(key) is not None)
    return f"{entry.get('size')} {next(told, '')}"


def _code(error: OSError) -> str | None:
    """What S3 calls an error; s3fs keeps botocore's own as the cause."""
    response = getattr(error.__cause__, "response", None) or {}
    code = response.get("Error", {}).get("Code")
    return None if code is None else str(code)


def _seconds_between(start: datetime, end: datetime) -> float:
    if start.tzinfo is None:
        start = start.replace(tzinfo=UTC)
    return max(0.0, (end - start).total_seconds())
