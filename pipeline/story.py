"""A film's scenes, read back from their tables as what can be told of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from scenelake.pipeline.storing.folder import Folder
from scenelake.schemas.film import Source
from scenelake.schemas.flow import Facts
from scenelake.schemas.rows import Label, Vector
from scenelake.schemas.story import Story, Told

_COLUMNS = (
    *("start_s", "end_s", "title", "description", "grounded", "transcript", "translation"),
    *("words.list.element.score", "ocr", "labels", "embedding", "text_embedding"),
)


def read_story(folder: Folder, names: Iterable[str], *, source: Source, facts: Facts) -> Story:
    """The scenes of some tables, in their order; no picture is read."""
    scenes = [told for name in names for told in _scenes(folder, name)]
    return Story(source.video_id, source.duration_s, facts.language, tuple(scenes))


def _scenes(folder: Folder, name: str) -> Iterator[Told]:
    """Row group by row group: lists of vectors are ten times as large as what is kept."""
    with folder.parquet(name) as file:
        yield from _told_scenes(file)


def _told_scenes(file: pq.ParquetFile) -> Iterator[Told]:
    for group in range(file.num_row_groups):
        for row in file.read_row_group(group, columns=list(_COLUMNS)).to_pylist():
            yield _told(row)


def _told(row: Mapping[str, Any]) -> Told:
    return Told(
        start_s=row["start_s"],
        end_s=row["end_s"],
        title=row["title"],
        description=row["description"],
        grounded=row["grounded"],
        speech=row["transcript"],
        translation=row["translation"],
        scores=tuple(word["score"] for word in row["words"]),
        lines=tuple(line["text"] for line in row["ocr"]),
        labels=tuple(Label(**label) for label in row["labels"]),
        embedding=_vector(row["embedding"]),
        text_embedding=_vector(row["text_embedding"]),
    )


def _vector(values: list[float]) -> Vector:
    """Zeros say that there is none."""
    vector = np.asarray(values, dtype=np.float32)
    return vector if vector.any() else np.zeros(0, np.float32)
