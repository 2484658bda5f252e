"""Lakes whose films say, show and hide what a test wants, written without any model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from scenelake.pipeline.storing.folder import folder_at
from scenelake.pipeline.storing.store import Store
from scenelake.schemas.rows import (
    Chapter,
    Keyframe,
    Label,
    Provenance,
    Scene,
    ScreenText,
    Shot,
    Video,
    Word,
)
from scenelake.schemas.tables import scenes_table
from tests.pipeline.rows import video_row

DIMS = {"visual_dim": 3, "text_dim": 2}
BY = Provenance(
    "run-1",
    "0.1",
    datetime(2026, 11, 22, 1, 40, tzinfo=UTC),
    {"cut": "c0ffee"},
    {"describe": "teller@7", "speech": "listener@3"},
    prompt_hash="beef",
)


def spoken(
    text: str, *, start_s: float = 0.0, per_word_s: float = 0.4, speaker: str | None = None
) -> tuple[Word, ...]:
    """A text's words, one after the other without pauses."""
    return tuple(
        Word(word, start_s + n * per_word_s, start_s + (n + 1) * per_word_s, 0.9, speaker)
        for n, word in enumerate(text.split())
    )


def jpeg(*, width: int = 640, height: int = 360) -> bytes:
    """A picture of one colour."""
    picture = np.full((height, width, 3), (40, 90, 200), np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


@dataclass(frozen=True, slots=True)
class Filmed:
    """A film of equal scenes; each word is in the scene that holds its middle."""

    video_id: str = "aa11bb22cc33"
    uri: str = "/films/holiday.mp4"
    duration_s: float = 40.0
    n_scenes: int = 4
    words: tuple[Word, ...] = ()
    translation: tuple[Word, ...] = ()
    language: str = "en"
    titles: Sequence[str] = ("Sea", "Hills", "Town", "Night")
    pictures: Sequence[bytes] = field(default_factory=lambda: (jpeg(),))
    ocr: tuple[str, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    warnings: tuple[str, ...] = ()
    summary: str | None = None
    cuts_s: tuple[float, ...] | None = None

    def commit(self, lake: Path) -> None:
        """Put the film into a lake."""
        store = Store(folder_at(lake))
        store.prepare()
        rows = [(self._scene(n), BY) for n in range(self.n_scenes)]
        store.commit(self._video(), [scenes_table(rows, **DIMS)], **DIMS)

    def edges_s(self) -> list[float]:
        return [float(edge) for edge in np.linspace(0, self.duration_s, self.n_scenes + 1)]

    def _video(self) -> Video:
        return video_row(
            self.video_id,
            uri=self.uri,
            duration_s=self.duration_s,
            width=640,
            height=360,
            audio_codec="aac",
            language=self.language if self.words else None,
            n_scenes=self.n_scenes,
            n_bytes=1_000_000,
            provenance=BY,
            summary=self.summary,
            chapters=self.chapters,
            warnings=self.warnings,
            cuts_s=tuple(self.edges_s()[1:-1]) if self.cuts_s is None else self.cuts_s,
        )

    def _scene(self, index: int) -> Scene:
        start_s, end_s = self.edges_s()[index : index + 2]
        return Scene(
            video_id=self.video_id,
            index=index,
            start_s=start_s,
            end_s=end_s,
            shots=(Shot(start_s, end_s),),
            title=self.titles[index % len(self.titles)],
            description=f"What scene {index} shows.",
            labels=(Label("seashore", 0.7),),
            ocr=tuple(ScreenText(text, 0.9, start_s) for text in self.ocr),
            words=tuple(w for w in self.words if start_s <= w.middle_s < end_s),
            translated_words=tuple(w for w in self.translation if start_s <= w.middle_s < end_s),
            keyframes=tuple(_keyframe(start_s + n, data) for n, data in enumerate(self.pictures)),
            embedding=np.ones(3, np.float32),
            text_embedding=np.ones(2, np.float32),
            grounded=index == 0,
            language=self.language if self.words else None,
        )


def _keyframe(time_s: float, data: bytes) -> Keyframe:
    return Keyframe(time_s, data, np.ones(3, np.float32), (Label("seashore", 0.7),))
