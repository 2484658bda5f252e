"""Scenes as passages: read from the lake once, kept while questions about them are asked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from scenelake.pipeline.lake import Lake
from scenelake.schemas.rows import Keyframe, Label, Scene, ScreenText, Shot, Word
from scenelake.workers.engines import Passage

_COLUMNS = (
    "video_id scene_id index start_s end_s shots title description labels ocr words "
    "translated_words audio_events language"
).split()
_MAX_FILMS = 8
"""Whose scenes are kept, without their pictures: a film of ten hours has about 30 MB."""


@dataclass(slots=True)
class Shelf:
    """A lake's scenes for an answerer.

    A film that is committed anew meanwhile is read as it was when it was first asked for.

    Attributes:
        with_pictures: whether passages bring their keyframes.
    """

    lake: Lake
    with_pictures: bool
    _films: OrderedDict[str, pa.Table] = field(default_factory=OrderedDict)

    def film(self, video_id: str, *, uri: str) -> tuple[Passage, ...]:
        """All scenes of a film in time order, without pictures."""
        return tuple(Passage(_scene(row), uri) for row in self._table(video_id).to_pylist())

    def passages(self, video_id: str, scores: Mapping[str, float], *, uri: str) -> list[Passage]:
        """Some scenes of a film by their ids, with their scores; those that are gone left out."""
        table = self._table(video_id)
        ids = table["scene_id"].to_pylist()
        rows = _rows(table, [i for i, name in enumerate(ids) if name in scores])
        found = [Passage(_scene(row), uri, scores[row["scene_id"]]) for row in rows]
        return self._illustrated(video_id, found) if self.with_pictures else found

    def neighbours(self, video_id: str, wanted: Sequence[str], *, uri: str) -> list[Passage]:
        """The scenes just before and after some, where a sentence may go on."""
        table = self._table(video_id)
        ids = table["scene_id"].to_pylist()
        places = {i for i, name in enumerate(ids) if name in set(wanted)}
        beside = {i + step for i in places for step in (-1, 1)} - places
        rows = _rows(table, sorted(i for i in beside if 0 <= i < len(ids)))
        return [Passage(_scene(row), uri) for row in rows]

    def _table(self, video_id: str) -> pa.Table:
        if video_id not in self._films:
            self._films[video_id] = self.lake.scenes(columns=_COLUMNS, video_id=video_id)
            if len(self._films) > _MAX_FILMS:
                self._films.popitem(last=False)
        self._films.move_to_end(video_id)
        return self._films[video_id]

    def _illustrated(self, video_id: str, passages: Sequence[Passage]) -> list[Passage]:
        frames = self._keyframes(video_id, {p.scene_id for p in passages})
        return [
            replace(p, scene=replace(p.scene, keyframes=frames.get(p.scene_id, ())))
            for p in passages
        ]

    def _keyframes(self, video_id: str, wanted: set[str]) -> dict[str, tuple[Keyframe, ...]]:
        """Pictures of some scenes; of row groups without any of them, none is read."""
        found: dict[str, tuple[Keyframe, ...]] = {}
        with self.lake.folder.parquet(f"scenes/{video_id}.parquet") as file:
            for group in range(file.num_row_groups):
                ids = file.read_row_group(group, columns=["scene_id"])["scene_id"].to_pylist()
                places = [i for i, name in enumerate(ids) if name in wanted]
                if places:
                    rows = file.read_row_group(group, columns=["keyframes"]).take(places)
                    told = zip(places, rows["keyframes"].to_pylist(), strict=True)
                    found |= {ids[i]: tuple(map(_keyframe, frames)) for i, frames in told}
        return found


def _rows(table: pa.Table, places: Sequence[int]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.take(pa.array(places, pa.int64())).to_pylist()
    return rows


def _scene(row: Mapping[str, Any]) -> Scene:
    return Scene(
        video_id=row["video_id"],
        index=row["index"],
        start_s=row["start_s"],
        end_s=row["end_s"],
        shots=tuple(Shot(**shot) for shot in row["shots"] or ()),
        title=row["title"] or "",
        description=row["description"] or "",
        labels=_labels(row["labels"]),
        ocr=tuple(ScreenText(**text) for text in row["ocr"] or ()),
        words=tuple(Word(**word) for word in row["words"] or ()),
        translated_words=tuple(Word(**word) for word in row["translated_words"] or ()),
        audio_events=_labels(row["audio_events"]),
        language=row["language"],
    )


def _labels(rows: Sequence[Mapping[str, Any]] | None) -> tuple[Label, ...]:
    return tuple(Label(**row) for row in rows or ())


def _keyframe(row: Mapping[str, Any]) -> Keyframe:
    return Keyframe(
        time_s=row["time_s"],
        jpeg=row["jpeg"],
        vector=np.array(row["vector"], np.float32),
        labels=_labels(row["labels"]),
        ocr=tuple(ScreenText(**text) for text in row["ocr"] or ()),
    )
