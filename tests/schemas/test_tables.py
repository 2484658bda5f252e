"""Rows come back from Parquet as they were written, with the schemas that are written down."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenelake.schemas import tables
from scenelake.schemas.rows import (
    Answer,
    Chapter,
    Citation,
    Failure,
    FilmSpan,
    Keyframe,
    Label,
    Provenance,
    Scene,
    ScreenText,
    Shot,
    Video,
    Word,
)

AT = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
VISUAL_DIM, TEXT_DIM = 3, 2
PROVENANCE = Provenance(
    run_id="run-1",
    version="0.1.0",
    created_at=AT,
    configs={"visual": "b2", "cut": "a1"},
    models={"text": "minilm@1"},
    prompt_hash="p",
    frames_s=(1.5,),
)
SCENE = Scene(
    video_id="film",
    index=0,
    start_s=1.2345,
    end_s=4.5,
    shots=(Shot(1.2345, 3.0), Shot(3.0, 4.5)),
    title="A cat",
    description="A cat looks up.",
    mood="calm",
    labels=(Label("tabby", 0.5),),
    ocr=(ScreenText("Gate 7 — é", 0.75, 2.0),),
    words=(Word("The", 1.5, 1.75, 0.5), Word("cat.", 1.75, 2.0, 0.25, speaker="A")),
    audio_events=(Label("meow", 0.125),),
    keyframes=(
        Keyframe(
            2.0,
            b"\xff\xd8\x00",
            np.array([1, 0, 0], np.float32),
            labels=(Label("tabby", 0.5), Label("lynx", 0.25)),
            ocr=(ScreenText("Gate 7 — é", 0.75, 2.0),),
        ),
        Keyframe(3.5, b"\xff\xd8\x01", np.array([0.1, 0.7, -0.7], np.float32)),
    ),
    embedding=np.array([0.6, 0.8, 0.0], np.float32),
    text_embedding=np.array([0.0, 1.0], np.float32),
    grounded=True,
    language="en",
    frames_s=(2.0,),
    translated_words=(Word("A", 1.5, 1.75, 0.5), Word("tomcat.", 1.75, 2.0, 0.5)),
)
BARE = Scene(video_id="film", index=1, start_s=4.5, end_s=9.0, shots=(Shot(4.5, 9.0),))
VIDEO = Video(
    video_id="film",
    uri="/archive/film.mp4",
    container="mov,mp4",
    duration_s=9.0,
    width=320,
    height=180,
    fps=25.0,
    rotation=90,
    video_codec="h264",
    audio_codec=None,
    language="en",
    n_scenes=2,
    n_bytes=5_000_000_000,
    provenance=PROVENANCE,
    summary="About a cat.",
    chapters=(Chapter(0.0, 9.0, "All"),),
    warnings=("video ends at 8.0 s of 9.0 s",),
    cuts_s=(3.0, 4.5),
)


@pytest.fixture
def scenes_file(tmp_path: Path) -> Path:
    path = tmp_path / "film.parquet"
    table = tables.scenes_table(
        [(SCENE, PROVENANCE), (BARE, PROVENANCE)], visual_dim=VISUAL_DIM, text_dim=TEXT_DIM
    )
    pq.write_table(table, path)
    return path


def plain(provenance: dict[str, Any]) -> Provenance:
    maps = {key: dict(provenance[key]) for key in ("configs", "models")}
    return Provenance(**{**provenance, **maps, "frames_s": tuple(provenance["frames_s"])})


def test_a_scene_comes_back_as_it_was(scenes_file: Path) -> None:
    row, bare = pq.read_table(scenes_file).to_pylist()
    assert row["scene_id"] == "film-1234"
    assert row["transcript"] == "The cat."
    assert (row["translation"], bare["translation"]) == ("A tomcat.", "")
    assert tuple(Word(**word) for word in row["translated_words"]) == SCENE.translated_words
    assert tuple(Shot(**shot) for shot in row["shots"]) == SCENE.shots
    assert tuple(Word(**word) for word in row["words"]) == SCENE.words
    assert tuple(ScreenText(**text) for text in row["ocr"]) == SCENE.ocr
    assert tuple(Label(**label) for label in row["labels"]) == SCENE.labels
    assert tuple(Label(**label) for label in row["audio_events"]) == SCENE.audio_events
    same = ("video_id", "index", "start_s", "end_s", "title", "description", "grounded", "language")
    assert {name: row[name] for name in same} == {name: getattr(SCENE, name) for name in same}
    assert (row["mood"], bare["mood"]) == ("calm", "")
    assert plain(row["provenance"]) == PROVENANCE
    assert bare["words"] == []


def test_keyframes_come_back_bit_by_bit(scenes_file: Path) -> None:
    row, bare = pq.read_table(scenes_file).to_pylist()
    assert [k["jpeg"] for k in row["keyframes"]] == [b"\xff\xd8\x00", b"\xff\xd8\x01"]
    for stored, keyframe in zip(row["keyframes"], SCENE.keyframes, strict=True):
        assert np.array_equal(np.array(stored["vector"], np.float32), keyframe.vector)
        assert tuple(Label(**label) for label in stored["labels"]) == keyframe.labels
        assert tuple(ScreenText(**text) for text in stored["ocr"]) == keyframe.ocr
    assert SCENE.embedding is not None
    assert np.array_equal(np.array(row["embedding"], np.float32), SCENE.embedding)
    assert row["text_embedding"] == [0.0, 1.0]
    assert bare["keyframes"] == []


def test_a_vector_that_is_not_there_is_zeros_which_are_near_nothing(scenes_file: Path) -> None:
    _, bare = pq.read_table(scenes_file).to_pylist()
    assert bare["embedding"] == [0.0] * VISUAL_DIM
    assert bare["text_embedding"] == [0.0] * TEXT_DIM


def test_a_vector_of_another_length_is_not_written() -> None:
    wrong = replace(SCENE, embedding=np.ones(VISUAL_DIM + 1, np.float32))
    with pytest.raises(pa.ArrowInvalid):
        tables.scenes_table([(wrong, PROVENANCE)], visual_dim=VISUAL_DIM, text_dim=TEXT_DIM)


def test_a_video_comes_back_as_it_was(tmp_path: Path) -> None:
    sound = replace(VIDEO, video_codec=None, audio_codec="aac", width=None, height=None, fps=None)
    pq.write_table(tables.videos_table([VIDEO, sound]), tmp_path / "videos.parquet")
    row, other = pq.read_table(tmp_path / "videos.parquet").to_pylist()
    assert (row["has_video"], row["has_audio"]) == (True, False)
    assert (other["has_video"], other["has_audio"], other["width"]) == (False, True, None)
    row["chapters"] = tuple(Chapter(**chapter) for chapter in row["chapters"])
    for name in ("warnings", "cuts_s"):
        row[name] = tuple(row[name])
    row["provenance"] = plain(row["provenance"])
    assert Video(**{f.name: row[f.name] for f in fields(Video)}) == VIDEO


def test_an_answer_comes_back_as_it_was(tmp_path: Path) -> None:
    citation = Citation("film", "film-1234", 1.2345, 4.5, "The cat.")
    span = FilmSpan("film", 1.2345, 4.5)
    answer = Answer("q1", "Who?", "The cat.", True, (citation,), PROVENANCE, "film", "B", (span,))
    pq.write_table(tables.answers_table([answer]), tmp_path / "answers.parquet")
    (row,) = pq.read_table(tmp_path / "answers.parquet").to_pylist()
    row["citations"] = tuple(Citation(**c) for c in row["citations"])
    row["spans"] = tuple(FilmSpan(**s) for s in row["spans"])
    row["provenance"] = plain(row["provenance"])
    assert Answer(**row) == answer


def test_a_failure_comes_back_as_it_was(tmp_path: Path) -> None:
    failure = Failure("/gone.mp4", "plan", "not_found", "/gone.mp4: no such file", "run-1", AT)
    pq.write_table(tables.failures_table([failure]), tmp_path / "failures.parquet")
    (row,) = pq.read_table(tmp_path / "failures.parquet").to_pylist()
    assert Failure(**row) == failure


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (tables.videos_table([]), "videos"),
        (tables.answers_table([]), "answers"),
        (tables.failures_table([]), "failures"),
        (tables.pieces_table([]), "pieces"),
        (tables.scenes_table([], visual_dim=VISUAL_DIM, text_dim=TEXT_DIM), "scenes"),
    ],
)
def test_a_file_says_which_table_it_is_and_of_which_version(
    tmp_path: Path, table: pa.Table, name: str
) -> None:
    pq.write_table(table, tmp_path / "x.parquet")
    schema = pq.read_schema(tmp_path / "x.parquet")
    assert schema.equals(table.schema)
    assert schema.metadata[b"scenelake.table"].decode() == name
    assert int(schema.metadata[b"scenelake.schema_version"]) >= 1


def test_a_table_without_rows_has_the_same_schema_as_one_with(scenes_file: Path) -> None:
    empty = tables.scenes_table([], visual_dim=VISUAL_DIM, text_dim=TEXT_DIM)
    assert pq.read_schema(scenes_file).equals(empty.schema)


def test_duckdb_reads_vectors_structs_and_maps(scenes_file: Path) -> None:
    with duckdb.connect() as db:
        scenes = f"'{scenes_file}'"
        # DuckDB reads a fixed-size list as a list; a query says how long it is.
        query = f"[0.6, 0.8, 0]::FLOAT[{VISUAL_DIM}]"
        near = f"array_inner_product(embedding::FLOAT[{VISUAL_DIM}], {query})"
        found = db.sql(f"SELECT scene_id, {near} FROM {scenes} ORDER BY index").fetchall()
        assert found == [("film-1234", pytest.approx(1.0)), ("film-4500", 0.0)]
        said = f"SELECT w.text, w.start_s, w.speaker FROM (SELECT unnest(words) w FROM {scenes})"
        assert db.sql(said).fetchall() == [("The", 1.5, None), ("cat.", 1.75, "A")]
        kept = f"SELECT k.time_s, k.vector FROM (SELECT unnest(keyframes) k FROM {scenes})"
        assert db.sql(kept).fetchall() == [
            (2.0, [1.0, 0.0, 0.0]),
            (3.5, pytest.approx([0.1, 0.7, -0.7])),
        ]
        who = f"SELECT DISTINCT provenance.models['text'], provenance.run_id FROM {scenes}"
        assert db.sql(who).fetchall() == [("minilm@1", "run-1")]


def test_duckdb_reads_many_films_as_one_table(scenes_file: Path) -> None:
    other = replace(BARE, video_id="other", words=(Word("hello", 5.0, 5.5, 0.5),))
    table = tables.scenes_table([(other, PROVENANCE)], visual_dim=VISUAL_DIM, text_dim=TEXT_DIM)
    pq.write_table(table, scenes_file.parent / "other.parquet")
    with duckdb.connect() as db:
        every = f"SELECT video_id, count(*) FROM '{scenes_file.parent}/*.parquet' GROUP BY 1"
        assert sorted(db.sql(every).fetchall()) == [("film", 2), ("other", 1)]


def test_what_is_no_span_is_not_a_row() -> None:
    for build in (lambda: Shot(2.0, 1.0), lambda: Word("x", 0.0, float("nan"), 1.0)):
        with pytest.raises(ValueError, match="is not a span"):
            build()
