"""Small lakes to search in, written without any model, and a text encoder without weights."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from unittest import mock

import numpy as np

from scenelake.pipeline import Lake
from scenelake.pipeline.retrieval.filters import EVERYTHING, Filters
from scenelake.pipeline.retrieval.hits import Hit
from scenelake.pipeline.retrieval.search import Query, Searcher
from scenelake.pipeline.retrieval.tokens import tokens
from scenelake.pipeline.storing.folder import folder_at
from scenelake.pipeline.storing.store import Store
from scenelake.schemas.arrays import Float32
from scenelake.schemas.config import Config, TextConfig, VisualConfig
from scenelake.schemas.media import FrameBatch, VisualEncoding
from scenelake.schemas.rows import Label, Provenance, Scene, ScreenText, Shot, Video, Word
from scenelake.schemas.tables import scenes_table
from scenelake.workers import registry

DIM = 1024
VISUAL_DIM = 3
MODELS = {"visual": "colours@1", "text": "bag@1"}
FIRST_DAY = datetime(2026, 11, 1, tzinfo=UTC)
COLOURS = ("red", "green", "blue")


class BagOfWords:
    """A text's vector counts its words: texts are alike as far as they share them."""

    dim = DIM
    model = MODELS["text"]
    weights = ()

    def __init__(self, config: TextConfig) -> None:
        """Nothing to choose."""

    def setup(self) -> None:
        """Nothing to load."""

    def encode(self, texts: Sequence[str]) -> Float32:
        return np.stack([bag(text) for text in texts])


class Colours:
    """A picture's vector is its mean colour, a text's the colours that it names."""

    dim = 3
    reads_text = True
    model = MODELS["visual"]
    weights = ()

    def __init__(self, config: VisualConfig) -> None:
        """Nothing to choose."""

    def setup(self) -> None:
        """Nothing to load."""

    def encode(self, frames: FrameBatch) -> VisualEncoding:
        vectors = _unit(frames.data.mean(axis=(1, 2)))
        return VisualEncoding(vectors, frames.time_s, ((),) * len(vectors), self.model)

    def encode_text(self, texts: Sequence[str]) -> Float32:
        return np.stack([colour(text) for text in texts])


def bag(text: str) -> Float32:
    """(1024,)."""
    counts = np.zeros(DIM)
    for token in tokens(text):
        counts[zlib.crc32(token.encode()) % DIM] += 1
    return _unit(counts)


def colour(text: str) -> Float32:
    """(3,)."""
    return _unit(np.array([float(name in tokens(text)) for name in COLOURS]))


@contextmanager
def engines() -> Iterator[None]:
    """``text.engine: bag`` and ``visual.engine: colours`` are known in this process."""
    ours = {"text.bag": "BagOfWords", "visual.colours": "Colours"}
    known = registry._engines() | {
        name: EntryPoint(name, f"{__name__}:{what}", registry.GROUP) for name, what in ours.items()
    }
    with mock.patch.object(registry, "_engines", return_value=known):
        yield


def config(**search: object) -> Config:
    """Of the lakes below."""
    sections = {"text": {"engine": "bag"}, "visual": {"engine": "colours"}, "search": search}
    return Config.model_validate(sections)


@dataclass(frozen=True, slots=True)
class Told:
    """A scene of ten seconds."""

    said: str = ""
    seen: str = ""
    shown: str = ""
    label: str = ""
    speaker: str | None = None
    language: str | None = "en"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Film:
    """A film of scenes one after the other."""

    video_id: str
    scenes: Sequence[Told]
    came_at: datetime = FIRST_DAY
    models: dict[str, str] = field(default_factory=lambda: MODELS)

    @property
    def uri(self) -> str:
        return f"/films/{self.video_id}.mp4"

    def commit(self, lake: Path | str) -> None:
        """Put it into a lake, in place of an older version."""
        store = Store(folder_at(lake))
        store.prepare()
        by = Provenance("run-1", "0.1", self.came_at, {"cut": "c0ffee"}, self.models)
        dims = {"visual_dim": VISUAL_DIM, "text_dim": DIM}
        rows = [(self._scene(n), by) for n in range(len(self.scenes))]
        store.commit(self._video(by), [scenes_table(rows, **dims)], **dims)

    def _video(self, by: Provenance) -> Video:
        return Video(
            video_id=self.video_id,
            uri=self.uri,
            container="mp4",
            duration_s=10.0 * len(self.scenes),
            width=640,
            height=360,
            fps=25.0,
            rotation=0,
            video_codec="h264",
            audio_codec="aac",
            language="en",
            n_scenes=len(self.scenes),
            n_bytes=1,
            provenance=by,
        )

    def _scene(self, index: int) -> Scene:
        told, start_s = self.scenes[index], index * 10.0
        words = [
            Word(text, start_s + n * 0.1, start_s + n * 0.1 + 0.1, 0.9, told.speaker)
            for n, text in enumerate(told.said.split())
        ]
        text = " ".join(part for part in (told.said, told.shown, told.description) if part)
        return Scene(
            video_id=self.video_id,
            index=index,
            start_s=start_s,
            end_s=start_s + 10,
            shots=(Shot(start_s, start_s + 10),),
            title=told.said[:20],
            description=told.description,
            labels=(Label(told.label, 0.9),) if told.label else (),
            ocr=(ScreenText(told.shown, 0.9, start_s),) if told.shown else (),
            words=tuple(words),
            embedding=colour(told.seen) if told.seen else None,
            text_embedding=bag(text) if text else None,
            language=told.language,
        )


def searcher(lake: Path | str, notes: list[str] | None = None, **search: object) -> Searcher:
    """Over a lake of these films; notes go into a list."""
    kept = [] if notes is None else notes
    return Searcher(Lake(lake), config=config(**search), note=kept.append)


def find(
    lake: Path | str, text: str, *, k: int = 10, filters: Filters = EVERYTHING, **search: object
) -> list[Hit]:
    """A search from the beginning."""
    return searcher(lake, **search).search(Query(text), k=k, filters=filters)


def ids(hits: Sequence[Hit]) -> list[str]:
    """Of the scenes found, best first."""
    return [hit.scene_id for hit in hits]


def _unit(vectors: np.ndarray) -> Float32:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
