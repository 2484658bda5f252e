"""Text to scenes, over what is seen and over what is said, shown and described.

The two rankings are joined by reciprocal rank (Cormack et al. 2009), which needs no
common scale for their scores.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenelake.pipeline.retrieval.filters import EVERYTHING, Filters
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError
from scenelake.schemas.flow import Float32
from scenelake.workers import registry
from scenelake.workers.engines import TextEncoder, VisualEncoder

if TYPE_CHECKING:
    from scenelake.pipeline.lake import Lake

_RANK_OFFSET = 60
"""Cormack's constant: how much less the tenth place counts than the first."""

_SNIPPET_CHARACTERS = 160
_COLUMNS = (
    "video_id",
    "scene_id",
    "start_s",
    "end_s",
    "title",
    "description",
    "transcript",
    "embedding",
    "text_embedding",
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A scene that fits, and how well: a higher `score` is better."""

    video_id: str
    uri: str
    scene_id: str
    start_s: float
    end_s: float
    score: float
    title: str
    description: str
    snippet: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def search(
    lake: Lake, text: str, *, k: int, config: Config, filters: Filters = EVERYTHING
) -> list[Hit]:
    """The `k` best scenes, best first.

    Errors:
        UsageError: an empty text, an empty lake, or a lake of other models' vectors.
    """
    if not text.strip():
        raise UsageError("search: the text is empty")
    videos = lake.videos()
    _check_models(videos, config)
    scenes = lake.scenes(columns=_COLUMNS)
    if filters.video_ids:
        scenes = scenes.filter(pc.is_in(scenes["video_id"], pa.array(filters.video_ids)))
    seen, told = _similarities(scenes, text, config)
    scores = _reciprocal_ranks(seen) + _reciprocal_ranks(told)
    best_first = np.lexsort((-np.maximum(seen, told), -scores))[:k]
    uris = dict(zip(videos["video_id"].to_pylist(), videos["uri"].to_pylist(), strict=True))
    rows = scenes.select(_COLUMNS[:7]).take(best_first).to_pylist()
    return [
        _hit(row, uris[row["video_id"]], float(scores[i]), text)
        for row, i in zip(rows, best_first, strict=True)
    ]


def _check_models(videos: pa.Table, config: Config) -> None:
    """Vectors of one model cannot be compared with those of another."""
    ours = {
        "visual": registry.make("visual", config.visual).model,
        "text": registry.make("text", config.text).model,
    }
    for provenance in videos["provenance"].to_pylist():
        theirs = dict(provenance["models"])
        for step, model in ours.items():
            if theirs[step] != model:
                raise UsageError(
                    f"this lake's {step} vectors come from {theirs[step]}, the query's would from "
                    f"{model}: give the configuration of the run with --profile or --config"
                )


def _similarities(scenes: pa.Table, text: str, config: Config) -> tuple[Float32, Float32]:
    """(N,) likeness of the text to each scene's pictures and to its words; -1 for none.

    A visual model that reads no texts finds nothing: words alone do.
    """
    words: TextEncoder = registry.ready("text", config.text)
    told = _likeness(scenes["text_embedding"], words.encode([text])[0])
    if not registry.make("visual", config.visual).reads_text:
        return np.full(len(told), -1.0, np.float32), told
    pictures: VisualEncoder = registry.ready("visual", config.visual)
    return _likeness(scenes["embedding"], pictures.encode_text([text])[0]), told


def _likeness(column: pa.ChunkedArray, query: Float32) -> Float32:
    """(N,) cosines of stored vectors with a query; -1 for zeros, which say "there is none"."""
    vectors = np.array(column.to_pylist(), dtype=np.float32).reshape(len(column), len(query))
    return np.where(vectors.any(axis=1), vectors @ query, -1.0).astype(np.float32)


def _reciprocal_ranks(values: Float32) -> Float32:
    """Equal values share a rank, so that scenes without a vector gain nothing by order."""
    order = np.sort(-values)
    ranks = np.searchsorted(order, -values) + 1
    return np.where(values > -1.0, 1.0 / (_RANK_OFFSET + ranks), 0.0).astype(np.float32)


def _hit(row: dict[str, Any], uri: str, score: float, text: str) -> Hit:
    return Hit(
        video_id=row["video_id"],
        uri=uri,
        scene_id=row["scene_id"],
        start_s=row["start_s"],
        end_s=row["end_s"],
        score=score,
        title=row["title"],
        description=row["description"],
        snippet=snippet(row["transcript"] or row["description"], text),
    )


def snippet(passage: str, query: str) -> str:
    """The sentence of a passage that shares most words with a query, cut to length."""
    wanted = set(re.findall(r"\w+", query.casefold()))
    sentences = re.split(r"(?<=[.!?])\s+", passage) or [""]
    best = max(sentences, key=lambda s: len(wanted & set(re.findall(r"\w+", s.casefold()))))
    if len(best) <= _SNIPPET_CHARACTERS:
        return best
    return best[:_SNIPPET_CHARACTERS].rsplit(" ", 1)[0] + " …"
