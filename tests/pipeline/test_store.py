"""The lake is there whole or not at all, whatever happens while it is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenelake.pipeline.lake import Lake
from scenelake.pipeline.storing.folder import folder_at
from scenelake.pipeline.storing.store import Store
from scenelake.schemas.errors import LakeError
from scenelake.schemas.rows import Failure, Provenance, Scene, Shot, Video
from scenelake.schemas.tables import scenes_table
from tests.media.disk import files_up_to
from tests.pipeline.rows import video_row

DIMS = {"visual_dim": 3, "text_dim": 2}


def provenance(**configs: str) -> Provenance:
    return Provenance("run-1", "0", datetime.now(UTC), configs, {"cut": "cutter@1"})


def video(video_id: str, n_scenes: int = 2, **configs: str) -> Video:
    return video_row(video_id, n_scenes=n_scenes, provenance=provenance(**configs))


def scenes(video_id: str, n: int = 2, *, part: int = 2) -> Iterator[pa.Table]:
    """Rows of `n` scenes, in tables of `part`."""
    rows = [
        (
            Scene(
                video_id=video_id,
                index=i,
                start_s=2.0 * i,
                end_s=2.0 * i + 2.0,
                shots=(Shot(2.0 * i, 2.0 * i + 2.0),),
                embedding=np.ones(3, dtype=np.float32),
            ),
            provenance(),
        )
        for i in range(n)
    ]
    for first in range(0, n, part):
        yield scenes_table(rows[first : first + part], **DIMS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def store(root: Path) -> Store:
    store = Store(folder_at(root))
    store.prepare()
    return store


def failure(uri: str, video_id: str | None = None) -> Failure:
    return Failure(
        uri, "decode", "corrupt", "nothing decodes", "run-1", datetime.now(UTC), video_id
    )


def test_a_committed_film_is_read_back_with_its_configuration(store: Store, root: Path) -> None:
    store.commit(video("aa", cut="c1", visual="v1"), scenes("aa"), **DIMS)
    assert store.committed_configs("aa") == {"cut": "c1", "visual": "v1"}
    read = Lake(root).scenes()
    assert read["scene_id"].to_pylist() == ["aa-0", "aa-2000"]
    assert read["embedding"].type.list_size == 3
    assert store.committed_by("aa") == "run-1"


def test_a_film_given_in_parts_is_one_table_in_their_order(store: Store, root: Path) -> None:
    store.commit(video("aa", n_scenes=7), scenes("aa", 7, part=3), **DIMS)
    assert Lake(root).scenes()["index"].to_pylist() == list(range(7))
    assert pq.ParquetFile(root / "scenes" / "aa.parquet").num_row_groups == 3


def test_a_film_of_a_version_with_other_tables_counts_as_none(store: Store, root: Path) -> None:
    store.commit(video("aa", cut="c1"), scenes("aa"), **DIMS)
    path = root / "videos" / "aa.parquet"
    table = pq.read_table(path)
    older = {**table.schema.metadata, b"scenelake.schema_version": b"1"}
    pq.write_table(table.replace_schema_metadata(older), path)
    assert store.committed_configs("aa") is None
    assert store.committed_row("aa") is None


def test_scenes_whose_film_has_no_row_are_not_shown(store: Store, root: Path) -> None:
    store.commit(video("aa"), scenes("aa"), **DIMS)
    store.commit(video("bb"), scenes("bb"), **DIMS)
    (root / "videos" / "bb.parquet").unlink()  # as if killed between the two files
    assert set(Lake(root).scenes()["video_id"].to_pylist()) == {"aa"}
    assert store.committed_configs("bb") is None


def test_a_row_whose_scenes_are_gone_is_no_film(store: Store, root: Path) -> None:
    store.commit(video("aa", cut="c1"), scenes("aa"), **DIMS)
    (root / "scenes" / "aa.parquet").unlink()
    assert store.committed_configs("aa") is None


def test_a_second_commit_replaces_the_first(store: Store, root: Path) -> None:
    store.commit(video("aa", n_scenes=2), scenes("aa", 2), **DIMS)
    store.commit(video("aa", n_scenes=1), scenes("aa", 1), **DIMS)
    assert Lake(root).scenes().num_rows == 1


def test_a_write_that_breaks_leaves_the_old_film_and_no_litter(store: Store, root: Path) -> None:
    store.commit(video("aa"), scenes("aa"), **DIMS)
    before = {path: path.read_bytes() for path in root.rglob("*.parquet")}
    full_disk = pytest.raises(LakeError, match=r"File too large.*same command again")
    with files_up_to(1 << 10), full_disk:
        store.commit(video("aa", n_scenes=50), scenes("aa", 50), **DIMS)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_part_that_breaks_leaves_the_old_film(store: Store, root: Path) -> None:
    def broken() -> Iterator[pa.Table]:
        yield from scenes("aa", 2)
        raise LakeError("a part is gone")

    store.commit(video("aa"), scenes("aa"), **DIMS)
    with pytest.raises(LakeError, match="a part is gone"):
        store.commit(video("aa", n_scenes=3), broken(), **DIMS)
    assert Lake(root).scenes().num_rows == 2
    assert not [path for path in root.rglob("*") if "partial" in path.name]


def test_a_lake_where_a_file_stands_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("not a folder")
    with pytest.raises(LakeError, match="lake cannot be written"):
        Store(folder_at(tmp_path / "lake")).prepare()


def test_failures_count_their_attempts_until_the_film_makes_it(store: Store) -> None:
    uri = video("aa").uri
    assert store.record_failure(failure(uri)).attempts == 1
    assert store.record_failure(failure(uri)).attempts == 2
    assert store.failed_uris() == [uri]
    store.commit(video("aa"), scenes("aa"), **DIMS)
    assert store.failed_uris() == []


def test_failures_of_one_type_are_asked_for(store: Store) -> None:
    store.record_failure(failure("/films/a.mp4"))
    store.record_failure(replace(failure("/films/b.mp4"), error_type="timeout"))
    assert store.failed_uris(error_type="timeout") == ["/films/b.mp4"]
    assert store.failed_uris(error_type="empty") == []
