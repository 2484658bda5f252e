"""What a committed film knows already, read back from its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenelake.pipeline.storing.folder import Folder
from scenelake.pipeline.storing.staging import keyframe_of
from scenelake.pipeline.storing.store import Store
from scenelake.schemas.clips import Piece, Track
from scenelake.schemas.film import Source
from scenelake.schemas.flow import Facts
from scenelake.schemas.rows import Label, Scene, ScreenText, Shot, Word

_SPAN = ["start_s", "end_s"]
_STORED = [
    "video_id",
    "index",
    *_SPAN,
    "shots",
    "labels",
    "ocr",
    "words",
    "translated_words",
    "audio_events",
    "keyframes",
    "embedding",
    "language",
]


@dataclass(frozen=True, slots=True)
class Recall:
    """A committed film."""

    folder: Folder
    source: Source

    def facts(self) -> Facts:
        row = self._row()
        return Facts(row["n_scenes"], tuple(row["cuts_s"]), row["language"], tuple(row["warnings"]))

    def spans(self) -> list[tuple[float, float]]:
        """Start and end of each scene."""
        with self.folder.parquet(self._name) as file:
            rows = file.read(columns=_SPAN).to_pylist()
        return [(row["start_s"], row["end_s"]) for row in rows]

    def scenes(self, start_s: float, end_s: float) -> Iterator[Scene]:
        """Scenes that begin in ``[start_s, end_s)``, all but what was written of them."""
        yield from (_scene(row) for row in self._rows(start_s, end_s, begins=True))

    def piece(self, start_s: float, end_s: float) -> Piece:
        """What is known of a stretch of the film, as if it had just been made."""
        rows, video = list(self._rows(start_s, end_s, begins=False)), self._row()
        keyframes = [keyframe_of(k) for row in rows for k in row["keyframes"]]
        words = [Word(**word) for row in rows for word in row["words"]]
        translation = [Word(**word) for row in rows for word in row["translated_words"]]
        languages = [row["language"] for row in rows if row["language"]]
        return Piece(
            start_s=start_s,
            end_s=end_s,
            pictures_start_s=start_s,
            pictures_end_s=end_s,
            cuts_s=tuple(c for c in video["cuts_s"] if start_s <= c < end_s),
            keyframes=tuple(k for k in keyframes if start_s <= k.time_s < end_s),
            words=tuple(w for w in words if start_s <= w.middle_s < end_s),
            language=max(languages, key=languages.count, default=None),
            tracks=self._tracks(video["warnings"], first=start_s == 0.0),
            translation=tuple(w for w in translation if start_s <= w.middle_s < end_s),
        )

    def _tracks(self, warnings: list[str], *, first: bool) -> tuple[Track, ...]:
        """Tracks that were read well but for what the film's row warns of."""
        end_s, told = self.source.duration_s, warnings if first else []
        of_sound = tuple(w for w in told if w.startswith("audio"))
        others = tuple(w for w in told if w not in of_sound)
        return (
            Track("video", n_frames=1, last_s=end_s, notes=others),
            Track("audio", n_frames=1, last_s=end_s, notes=of_sound),
        )

    def _rows(self, start_s: float, end_s: float, *, begins: bool) -> Iterator[Mapping[str, Any]]:
        """Rows of the scenes in a stretch, one row group in memory at a time."""
        with self.folder.parquet(self._name) as file:
            for group in range(file.num_row_groups):
                spans = file.read_row_group(group, columns=_SPAN).to_pylist()
                if not any(s["start_s"] < end_s and s["end_s"] > start_s for s in spans):
                    continue
                for row in file.read_row_group(group, columns=_STORED).to_pylist():
                    is_in = start_s <= row["start_s"] if begins else row["end_s"] > start_s
                    if is_in and row["start_s"] < end_s:
                        yield row

    def _row(self) -> dict[str, Any]:
        row = Store(self.folder).committed_row(self.source.video_id)
        if row is None:
            raise LookupError(f"{self.source.uri}: its rows are gone from the lake")
        return row

    @property
    def _name(self) -> str:
        return f"scenes/{self.source.video_id}.parquet"


def _scene(row: Mapping[str, Any]) -> Scene:
    keyframes = tuple(keyframe_of(k) for k in row["keyframes"])
    return Scene(
        video_id=row["video_id"],
        index=row["index"],
        start_s=row["start_s"],
        end_s=row["end_s"],
        shots=tuple(Shot(**shot) for shot in row["shots"]),
        labels=tuple(Label(**label) for label in row["labels"]),
        ocr=tuple(ScreenText(**text) for text in row["ocr"]),
        words=tuple(Word(**word) for word in row["words"]),
        audio_events=tuple(Label(**label) for label in row["audio_events"]),
        keyframes=keyframes,
        embedding=np.asarray(row["embedding"], dtype=np.float32) if keyframes else None,
        language=row["language"],
        translated_words=tuple(Word(**word) for word in row["translated_words"]),
    )
