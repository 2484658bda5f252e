"""Scenes as JSON: what a row says, without pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from scenelake.pipeline.export.film import PICTURES, VECTORS, Film, columns_but

_MAPS = ("configs", "models")


def scene_records(film: Film, *, vectors: bool = False) -> Iterator[dict[str, Any]]:
    """A film's scenes in time order, each with the film's address; no binary.

    Args:
        vectors: embeddings too, as lists of numbers.
    """
    with film.lake.folder.parquet(f"scenes/{film.video_id}.parquet") as file:
        schema = file.schema_arrow
    columns = columns_but(schema, PICTURES if vectors else (*PICTURES, *VECTORS))
    for row in film.scenes(columns):
        yield record_of(row, uri=film.uri)


def record_of(row: dict[str, Any], *, uri: str) -> dict[str, Any]:
    """A row of the scenes table as what JSON can say."""
    provenance = dict(row["provenance"])
    for name in _MAPS:
        provenance[name] = dict(provenance[name])
    return {"video_id": row["video_id"], "uri": uri, **row, "provenance": provenance}


def json_line(record: dict[str, Any]) -> bytes:
    """One line, its end included; what no text can hold (lone surrogates) is replaced."""
    text = json.dumps(record, ensure_ascii=False, default=_plain, separators=(",", ":"))
    return (text + "\n").encode(errors="replace")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a scene holds a {type(value).__name__}, which JSON cannot say")
