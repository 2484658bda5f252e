"""The lake is there whole or not at all, whatever happens while it is written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from scenelake.pipeline.lake import Lake
from scenelake.pipeline.store import Store
from scenelake.schemas.errors import LakeError
from scenelake.schemas.rows import Failure, Provenance, Scene, Shot, Video

DIMS = {"visual_dim": 3, "text_dim": 2}


def provenance(**configs: str) -> Provenance:
    return Provenance("run-1", "0", datetime.now(UTC), configs, {"cut": "cutter@1"})


def video(video_id: str, n_scenes: int = 2, **configs: str) -> Video:
    return Video(
        video_id=video_id,
        uri=f"/films/{video_id}.mp4",
        container="mp4",
        duration_s=4.0,
        width=64,
        height=48,
        fps=25.0,
        rotation=0,
        video_codec="h264",
        audio_codec=None,
        language=None,
        n_scenes=n_scenes,
        n_bytes=10,
        provenance=provenance(**configs),
    )


def scenes(video_id: str, n: int = 2) -> list[tuple[Scene, Provenance]]:
    spans = [(2.0 * i, 2.0 * i + 2.0) for i in range(n)]
    return [
        (
            Scene(
                video_id=video_id,
                index=i,
                start_s=start_s,
                end_s=end_s,
                shots=(Shot(start_s, end_s),),
                embedding=np.ones(3, dtype=np.float32),
            ),
            provenance(),
        )
        for i, (start_s, end_s) in enumerate(spans)
    ]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "lake")
    store.prepare()
    return store


def failure(uri: str, video_id: str | None = None) -> Failure:
    return Failure(
        uri, "decode", "corrupt", "nothing decodes", "run-1", datetime.now(UTC), video_id
    )


def test_a_committed_film_is_read_back_with_its_configuration(store: Store) -> None:
    store.commit(video("aa", cut="c1", visual="v1"), scenes("aa"), **DIMS)
    assert store.committed_configs("aa") == {"cut": "c1", "visual": "v1"}
    read = Lake(store.root).scenes()
    assert read["scene_id"].to_pylist() == ["aa-0", "aa-2000"]
    assert read["embedding"].type.list_size == 3


def test_scenes_whose_film_has_no_row_are_not_shown(store: Store) -> None:
    store.commit(video("aa"), scenes("aa"), **DIMS)
    store.commit(video("bb"), scenes("bb"), **DIMS)
    (store.root / "videos" / "bb.parquet").unlink()  # as if killed between the two files
    assert set(Lake(store.root).scenes()["video_id"].to_pylist()) == {"aa"}
    assert store.committed_configs("bb") is None


def test_a_second_commit_replaces_the_first(store: Store) -> None:
    store.commit(video("aa", n_scenes=2), scenes("aa", 2), **DIMS)
    store.commit(video("aa", n_scenes=1), scenes("aa", 1), **DIMS)
    assert Lake(store.root).scenes().num_rows == 1


def test_a_write_that_breaks_leaves_the_old_film_and_no_litter(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit(video("aa"), scenes("aa"), **DIMS)
    real_write = pq.write_table

    def full_disk(table: object, path: Path, **options: object) -> None:
        real_write(table, path, **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full_disk)
    with pytest.raises(LakeError, match=r"No space left on device.*same command again"):
        store.commit(video("aa", n_scenes=1), scenes("aa", 1), **DIMS)
    monkeypatch.undo()
    assert Lake(store.root).scenes().num_rows == 2
    assert not [p for p in store.root.rglob("*") if "partial" in p.name]


def test_a_lake_where_a_file_stands_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("not a folder")
    with pytest.raises(LakeError, match="lake cannot be written"):
        Store(tmp_path / "lake").prepare()


def test_failures_count_their_attempts_until_the_film_makes_it(store: Store) -> None:
    uri = video("aa").uri
    assert store.record_failure(failure(uri)).attempts == 1
    assert store.record_failure(failure(uri)).attempts == 2
    assert store.failed_uris() == [uri]
    store.commit(video("aa"), scenes("aa"), **DIMS)
    assert store.failed_uris() == []


def test_one_input_of_a_run_gets_a_content_and_a_copy_is_told_of_it(store: Store) -> None:
    assert store.claim("aa", run_id="run-1", uri="/films/a.mp4") is None
    assert store.claim("aa", run_id="run-1", uri="/films/copy.mp4") == "/films/a.mp4"


def test_a_claim_left_by_a_dead_run_is_taken_over(store: Store) -> None:
    store.claim("aa", run_id="run-1", uri="/films/a.mp4")
    assert store.claim("aa", run_id="run-2", uri="/films/b.mp4") is None
    store.release("aa")
    assert list((store.root / "_staging").iterdir()) == []
