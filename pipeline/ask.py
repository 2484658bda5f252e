"""Questions to a lake: find scenes, answer from them, cite them, or say that none tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenelake.pipeline.retrieval.filters import Filters
from scenelake.pipeline.retrieval.search import search
from scenelake.schemas.config import Config
from scenelake.schemas.rows import Citation, Word
from scenelake.workers import registry
from scenelake.workers.engines import Answerer, Passage

if TYPE_CHECKING:
    from scenelake.pipeline.lake import Lake

_COLUMNS = ("scene_id", "video_id", "start_s", "end_s", "description", "words", "ocr", "labels")


@dataclass(frozen=True, slots=True)
class Asked:
    """A reply, with the address of each film it cites."""

    answer: str
    grounded: bool
    citations: tuple[Citation, ...]
    uris: tuple[str, ...]
    model: str

    def to_json(self) -> dict[str, Any]:
        """The document that `scenelake ask --json` prints."""
        return {
            "answer": self.answer,
            "grounded": self.grounded,
            "citations": [
                {
                    "video_id": citation.video_id,
                    "uri": uri,
                    "scene_id": citation.scene_id,
                    "start_s": citation.start_s,
                    "end_s": citation.end_s,
                    "quote": citation.quote,
                }
                for citation, uri in zip(self.citations, self.uris, strict=True)
            ],
            "model": self.model,
        }


def ask(lake: Lake, question: str, *, video: str | None, config: Config) -> Asked:
    """Answer from the best scenes of the lake, or of one film.

    Args:
        video: id or file name of the only film to look into.

    Errors:
        UsageError: an empty question, no such film, an empty lake.
    """
    filters = Filters(video_ids=(lake.find_video(video)["video_id"],) if video else ())
    hits = search(lake, question, k=config.answer.n_scenes, config=config, filters=filters)
    uris = {hit.scene_id: hit.uri for hit in hits}
    passages = _passages(lake, {hit.scene_id: hit.score for hit in hits}, uris)
    answerer: Answerer = registry.ready("answer", config.answer)
    reply = answerer.answer(question, passages)
    return Asked(
        answer=reply.answer,
        grounded=reply.grounded,
        citations=reply.citations,
        uris=tuple(uris[c.scene_id] for c in reply.citations),
        model=answerer.model,
    )


def _passages(lake: Lake, scores: dict[str, float], uris: dict[str, str]) -> list[Passage]:
    """The found scenes with all they tell, best first."""
    film_ids = dict.fromkeys(scene_id.rpartition("-")[0] for scene_id in scores)
    rows = [
        row
        for film_id in film_ids
        for row in lake.scenes(columns=_COLUMNS, video_id=film_id).to_pylist()
        if row["scene_id"] in scores
    ]
    passages = [_passage(row, scores[row["scene_id"]], uris[row["scene_id"]]) for row in rows]
    return sorted(passages, key=lambda p: -p.score)


def _passage(row: dict[str, Any], score: float, uri: str) -> Passage:
    return Passage(
        scene_id=row["scene_id"],
        video_id=row["video_id"],
        uri=uri,
        start_s=row["start_s"],
        end_s=row["end_s"],
        score=score,
        description=row["description"],
        words=tuple(Word(**word) for word in row["words"]),
        screen_text=tuple(text["text"] for text in row["ocr"]),
        labels=tuple(label["name"] for label in row["labels"]),
    )
