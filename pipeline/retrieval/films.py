"""Films as the index takes them in: the words and vectors of their scenes, no pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from scenelake.pipeline.storing.folder import Folder
from scenelake.schemas.arrays import Float32
from scenelake.schemas.errors import LakeError

if TYPE_CHECKING:
    import pyarrow.parquet as pq

ROWS = pa.schema(
    [
        ("scene_id", pa.string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("language", pa.string()),
        ("came_at", pa.timestamp("us", tz="UTC")),
        ("title", pa.string()),
        ("description", pa.string()),
        ("said", pa.string()),
        ("translated", pa.string()),
        ("shown", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("speakers", pa.list_(pa.string())),
    ]
)
"""What is kept of a scene to filter it, to search its words and to show it."""

_PLAIN = "scene_id start_s end_s language title description".split()
_VECTORS = {"seen": "embedding", "told": "text_embedding"}
_LISTS = {"labels": "name", "audio_events": "name", "ocr": "text", "words": "speaker"}
_N_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A committed film.

    Attributes:
        mark: changes when the film is written anew.
        models: step -> ``name@revision``.
        rows: of the schema `ROWS`, in time order.
        vectors: "seen" and "told" -> (N, D) float32; zeros where a scene has none.
    """

    video_id: str
    uri: str
    mark: str
    models: Mapping[str, str]
    rows: pa.Table
    vectors: Mapping[str, Float32]


def marks(folder: Folder) -> dict[str, str]:
    """The films that are there whole, each with what changes when one of its files does."""
    videos, scenes = folder.marks("videos"), folder.marks("scenes")
    return {
        name.removesuffix(".parquet"): f"{mark} {scenes[name]}"
        for name, mark in videos.items()
        if name in scenes and name.endswith(".parquet")
    }


def read(folder: Folder, video_id: str) -> Film | None:
    """A film; None where it went away meanwhile.

    Errors:
        LakeError: its files cannot be read, or are being replaced again and again.
    """
    for _ in range(_N_ATTEMPTS):
        mark = _mark(folder, video_id)
        if mark is None:
            return None
        film = _read(folder, video_id, mark)
        if film is not None and _mark(folder, video_id) == mark:
            return film
    raise LakeError(f"film {video_id} is being replaced again and again")


def _mark(folder: Folder, video_id: str) -> str | None:
    name = f"{video_id}.parquet"
    found = [folder.mark(f"{table}/{name}") for table in ("videos", "scenes")]
    return None if None in found else " ".join(map(str, found))


def _read(folder: Folder, video_id: str, mark: str) -> Film | None:
    try:
        with folder.parquet(f"videos/{video_id}.parquet") as file:
            video = file.read(columns=["uri", "provenance"]).to_pylist()[0]
        with folder.parquet(f"scenes/{video_id}.parquet") as file:
            scenes = file.read(columns=_columns(file))
        return Film(
            video_id=video_id,
            uri=video["uri"],
            mark=mark,
            models=dict(video["provenance"]["models"]),
            rows=_rows(scenes),
            vectors={kind: _matrix(scenes[column]) for kind, column in _VECTORS.items()},
        )
    except FileNotFoundError:
        return None
    except (OSError, KeyError, IndexError, pa.ArrowException) as error:
        words = " ".join(str(error).split())
        raise LakeError(f"film {video_id} cannot be read: {words}") from error


def _columns(file: pq.ParquetFile) -> list[str]:
    """Only the leaves that are wanted: pictures weigh a hundred times more."""
    there = set(file.schema_arrow.names)
    leaves = [f"{name}.list.element.{leaf}" for name, leaf in _LISTS.items() if name in there]
    rest = [*_PLAIN, "transcript", "translation", *_VECTORS.values(), "provenance.created_at"]
    return leaves + [name for name in rest if name.partition(".")[0] in there]


def _rows(scenes: pa.Table) -> pa.Table:
    columns: dict[str, Any] = {name: scenes[name] for name in _PLAIN}
    columns["came_at"] = [row["created_at"] for row in scenes["provenance"].to_pylist()]
    columns["said"] = scenes["transcript"]
    columns["translated"] = _or_empty(scenes, "translation")
    columns["shown"] = ["\n".join(_distinct(lines)) for lines in _leaves(scenes, "ocr")]
    seen, heard = _leaves(scenes, "labels"), _leaves(scenes, "audio_events")
    columns["labels"] = [_distinct([*a, *b]) for a, b in zip(seen, heard, strict=True)]
    columns["speakers"] = [_distinct(names) for names in _leaves(scenes, "words")]
    return pa.table({name: columns[name] for name in ROWS.names}, schema=ROWS).combine_chunks()


def _leaves(scenes: pa.Table, name: str) -> list[list[str]]:
    if name not in scenes.column_names:
        return [[] for _ in range(len(scenes))]
    leaf = _LISTS[name]
    return [[item[leaf] for item in row or () if item[leaf]] for row in scenes[name].to_pylist()]


def _or_empty(scenes: pa.Table, name: str) -> Any:
    return scenes[name] if name in scenes.column_names else [""] * len(scenes)


def _distinct(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _matrix(column: pa.ChunkedArray) -> Float32:
    """(N, D) float32 of a column of fixed-size lists."""
    values = np.concatenate([np.asarray(chunk.flatten(), np.float32) for chunk in column.chunks])
    return values.reshape(len(column), column.type.list_size)
