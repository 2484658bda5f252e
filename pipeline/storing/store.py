"""Writes the lake's tables: one Parquet file a film and table, each there whole or not at all.

LAKE/videos/<video_id>.parquet     written last: without it the film does not exist
LAKE/scenes/<video_id>.parquet
LAKE/failures/<video_id or hash of uri>.parquet
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scenelake.pipeline.storing.folder import Folder
from scenelake.schemas.rows import Failure, Video
from scenelake.schemas.tables import (
    SCHEMA_VERSION,
    failures_table,
    scenes_schema,
    videos_table,
)

_COMPRESSION = "zstd"


@dataclass(frozen=True, slots=True)
class Store:
    """A lake's tables, for those who write them."""

    folder: Folder

    def prepare(self) -> None:
        """See that the lake's place is there.

        Errors:
            LakeError: it cannot be written.
        """
        self.folder.make()

    def committed_configs(self, video_id: str) -> Mapping[str, str] | None:
        """Column family -> configuration hash of a committed film; None where there is none.

        A film written by a version with other tables counts as none.
        """
        if not self.folder.exists(_name("scenes", video_id)):
            return None
        row = self._row("videos", video_id, "provenance")
        return None if row is None else dict(row["provenance"]["configs"])

    def committed_by(self, video_id: str) -> str | None:
        """The run that committed a film, None where there is none."""
        row = self._row("videos", video_id, "provenance")
        return None if row is None else str(row["provenance"]["run_id"])

    def committed_row(self, video_id: str) -> dict[str, Any] | None:
        """A film's row, None where there is none."""
        return self._row("videos", video_id)

    def commit(
        self,
        video: Video,
        parts: Iterable[pa.Table],
        *,
        visual_dim: int,
        text_dim: int,
    ) -> None:
        """Put a film into the lake, its row last; an older version of it is replaced.

        Args:
            parts: its scenes as tables, in order; one is in memory at a time.

        Errors:
            LakeError: the lake cannot be written; what was there is there still.
        """
        schema = scenes_schema(visual_dim=visual_dim, text_dim=text_dim)
        with (
            self.folder.writing(_name("scenes", video.video_id)) as file,
            pq.ParquetWriter(file, schema, compression=_COMPRESSION) as writer,
        ):
            for part in parts:
                writer.write_table(part)
        self.commit_row(video)

    def commit_row(self, video: Video) -> None:
        """Write a film's row, whose scenes are there.

        Errors:
            LakeError: the lake cannot be written; what was there is there still.
        """
        self.folder.write(_name("videos", video.video_id), packed(videos_table([video])))
        self.clear_failures(uri=video.uri, video_id=video.video_id)

    def record_failure(self, failure: Failure) -> Failure:
        """Write a failure's row, counting its earlier attempts; gives the row as written."""
        name = _name("failures", _failure_name(failure.uri, failure.video_id))
        attempts = 1
        if self.folder.exists(name):
            attempts += int(self._table(name).column("attempts")[0].as_py())
        counted = replace(failure, attempts=attempts)
        self.folder.write(name, packed(failures_table([counted])))
        return counted

    def clear_failures(self, *, uri: str, video_id: str) -> None:
        """Forget earlier failures of a film that has made it."""
        for name in {_failure_name(uri, None), _failure_name(uri, video_id)}:
            self.folder.remove(_name("failures", name))

    def failed_uris(self, *, error_type: str | None = None) -> list[str]:
        """Addresses of inputs whose last run failed: all, or those of one type."""
        names = self.folder.names("failures")
        rows = [row for n in names for row in self._table(f"failures/{n}").to_pylist()]
        return [r["uri"] for r in rows if error_type in (None, r["error_type"])]

    def _row(self, table: str, video_id: str, *columns: str) -> dict[str, Any] | None:
        try:
            with self.folder.parquet(_name(table, video_id)) as file:
                metadata = file.schema_arrow.metadata or {}
                if metadata.get(b"scenelake.schema_version") != str(SCHEMA_VERSION).encode():
                    return None
                row: dict[str, Any] = file.read(columns=list(columns) or None).to_pylist()[0]
                return row
        except FileNotFoundError:
            return None

    def _table(self, name: str) -> pa.Table:
        with self.folder.parquet(name) as file:
            return file.read()


def packed(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file."""
    file = io.BytesIO()
    pq.write_table(table, file, compression=_COMPRESSION)
    return file.getvalue()


def _name(table: str, name: str) -> str:
    return f"{table}/{name}.parquet"


def _failure_name(uri: str, video_id: str | None) -> str:
    return video_id or hashlib.blake2b(uri.encode(), digest_size=10).hexdigest()
