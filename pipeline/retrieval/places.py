"""Where the index of a lake is kept: beside it, or where the user's caches are."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from scenelake.pipeline.retrieval import films
from scenelake.pipeline.retrieval.index import Index
from scenelake.pipeline.retrieval.keeper import Keeper, Note, index_in_memory
from scenelake.pipeline.storing.folder import Folder
from scenelake.pipeline.storing.folder_local import LocalFolder

_SETTLED_NS = 2_000_000_000


class CurrentIndex:
    """The index of a lake, open; made, amended and read again as the lake changes."""

    def __init__(self, lake: Folder, *, note: Note) -> None:
        self._lake = lake
        self._note = note
        self._alone = threading.Lock()
        self._last: Index | None = None
        self._seen: tuple[int, ...] | None = None

    def get(self) -> Index:
        """The index of all films that are whole in the lake now.

        Errors:
            LakeError: the lake cannot be read.
        """
        with self._alone:
            stamps = self._stamps()
            if self._last is not None and stamps is not None and stamps == self._seen:
                return self._last
            wanted = films.marks(self._lake)
            if self._last is None or self._last.marks != wanted:
                self._last = self._made()
            self._seen = stamps if self._last.marks == wanted else None
            return self._last

    def _stamps(self) -> tuple[int, ...] | None:
        """When films last came or went; None where that is not known, or too fresh.

        Clocks of disks have ticks: what happens within the tick of a stamp leaves it as it is.
        """
        told = [self._lake.stamp(table) for table in ("videos", "scenes")]
        stamps = tuple(stamp for stamp in told if stamp is not None)
        settled = all(stamp < time.time_ns() - _SETTLED_NS for stamp in stamps)
        return stamps if settled and len(stamps) == len(told) else None

    def _made(self) -> Index:
        reasons = []
        for path in _places(self._lake):
            try:
                return Keeper(path, self._lake, self._note).current()
            except OSError as error:
                reasons.append(f"{path}: {error.strerror or error}")
        self._note(f"the search index cannot be kept ({'; '.join(reasons)}): reading every film")
        return index_in_memory(self._lake)


def _places(lake: Folder) -> Iterator[Path]:
    """The first that can be written is the one."""
    if isinstance(lake, LocalFolder):
        yield lake.root / "_cache" / "search"
    name = hashlib.blake2b(lake.uri.encode(), digest_size=10).hexdigest()
    yield platformdirs.user_cache_path("scenelake") / "search" / name
