"""The Arrow schemas of the lake's tables, written down once, and rows as tables.

A vector that is not there (a scene without pictures) is stored as zeros, not as null:
pyarrow (25) cannot read a null in a fixed-size list back from Parquet.

A table's schema carries its name and the version of this file in its metadata; raise
`SCHEMA_VERSION` with every change that an old reader would notice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scenelake.schemas.clips import Piece
from scenelake.schemas.rows import (
    Answer,
    Failure,
    Provenance,
    Scene,
    Video,
)

SCHEMA_VERSION = 3

_SPAN = [pa.field("start_s", pa.float64()), pa.field("end_s", pa.float64())]
_LABEL = pa.struct([("name", pa.string()), ("score", pa.float32())])
_SHOT = pa.struct(_SPAN)
_TEXT = pa.struct([("text", pa.string()), ("score", pa.float32()), ("time_s", pa.float64())])
_WORD = pa.struct(
    [
        pa.field("text", pa.string()),
        *_SPAN,
        pa.field("score", pa.float32()),
        pa.field("speaker", pa.string()),
    ]
)
_CHAPTER = pa.struct([*_SPAN, pa.field("title", pa.string())])
_CITATION = pa.struct(
    [
        pa.field("video_id", pa.string()),
        pa.field("scene_id", pa.string()),
        *_SPAN,
        pa.field("quote", pa.string()),
    ]
)
_FILM_SPAN = pa.struct([pa.field("video_id", pa.string()), *_SPAN])
_ANSWER_FAILURE = pa.struct([("error_type", pa.string()), ("message", pa.string())])
_PROVENANCE = pa.struct(
    [
        ("run_id", pa.string()),
        ("version", pa.string()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("configs", pa.map_(pa.string(), pa.string())),
        ("models", pa.map_(pa.string(), pa.string())),
        ("prompt_hash", pa.string()),
        ("frames_s", pa.list_(pa.float64())),
    ]
)


def _schema(table: str, fields: list[tuple[str, pa.DataType]]) -> pa.Schema:
    metadata = {"scenelake.table": table, "scenelake.schema_version": str(SCHEMA_VERSION)}
    return pa.schema(fields, metadata=metadata)


VIDEOS = _schema(
    "videos",
    [
        ("video_id", pa.string()),
        ("uri", pa.string()),
        ("container", pa.string()),
        ("duration_s", pa.float64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("fps", pa.float64()),
        ("rotation", pa.int32()),
        ("video_codec", pa.string()),
        ("audio_codec", pa.string()),
        ("has_video", pa.bool_()),
        ("has_audio", pa.bool_()),
        ("language", pa.string()),
        ("n_scenes", pa.int32()),
        ("summary", pa.string()),
        ("chapters", pa.list_(_CHAPTER)),
        ("warnings", pa.list_(pa.string())),
        ("cuts_s", pa.list_(pa.float64())),
        ("n_bytes", pa.int64()),
        ("provenance", _PROVENANCE),
        ("summary_grounded", pa.bool_()),
    ],
)

ANSWERS = _schema(
    "answers",
    [
        ("question_id", pa.string()),
        ("question", pa.string()),
        ("video_id", pa.string()),
        ("answer", pa.string()),
        ("choice", pa.string()),
        ("citations", pa.list_(_CITATION)),
        ("grounded", pa.bool_()),
        ("provenance", _PROVENANCE),
        ("spans", pa.list_(_FILM_SPAN)),
        ("failure", _ANSWER_FAILURE),
    ],
)

FAILURES = _schema(
    "failures",
    [
        ("uri", pa.string()),
        ("video_id", pa.string()),
        ("stage", pa.string()),
        ("error_type", pa.string()),
        ("message", pa.string()),
        ("attempts", pa.int32()),
        ("run_id", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
    ],
)


_TRACK = pa.struct(
    [
        ("kind", pa.string()),
        ("n_frames", pa.int64()),
        ("last_s", pa.float64()),
        ("n_refused", pa.int64()),
        ("first_refused_s", pa.float64()),
        ("broke_off", pa.string()),
        ("notes", pa.list_(pa.string())),
    ]
)
_STAGED_KEYFRAME = pa.struct(
    [
        ("time_s", pa.float64()),
        ("jpeg", pa.binary()),
        ("vector", pa.list_(pa.float32())),
        ("labels", pa.list_(_LABEL)),
        ("ocr", pa.list_(_TEXT)),
    ]
)
PIECES = _schema(
    "pieces",
    [
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("pictures_start_s", pa.float64()),
        ("pictures_end_s", pa.float64()),
        ("cuts_s", pa.list_(pa.float64())),
        ("keyframes", pa.list_(_STAGED_KEYFRAME)),
        ("words", pa.list_(_WORD)),
        ("language", pa.string()),
        ("tracks", pa.list_(_TRACK)),
        ("translation", pa.list_(_WORD)),
    ],
)
"""A finished clip of an unfinished film: one row in a file of `_staging`."""


def scenes_schema(*, visual_dim: int, text_dim: int) -> pa.Schema:
    """Schema of the scenes table for vectors of these lengths.

    A fixed-size list keeps its length in its type, so the length is the model's to say.
    """
    keyframe = pa.struct(
        [
            ("time_s", pa.float64()),
            ("jpeg", pa.binary()),
            ("vector", pa.list_(pa.float32(), visual_dim)),
            ("labels", pa.list_(_LABEL)),
            ("ocr", pa.list_(_TEXT)),
        ]
    )
    return _schema(
        "scenes",
        [
            ("video_id", pa.string()),
            ("scene_id", pa.string()),
            ("index", pa.int32()),
            ("start_s", pa.float64()),
            ("end_s", pa.float64()),
            ("shots", pa.list_(_SHOT)),
            ("title", pa.string()),
            ("description", pa.string()),
            ("mood", pa.string()),
            ("labels", pa.list_(_LABEL)),
            ("ocr", pa.list_(_TEXT)),
            ("transcript", pa.string()),
            ("words", pa.list_(_WORD)),
            ("translation", pa.string()),
            ("translated_words", pa.list_(_WORD)),
            ("audio_events", pa.list_(_LABEL)),
            ("keyframes", pa.list_(keyframe)),
            ("embedding", pa.list_(pa.float32(), visual_dim)),
            ("text_embedding", pa.list_(pa.float32(), text_dim)),
            ("grounded", pa.bool_()),
            ("language", pa.string()),
            ("provenance", _PROVENANCE),
        ],
    )


def scenes_table(
    scenes: Iterable[tuple[Scene, Provenance]], *, visual_dim: int, text_dim: int
) -> pa.Table:
    """Rows of the scenes table, in the order given."""
    zeros = {"embedding": np.zeros(visual_dim), "text_embedding": np.zeros(text_dim)}
    rows = [_scene_row(scene, provenance, zeros) for scene, provenance in scenes]
    schema = scenes_schema(visual_dim=visual_dim, text_dim=text_dim)
    return pa.Table.from_pylist(rows, schema=schema)


def videos_table(videos: Iterable[Video]) -> pa.Table:
    return _table(videos, VIDEOS)


def answers_table(answers: Iterable[Answer]) -> pa.Table:
    return _table(answers, ANSWERS)


def pieces_table(pieces: Iterable[Piece]) -> pa.Table:
    return _table(pieces, PIECES)


def failures_table(failures: Iterable[Failure]) -> pa.Table:
    return _table(failures, FAILURES)


def _scene_row(
    scene: Scene, provenance: Provenance, zeros: dict[str, NDArray[np.float64]]
) -> dict[str, Any]:
    names = set(scenes_schema(visual_dim=1, text_dim=1).names) - {"provenance"}
    row = {name: _value(getattr(scene, name)) for name in names}
    missing = {name: _vector(vector) for name, vector in zeros.items() if row[name] is None}
    return {**row, **missing, "provenance": _value(provenance)}


def _table(rows: Iterable[Video | Answer | Failure | Piece], schema: pa.Schema) -> pa.Table:
    plain = [{name: _value(getattr(row, name)) for name in schema.names} for row in rows]
    return pa.Table.from_pylist(plain, schema=schema)


def _value(value: Any) -> Any:
    """A value of a row as what `pa.Table.from_pylist` takes: dicts, lists, scalars."""
    if isinstance(value, np.ndarray):
        return _vector(value)
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _value(getattr(value, name)) for name in value.__dataclass_fields__}
    if hasattr(value, "items"):
        return sorted((str(key), str(item)) for key, item in value.items())
    return value


def _vector(vector: NDArray[Any]) -> Any:
    return np.ascontiguousarray(vector, dtype=np.float32)
