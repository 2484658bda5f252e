"""Reads a lake: films that are there whole, their scenes, and what can be asked of them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from scenelake.pipeline.storing.folder import Folder, folder_at
from scenelake.schemas.config import Config
from scenelake.schemas.errors import LakeError, UsageError
from scenelake.schemas.tables import FAILURES, VIDEOS

if TYPE_CHECKING:
    from scenelake.pipeline.asking.asked import Asked
    from scenelake.pipeline.retrieval.filters import Filters
    from scenelake.pipeline.retrieval.hits import Hit


_ENOUGH_OF_AN_ID = re.compile("[0-9a-f]{8,}")
"""So much of a film's id is no other film's name."""


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake of scenes in a folder, or at an address in an object store.

    >>> lake = Lake("my-lake")
    >>> lake.scenes(columns=["start_s", "title"]).to_pandas()
    """

    path: str | os.PathLike[str]

    @property
    def folder(self) -> Folder:
        return folder_at(self.path)

    def check(self) -> Lake:
        """Make sure that this is a lake.

        Errors:
            UsageError: it is not.
        """
        if not self.folder.folders():
            where = self.folder.uri
            raise UsageError(f"{where}: no lake here; `scenelake run FILMS --lake …` makes one")
        return self

    def videos(self) -> pa.Table:
        """The videos table: one row a committed film."""
        return self._read(self._committed("videos"), VIDEOS)

    def scenes(
        self, *, columns: Sequence[str] | None = None, video_id: str | None = None
    ) -> pa.Table:
        """The scenes table of committed films, in order of film and time.

        Args:
            columns: only these; keyframes weigh most.
            video_id: only this film's.
        """
        own = None if video_id is None else f"scenes/{video_id}.parquet"
        names = [n for n in self._committed("scenes") if own in (None, n)]
        wanted = list(columns) if columns is not None else None
        if not names:
            raise UsageError(f"{self.folder.uri}: holds no film yet")
        return self._read(names, None, columns=wanted)

    def failures(self) -> pa.Table:
        """The failures table: inputs whose last run failed."""
        self.check()
        return self._read([f"failures/{n}" for n in self.folder.names("failures")], FAILURES)

    def find_video(self, name: str) -> dict[str, Any]:
        """The row of the one film whose id begins with `name`, or whose file has that name.

        An id is found by the names of the lake's files, a film's name by its address: no
        other film's row is read.

        Errors:
            UsageError: none, or more than one.
        """
        files = self._committed("videos")
        begin_so = [file for file in files if file.startswith(f"videos/{name}")]
        is_id = _ENOUGH_OF_AN_ID.fullmatch(name) is not None and len(begin_so) == 1
        found = begin_so if is_id else self._named(name, files) or begin_so
        if len(found) != 1:
            count = "no film" if not found else f"{len(found)} films"
            where = self.folder.uri
            raise UsageError(f"{where}: {count} named {name!r}; `scenelake show` lists them")
        row: dict[str, Any] = self._read(found, VIDEOS).to_pylist()[0]
        return row

    def _named(self, name: str, files: Sequence[str]) -> list[str]:
        """Of films' files, those whose film's id, address or file name this is."""
        if not files:
            return []
        rows = self._read(files, None, columns=["video_id", "uri"]).to_pylist()
        return [
            file
            for file, row in zip(files, rows, strict=True)
            if name in (row["video_id"], row["uri"], Path(row["uri"]).name)
        ]

    def search(
        self,
        text: str,
        *,
        k: int = 10,
        config: Config | None = None,
        filters: Filters | None = None,
    ) -> list[Hit]:
        """The `k` scenes that fit a text best, best first.

        For many questions, pictures or likeness use
        :class:`scenelake.pipeline.retrieval.search.Searcher`, which stays open.
        """
        from scenelake.pipeline.retrieval.filters import EVERYTHING
        from scenelake.pipeline.retrieval.search import search

        return search(self, text, k=k, config=config or Config(), filters=filters or EVERYTHING)

    def ask(
        self,
        question: str,
        *,
        video: str | None = None,
        options: Sequence[str] = (),
        config: Config | None = None,
    ) -> Asked:
        """An answer with time citations, or that the films do not tell.

        Args:
            video: id or file name of the only film to look into.
            options: answers to choose from.
        """
        from scenelake.pipeline.asking.one import ask

        return ask(self, question, video=video, options=options, config=config or Config())

    def _committed(self, table: str) -> list[str]:
        """Names of a table's files whose film is there whole."""
        self.check()
        there = set(self.folder.names(table))
        return [f"{table}/{name}" for name in self.folder.names("videos") if name in there]

    def _read(
        self, names: Sequence[str], schema: pa.Schema | None, *, columns: list[str] | None = None
    ) -> pa.Table:
        if not names:
            return (schema or pa.schema([])).empty_table()
        # Films written before a column was thought of have nulls in it.
        known = [schema.empty_table()] if schema is not None else []
        try:
            tables = [*known, *(self._table(name, columns) for name in names)]
            return pa.concat_tables(tables, promote_options="default")
        except (OSError, pa.ArrowInvalid) as error:
            raise LakeError(f"the lake cannot be read: {' '.join(str(error).split())}") from error

    def _table(self, name: str, columns: list[str] | None) -> pa.Table:
        with self.folder.parquet(name) as file:
            return file.read(columns=columns)
