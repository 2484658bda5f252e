"""Writes the lake: one Parquet file a film and table, each there whole or not at all.

LAKE/videos/<video_id>.parquet     written last: without it the film does not exist
LAKE/scenes/<video_id>.parquet
LAKE/failures/<video_id or hash of uri>.parquet
LAKE/_staging/<video_id>/claim     a run has taken this film
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scenelake.schemas.errors import LakeError
from scenelake.schemas.rows import Failure, Provenance, Scene, Video
from scenelake.schemas.tables import failures_table, scenes_table, videos_table

_FOLDERS = ("videos", "scenes", "failures", "_staging")


@dataclass(frozen=True, slots=True)
class Store:
    """A lake in a folder of this machine or of one that all workers see."""

    root: Path

    def prepare(self) -> None:
        """Make the lake's folders.

        Errors:
            LakeError: the place cannot be written.
        """
        with _explained(self.root):
            for name in _FOLDERS:
                (self.root / name).mkdir(parents=True, exist_ok=True)

    def committed_configs(self, video_id: str) -> Mapping[str, str] | None:
        """Column family -> configuration hash of a committed film; None where there is none."""
        path = self._path("videos", video_id)
        if not path.exists() or not self._path("scenes", video_id).exists():
            return None
        row = pq.read_table(path, columns=["provenance"]).to_pylist()[0]
        return dict(row["provenance"]["configs"])

    def commit(
        self,
        video: Video,
        scenes: list[tuple[Scene, Provenance]],
        *,
        visual_dim: int,
        text_dim: int,
    ) -> None:
        """Put a film into the lake, its row last; an older version of it is replaced.

        Errors:
            LakeError: the lake cannot be written; what was there is there still.
        """
        table = scenes_table(scenes, visual_dim=visual_dim, text_dim=text_dim)
        self._write(table, self._path("scenes", video.video_id))
        self._write(videos_table([video]), self._path("videos", video.video_id))
        self.clear_failures(uri=video.uri, video_id=video.video_id)
        self.release(video.video_id)

    def record_failure(self, failure: Failure) -> Failure:
        """Write a failure's row, counting its earlier attempts; gives the row as written."""
        path = self._path("failures", _failure_name(failure.uri, failure.video_id))
        attempts = 1
        if path.exists():
            attempts += int(pq.read_table(path).column("attempts")[0].as_py())
        counted = replace(failure, attempts=attempts)
        self._write(failures_table([counted]), path)
        if failure.video_id:
            self.release(failure.video_id)
        return counted

    def clear_failures(self, *, uri: str, video_id: str) -> None:
        """Forget earlier failures of a film that has made it."""
        for name in {_failure_name(uri, None), _failure_name(uri, video_id)}:
            self._path("failures", name).unlink(missing_ok=True)

    def failed_uris(self) -> list[str]:
        """Addresses of all inputs whose last run failed."""
        tables = [pq.read_table(p) for p in sorted((self.root / "failures").glob("*.parquet"))]
        return [uri for table in tables for uri in table.column("uri").to_pylist()]

    def claim(self, video_id: str, *, run_id: str, uri: str) -> str | None:
        """Take a film for a run.

        Returns:
            None if it is this input's; else the address of the input of the same run that
            holds the same content. What another run claimed is taken over: commits are
            whole, so the worst is work done twice.
        """
        path = self.root / "_staging" / video_id / "claim"
        with _explained(self.root):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(f"{run_id}\n{uri}")
                return None
            except FileExistsError:
                claimed_by, _, claimed_uri = path.read_text(encoding="utf-8").partition("\n")
            if claimed_by == run_id:
                return None if claimed_uri == uri else claimed_uri
            path.write_text(f"{run_id}\n{uri}", encoding="utf-8")
        return None

    def release(self, video_id: str) -> None:
        """Give a claimed film free and remove its staging folder if that leaves it empty."""
        folder = self.root / "_staging" / video_id
        (folder / "claim").unlink(missing_ok=True)
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()

    def _path(self, table: str, name: str) -> Path:
        return self.root / table / f"{name}.parquet"

    def _write(self, table: pa.Table, path: Path) -> None:
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        with _explained(self.root):
            try:
                pq.write_table(table, partial, compression="zstd")
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)


def _failure_name(uri: str, video_id: str | None) -> str:
    return video_id or hashlib.blake2b(uri.encode(), digest_size=10).hexdigest()


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    """What the operating system says of the lake, as one line with a remedy."""
    try:
        yield
    except OSError as error:
        raise LakeError(
            f"{root}: the lake cannot be written: {error.strerror or error}; "
            "mend that and give the same command again: what is committed stays"
        ) from error
