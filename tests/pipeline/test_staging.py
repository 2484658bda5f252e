"""A staged clip is read back as it was; of several workers one does what only one should."""

from __future__ import annotations

import threading
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from scenelake.pipeline.storing.staging import Staging
from scenelake.schemas.clips import Piece, Track
from scenelake.schemas.rows import Keyframe, Label, Provenance, Scene, ScreenText, Shot, Word
from scenelake.schemas.tables import scenes_table
from tests.pipeline.staged import CONFIGS, lake_access

PIECE = Piece(
    start_s=10.0,
    end_s=20.0,
    pictures_start_s=10.52,
    pictures_end_s=21.04,
    cuts_s=(10.52, 13.1),
    keyframes=(
        Keyframe(
            12.04,
            b"\xff\xd8\x00\x01",
            np.array([0.6, 0.8, 0.0], np.float32),
            labels=(Label("tabby", 0.5), Label("lynx", 0.25)),
            ocr=(ScreenText("Gate 7 — é", 0.75, 12.04),),
        ),
        Keyframe(17.6, b"\xff\xd8\x02", np.array([0.1, 0.7, -0.7], np.float32)),
    ),
    words=(Word("Hello", 9.5, 10.25, 0.5), Word("there.", 10.25, 10.5, 0.25, speaker="A")),
    language="en",
    tracks=(
        Track("video", 250, 21.0, 2, 11.5, "no more data", ("a plain sentence",)),
        Track("audio", 400, 0.0),
    ),
    translation=(Word("Good", 9.5, 10.0, 0.5), Word("day.", 10.0, 10.5, 0.25)),
)
NOTHING = Piece(20.0, 30.0, 21.04, 30.0)


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return lake_access(tmp_path).staging


def assert_same(ours: Piece, theirs: Piece) -> None:
    """Equal, vectors bit by bit."""
    for name in {field.name for field in fields(Piece)} - {"keyframes"}:
        assert getattr(ours, name) == getattr(theirs, name)
    for one, two in zip(ours.keyframes, theirs.keyframes, strict=True):
        for name in {field.name for field in fields(Keyframe)} - {"vector"}:
            assert getattr(one, name) == getattr(two, name)
        assert np.array_equal(one.vector, two.vector)
        assert one.vector.dtype == two.vector.dtype


@pytest.mark.parametrize("piece", [PIECE, NOTHING], ids=["full", "empty"])
def test_a_clip_is_read_back_as_it_was(staging: Staging, piece: Piece) -> None:
    staging.put_clip("film", 3, piece)
    assert_same(staging.piece("film", 3), piece)
    assert staging.clips("film") == {3}


def test_the_outline_of_a_clip_is_all_but_its_pictures(staging: Staging) -> None:
    staging.put_clip("film", 0, PIECE)
    light = staging.outline("film", 0)
    assert [keyframe.time_s for keyframe in light.keyframes] == [12.04, 17.6]
    assert {keyframe.jpeg for keyframe in light.keyframes} == {b""}
    for name in {field.name for field in fields(Piece)} - {"keyframes"}:
        assert getattr(light, name) == getattr(PIECE, name)


def test_a_clip_that_is_done_again_replaces_the_first(staging: Staging) -> None:
    staging.put_clip("film", 0, NOTHING)
    staging.put_clip("film", 0, PIECE)
    assert_same(staging.piece("film", 0), PIECE)
    assert staging.clips("film") == {0}


def test_a_half_written_clip_is_none(staging: Staging, tmp_path: Path) -> None:
    staging.put_clip("film", 1, PIECE)
    (whole,) = tmp_path.rglob("clip-00001.parquet")
    half = whole.with_name(".clip-00002.parquet.4711-abcdef01.partial")
    half.write_bytes(whole.read_bytes()[:100])
    assert staging.clips("film") == {1}


@pytest.mark.parametrize("family", ["cut", "visual", "ocr", "speech"])
def test_clips_of_another_configuration_are_not_ours(tmp_path: Path, family: str) -> None:
    lake_access(tmp_path).staging.put_clip("film", 0, PIECE)
    assert lake_access(tmp_path, **{family: "other"}).staging.clips("film") == set()
    assert lake_access(tmp_path).staging.clips("film") == {0}


def test_clips_of_another_length_are_not_ours(tmp_path: Path) -> None:
    lake_access(tmp_path, clip_s=300).staging.put_clip("film", 0, PIECE)
    assert lake_access(tmp_path, clip_s=60).staging.clips("film") == set()


def test_another_describer_has_the_same_clips_but_parts_of_its_own(tmp_path: Path) -> None:
    staging = lake_access(tmp_path).staging
    staging.put_clip("film", 0, PIECE)
    staging.put_part("film", 0, NO_SCENES)
    other = lake_access(tmp_path, describe="other").staging
    assert (other.clips("film"), other.parts("film")) == ({0}, set())
    assert (staging.clips("film"), staging.parts("film")) == ({0}, {0})


def test_another_summariser_has_the_same_clips_and_parts(tmp_path: Path) -> None:
    staging = lake_access(tmp_path).staging
    staging.put_clip("film", 0, PIECE)
    staging.put_part("film", 0, NO_SCENES)
    other = lake_access(tmp_path, summary="other").staging
    assert (other.clips("film"), other.parts("film")) == ({0}, {0})


NO_SCENES = scenes_table([], visual_dim=3, text_dim=2)


def test_parts_come_back_in_their_order(staging: Staging) -> None:
    provenance = Provenance("run-1", "0", datetime.now(UTC), CONFIGS, {})
    for index in (2, 0, 1):
        scene = Scene("film", index, 2.0 * index, 2.0 * index + 2, (Shot(0, 1),))
        rows = scenes_table([(scene, provenance)], visual_dim=3, text_dim=2)
        staging.put_part("film", index, rows)
    tables = list(staging.part_tables("film", 3))
    assert [table["index"].to_pylist() for table in tables] == [[0], [1], [2]]


def test_one_wins_and_wins_again(staging: Staging) -> None:
    assert staging.win("film", "joined", token="run-1 3")
    assert not staging.win("film", "joined", token="run-1 4")
    assert staging.win("film", "joined", token="run-1 3")
    assert staging.win("film", "gathered", token="run-1 4")
    assert staging.win("other film", "joined", token="run-1 4")


def test_of_many_at_once_one_wins(staging: Staging) -> None:
    start, won = threading.Barrier(12), list[str]()

    def race(token: str) -> None:
        start.wait()
        if staging.win("film", "joined", token=token):
            won.append(token)

    threads = [threading.Thread(target=race, args=(f"run-1 {i}",)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_race_that_is_forgotten_is_open_again(staging: Staging) -> None:
    assert staging.win("film", "joined", token="run-1 3")
    staging.put_clip("film", 0, PIECE)
    staging.forget_races("film")
    assert staging.win("film", "joined", token="run-2 0")
    assert staging.clips("film") == {0}


def test_clearing_a_film_leaves_nothing_of_it_and_all_of_others(
    staging: Staging, tmp_path: Path
) -> None:
    for film in ("film", "other"):
        staging.put_clip(film, 0, PIECE)
        staging.put_part(film, 0, NO_SCENES)
    lake_access(tmp_path, cut="older").staging.put_clip("film", 0, PIECE)
    staging.clear("film")
    assert {path.parts[-3] for path in tmp_path.rglob("*.parquet")} == {"other"}
    assert not (tmp_path / "_staging" / "film").exists()
