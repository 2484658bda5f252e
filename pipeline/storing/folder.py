"""A lake's place: one small interface over a folder of a machine and one of an object store."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from scenelake.pipeline.storing.folder_local import LocalFolder
from scenelake.workers.files import is_remote, local_path

if TYPE_CHECKING:
    import pyarrow.parquet as pq


class Folder(Protocol):
    """Files by name: relative, with "/" between folders ("videos/abc.parquet").

    Cheap to make and to send to other processes: no connection is held. Names that start
    with a dot are never listed.

    Errors, of all methods:
        LakeError: what the operating system or the object store says, with a remedy.
        FileNotFoundError: only of ``read`` and ``parquet``.
    """

    @property
    def uri(self) -> str:
        """The place itself: an absolute path, or an address without "/" at its end."""

    def make(self) -> None:
        """Make the folder where its kind has folders; see that the place is there."""

    def names(self, under: str = "") -> list[str]:
        """Names of the files directly in a subfolder, sorted; none where nothing is there."""

    def marks(self, under: str = "") -> dict[str, str]:
        """Files directly in a subfolder, each with what changes when it does, in one listing."""

    def stamp(self, under: str = "") -> int | None:
        """When a file was last added to a subfolder, replaced or removed, in ns since 1970.

        None where nobody tells. What is written into a file in its place does not count.
        """

    def mark(self, name: str) -> str | None:
        """What changes when a file does, as `marks` tells it; None where there is none."""

    def folders(self, under: str = "") -> list[str]:
        """Names of the subfolders directly in a subfolder that hold anything, sorted."""

    def exists(self, name: str) -> bool:
        """Whether there is such a file (not folder)."""

    def read(self, name: str) -> bytes:
        """A whole file."""

    def parquet(self, name: str) -> pq.ParquetFile:
        """A Parquet file, opened to read columns or row groups of it; close it after."""

    def write(self, name: str, data: bytes) -> None:
        """Put a file there, whole or not at all; an older one is replaced."""

    def writing(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A file that appears when the block ends well, and not at all when it raises."""

    def create(self, name: str, data: bytes) -> bool:
        """Put a file there, whole, unless there is one: of several callers one gets True."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def remove_tree(self, name: str) -> None:
        """Remove a subfolder with all in it, if it is there; not what is written meanwhile."""

    def age_s(self, name: str) -> float | None:
        """Seconds since a file was last written, by its store's clock where that tells one."""


def folder_at(uri: str | os.PathLike[str]) -> Folder:
    """The folder at a path, a ``file://`` address, or one that fsspec knows (s3://, gs://).

    Errors:
        UsageError: an address of a kind that nobody knows, or whose client is missing.
    """
    address = os.fspath(uri)
    if not is_remote(address):
        return LocalFolder(local_path(address).absolute())
    from scenelake.pipeline.storing.folder_remote import remote_folder

    return remote_folder(address)
