"""Reads a lake: films that are there whole, their scenes, and what can be asked of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from scenelake.schemas.config import Config
from scenelake.schemas.errors import LakeError, UsageError
from scenelake.schemas.tables import FAILURES, VIDEOS

if TYPE_CHECKING:
    from scenelake.pipeline.ask import Asked
    from scenelake.pipeline.search import Hit


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake of scenes in a folder.

    >>> lake = Lake("my-lake")
    >>> lake.scenes(columns=["start_s", "title"]).to_pandas()
    """

    path: str | os.PathLike[str]

    @property
    def root(self) -> Path:
        return Path(self.path)

    def check(self) -> Lake:
        """Make sure that this is a lake.

        Errors:
            UsageError: it is not.
        """
        if not (self.root / "videos").is_dir():
            raise UsageError(f"{self.root}: no lake here; `scenelake run FILMS --lake …` makes one")
        return self

    def videos(self) -> pa.Table:
        """The videos table: one row a committed film."""
        return _read(self._committed("videos"), VIDEOS)

    def scenes(
        self, *, columns: Sequence[str] | None = None, video_id: str | None = None
    ) -> pa.Table:
        """The scenes table of committed films, in order of film and time.

        Args:
            columns: only these; keyframes weigh most.
            video_id: only this film's.
        """
        paths = [p for p in self._committed("scenes") if video_id in (None, p.stem)]
        wanted = list(columns) if columns is not None else None
        if not paths:
            raise UsageError(f"{self.root}: holds no film yet")
        return _read(paths, None, columns=wanted)

    def failures(self) -> pa.Table:
        """The failures table: inputs whose last run failed."""
        return _read(sorted((self.root / "failures").glob("*.parquet")), FAILURES)

    def find_video(self, name: str) -> dict[str, Any]:
        """The one film whose id begins with `name`, or whose file has that name.

        Errors:
            UsageError: none, or more than one.
        """
        rows: list[dict[str, Any]] = self.videos().to_pylist()
        exact = [r for r in rows if name in (r["video_id"], r["uri"], Path(r["uri"]).name)]
        found = exact or [r for r in rows if r["video_id"].startswith(name)]
        if len(found) != 1:
            count = "no film" if not found else f"{len(found)} films"
            raise UsageError(f"{self.root}: {count} named {name!r}; `scenelake show` lists them")
        return found[0]

    def search(self, text: str, *, k: int = 10, config: Config | None = None) -> list[Hit]:
        """The `k` scenes that fit a text best, best first."""
        from scenelake.pipeline.search import search

        return search(self, text, k=k, config=config or Config())

    def ask(
        self, question: str, *, video: str | None = None, config: Config | None = None
    ) -> Asked:
        """An answer with time citations, or that the films do not tell."""
        from scenelake.pipeline.ask import ask

        return ask(self, question, video=video, config=config or Config())

    def _committed(self, table: str) -> list[Path]:
        """Files of a table whose film is there whole."""
        self.check()
        names = sorted(p.name for p in (self.root / "videos").glob("*.parquet"))
        paths = [self.root / table / name for name in names]
        return [path for path in paths if path.exists()]


def _read(
    paths: Sequence[Path], schema: pa.Schema | None, *, columns: list[str] | None = None
) -> pa.Table:
    if not paths:
        return (schema or pa.schema([])).empty_table()
    try:
        tables = [pq.read_table(path, columns=columns) for path in paths]
        return pa.concat_tables(tables)
    except (OSError, pa.ArrowInvalid) as error:
        raise LakeError(f"the lake cannot be read: {' '.join(str(error).split())}") from error
