"""A lake of made-up films to search in: words by Zipf's law, vectors where real ones lie.

A scene's visual vector is what ConSE makes of one class, some that are near it and some at
random; its text vector lies between those of a few real sentences. Neither comes from its
words, which costs a search nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from scenelake.pipeline.retrieval.encoders import Encoders
from scenelake.schemas.config import Config
from scenelake.schemas.rows import Provenance, Video
from scenelake.schemas.tables import scenes_schema, videos_table
from scenelake.workers import registry

FILM_SCENES = 500
N_WORDS = 60_000
_SCENE_WORDS = 60
_N_SENTENCES = 2000
_SCENE_S = 8.0
_LANGUAGES = ("en", "de", "fr", "ja")
_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_SYLLABLES = "ba ko ri mu ten sal dor vi pel nar ost eli gra thu wen cha".split()


def word(number: int) -> str:
    """The word of a rank: the most frequent one is 0."""
    told = ""
    while True:
        told, number = told + _SYLLABLES[number % 16], number // 16
        if not number:
            return told


@dataclass(frozen=True)
class MadeUp:
    """What scenes are made of."""

    classes: tuple[str, ...]
    class_vectors: NDArray[np.float32]
    sentence_vectors: NDArray[np.float32]
    models: dict[str, str]

    @cached_property
    def vocabulary(self) -> NDArray[np.object_]:
        return np.array([word(n) for n in range(N_WORDS)], object)

    @cached_property
    def frequency(self) -> NDArray[np.float64]:
        rank = np.arange(1, N_WORDS + 1)
        return np.cumsum(1 / rank) / np.sum(1 / rank)

    @cached_property
    def near(self) -> NDArray[np.int64]:
        """(classes, 6) of each class the ones most like it."""
        return np.argsort(-(self.class_vectors @ self.class_vectors.T), axis=1)[:, 1:7]


def made_up() -> MadeUp:
    """The classes and some sentences by the models of the profile `embedded`."""
    config = Config()
    pictures, text = registry.ready("visual", config.visual), registry.ready("text", config.text)
    from scenelake.workers import conse, weights

    names = conse.class_names(weights.locate(conse.NAMES))
    rng = np.random.default_rng(1)
    pairs = rng.integers(0, len(names), (_N_SENTENCES, 2))
    forms = (
        "The {} was near the {} all day.",
        "She sold a {} and bought a {}.",
        "We talk about the {} and its {}.",
        "Nobody saw the {} behind the {}.",
    )
    told = [forms[n % 4].format(names[a], names[b]) for n, (a, b) in enumerate(pairs)]
    kinds = Encoders(config).models
    return MadeUp(
        names,
        pictures.encode_text([f"a {name}" for name in names]),
        text.encode(told),
        {"visual": kinds["seen"], "text": kinds["told"]},
    )


def make(lake: Path, parts: MadeUp, *, n_scenes: int) -> None:
    """Write the films that are not there yet."""
    for table in ("scenes", "videos"):
        (lake / table).mkdir(parents=True, exist_ok=True)
    for number in range(n_scenes // FILM_SCENES):
        write_film(lake, parts, number)


def write_film(lake: Path, parts: MadeUp, number: int) -> None:
    """One film, its row last."""
    video_id = f"{number:020x}"
    if (lake / "videos" / f"{video_id}.parquet").exists():
        return
    provenance = Provenance(
        "bench", "0", _FIRST_DAY + timedelta(hours=number), {"cut": "c"}, parts.models
    )
    scenes = _scenes(parts, video_id, number, provenance)
    pq.write_table(scenes, lake / "scenes" / f"{video_id}.parquet", compression="zstd")
    video = Video(
        video_id, f"/films/{number}.mp4", "mp4", FILM_SCENES * _SCENE_S, 640, 360, 25.0, 0,
        "h264", "aac", _language(number), FILM_SCENES, 1, provenance,
    )  # fmt: skip
    pq.write_table(videos_table([video]), lake / "videos" / f"{video_id}.parquet")


def _scenes(parts: MadeUp, video_id: str, number: int, provenance: Provenance) -> pa.Table:
    rng = np.random.default_rng(number)
    seen, tops = _seen(parts, rng)
    columns = dict(_told(parts, rng, tops))
    starts = np.arange(FILM_SCENES) * _SCENE_S
    n = FILM_SCENES
    columns |= {
        "video_id": [video_id] * n,
        "scene_id": [f"{video_id}-{round(s * 1000)}" for s in starts],
        "index": np.arange(n),
        "start_s": starts,
        "end_s": starts + _SCENE_S,
        "embedding": _vectors(seen),
        "text_embedding": _vectors(_between(parts.sentence_vectors, rng)),
        "grounded": [True] * n,
        "language": [_language(number)] * n,
        "provenance": [_struct(provenance)] * n,
    }
    schema = scenes_schema(visual_dim=seen.shape[1], text_dim=parts.sentence_vectors.shape[1])
    return pa.table([_column(columns, field, n) for field in schema], schema=schema)


def _column(columns: dict[str, Any], field: pa.Field, n: int) -> pa.Array:
    if field.name in columns:
        value = columns[field.name]
        return value if isinstance(value, pa.Array) else pa.array(value, field.type)
    empty: Any = [] if pa.types.is_list(field.type) else ""
    return pa.array([empty] * n, field.type)


def _told(
    parts: MadeUp, rng: np.random.Generator, tops: NDArray[np.int64]
) -> Iterator[tuple[str, Any]]:
    ranks = np.searchsorted(parts.frequency, rng.random(FILM_SCENES * _SCENE_WORDS))
    offsets = np.arange(0, len(ranks) + 1, _SCENE_WORDS, dtype=np.int32)
    words = pa.ListArray.from_arrays(offsets, pa.array(parts.vocabulary[ranks], pa.string()))
    said = pc.binary_join(words, " ")
    yield "transcript", said
    yield "title", pc.utf8_slice_codeunits(said, 0, 30)
    names = [parts.classes[top] for top in tops]
    yield "description", [f'Said: "{s[:120]}" Seen: {n}.' for s, n in
                          zip(said.to_pylist(), names, strict=True)]  # fmt: skip
    yield "labels", [[{"name": name, "score": 0.5}] for name in names]
    yield "words", _spoken(words, rng)


def _spoken(words: pa.ListArray, rng: np.random.Generator) -> pa.Array:
    flat = words.flatten()
    start_s = np.arange(len(flat)) * (_SCENE_S / _SCENE_WORDS)
    speakers = rng.choice(["A", "B", "C"], len(flat))
    values = pa.StructArray.from_arrays(
        [flat, pa.array(start_s), pa.array(start_s + 0.1),
         pa.array(np.full(len(flat), 0.9, np.float32)), pa.array(speakers, pa.string())],
        ["text", "start_s", "end_s", "score", "speaker"],
    )  # fmt: skip
    return pa.ListArray.from_arrays(words.offsets, values)


def _seen(parts: MadeUp, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors as of a classifier that is half sure of one class."""
    tops = rng.integers(0, len(parts.classes), FILM_SCENES)
    weights = np.full((FILM_SCENES, 10), 0.04) * rng.random((FILM_SCENES, 10)) * 2
    weights[:, 0] = rng.uniform(0.2, 0.9, FILM_SCENES)
    near = np.take_along_axis(
        parts.near[tops], rng.permuted(np.tile(np.arange(6), (FILM_SCENES, 1)), axis=1)[:, :4], 1
    )
    chance = rng.integers(0, len(parts.classes), (FILM_SCENES, 5))
    chosen = np.concatenate([tops[:, None], near, chance], axis=1)
    return _unit(np.einsum("nk,nkd->nd", weights, parts.class_vectors[chosen])), tops


def _between(vectors: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    chosen = vectors[rng.integers(0, len(vectors), (FILM_SCENES, 3))]
    weights = np.array([0.6, 0.3, 0.1]) * rng.uniform(0.5, 1.5, (FILM_SCENES, 3))
    noise = rng.standard_normal((FILM_SCENES, vectors.shape[1])) * 0.01
    return _unit(np.einsum("nk,nkd->nd", weights, chosen) + noise)


def _unit(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _vectors(vectors: NDArray[np.float32]) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])


def _struct(provenance: Provenance) -> dict[str, Any]:
    return {
        "run_id": provenance.run_id,
        "version": provenance.version,
        "created_at": provenance.created_at,
        "configs": list(provenance.configs.items()),
        "models": list(provenance.models.items()),
        "prompt_hash": None,
        "frames_s": [],
    }


def _language(number: int) -> str:
    return _LANGUAGES[number % len(_LANGUAGES)]
