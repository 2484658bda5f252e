"""Finds scenes by a text, a picture or another scene."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

from scenelake.pipeline.retrieval import rankings
from scenelake.pipeline.retrieval.choice import Choice, choice
from scenelake.pipeline.retrieval.collapse import Group, collapse
from scenelake.pipeline.retrieval.encoders import Encoders
from scenelake.pipeline.retrieval.explain import reasons, snippet
from scenelake.pipeline.retrieval.filters import EVERYTHING, Filters
from scenelake.pipeline.retrieval.fuse import Ranking, fuse
from scenelake.pipeline.retrieval.hits import Found, Hit
from scenelake.pipeline.retrieval.index import Index, Place
from scenelake.pipeline.retrieval.keeper import Note
from scenelake.pipeline.retrieval.places import CurrentIndex
from scenelake.pipeline.retrieval.rankings import Allowed
from scenelake.pipeline.retrieval.segment import VECTOR_STEPS
from scenelake.pipeline.retrieval.tokens import Wanted, wanted
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError
from scenelake.schemas.flow import Float32

if TYPE_CHECKING:
    from scenelake.pipeline.lake import Lake

logger = logging.getLogger(__name__)

__all__ = ["Found", "Hit", "Query", "Searcher", "search"]


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; what is given beside a text narrows nothing, it is one more ranking.

    Attributes:
        text: words, or a description; what is in quotation marks must be there as it stands.
        image: a picture file.
        like: the id of a scene, which is not found itself.
    """

    text: str = ""
    image: Path | None = None
    like: str | None = None

    def __post_init__(self) -> None:
        if not (self.text.strip() or self.image or self.like):
            raise UsageError("search: the text is empty")


def search(
    lake: Lake,
    text: str,
    *,
    k: int,
    config: Config,
    filters: Filters = EVERYTHING,
) -> list[Hit]:
    """The `k` best scenes for a text, best first; see :class:`Searcher` for more."""
    return Searcher(lake, config=config).search(Query(text), k=k, filters=filters)


class Searcher:
    """Searches a lake, again and again: index and models stay open.

    It may be used by several threads. Every search sees all films that are whole in the lake
    when it begins.

    Args:
        note: is given a sentence when a search takes long or must leave something out.
    """

    def __init__(
        self, lake: Lake, *, config: Config | None = None, note: Note | None = None
    ) -> None:
        self._lake = lake
        self._config = config or Config()
        self._note = note or logger.warning
        self._encoders = Encoders(self._config)
        self._current = CurrentIndex(lake.folder, note=self._note)

    def search(self, query: Query, *, k: int = 10, filters: Filters = EVERYTHING) -> list[Hit]:
        """The `k` best scenes, best first; fewer where fewer fit.

        Errors:
            UsageError: an empty lake, no such picture or scene, or a lake that was made by
                other models altogether.
        """
        index = self._index()
        with _one_thread().limit(limits=1, user_api="blas"):
            return self._found(index, query, k=k, filters=filters)

    def _found(self, index: Index, query: Query, *, k: int, filters: Filters) -> list[Hit]:
        asked, settings = wanted(query.text), self._config.search
        fused = fuse(
            self._rankings(index, query, asked, choice(filters, index.segments)),
            weights=settings.weights.model_dump(),
            offset=settings.rank_offset,
        )
        groups = collapse(
            fused, index, k=k, within_s=settings.fold_within_s, alike=settings.fold_alike
        )
        return [_hit(index, group, asked) for group in groups]

    def _index(self) -> Index:
        index = self._current.get()
        if not index.segments:
            self._lake.check()
            raise UsageError(f"{self._lake.folder.uri}: holds no film yet")
        return index

    def _rankings(
        self, index: Index, query: Query, asked: Wanted, chosen: Choice
    ) -> Iterator[Ranking]:
        allowed = rankings.allowed_rows(index, chosen)
        if query.text.strip():
            words = self._by_words(index, asked, chosen)
            yield words
            if asked.phrases:
                allowed = rankings.only(index, words)
            yield from self._by_text(index, query.text, allowed)
        if query.image is not None:
            self._check_models(index, "seen")
            vector = self._encoders.picture(query.image)
            yield self._alike(index, "seen", vector, self._encoders.models["seen"], allowed)
        if query.like is not None:
            yield from self._like(index, query.like, allowed)

    def _by_words(self, index: Index, asked: Wanted, chosen: Choice) -> Ranking:
        settings = self._config.search
        weights = settings.word_weights.model_dump()
        return rankings.by_words(index, asked, weights=weights, choice=chosen, depth=settings.depth)

    def _by_text(self, index: Index, text: str, allowed: Allowed) -> Iterator[Ranking]:
        weights = self._config.search.weights.model_dump()
        for kind in VECTOR_STEPS:
            if weights[kind] == 0 or (kind == "seen" and not self._encoders.reads_text):
                continue
            self._check_models(index, kind)
            vector = self._encoders.text(text, kind=kind)
            if vector.any():
                yield self._alike(index, kind, vector, self._encoders.models[kind], allowed)

    def _like(self, index: Index, scene_id: str, allowed: Allowed) -> Iterator[Ranking]:
        place = _place_of(index, scene_id)
        segment = index.segments[place.segment]
        others = rankings.but(index, place, allowed)
        for kind, vectors in segment.vectors.items():
            vector = np.asarray(vectors.matrix[place.row], np.float32)
            if vector.any():
                yield self._alike(index, kind, vector, segment.models[kind], others)

    def _alike(
        self, index: Index, kind: str, query: Float32, model: str, allowed: Allowed
    ) -> Ranking:
        depth = self._config.search.depth
        return rankings.by_likeness(
            index, query, kind=kind, model=model, allowed=allowed, depth=depth
        )

    def _check_models(self, index: Index, kind: str) -> None:
        """Vectors of one model cannot be compared with those of another.

        Errors:
            UsageError: no film's are of ours: the configuration is another one's.
        """
        ours = self._encoders.models[kind]
        others = [s for s in index.segments if s.models[kind] != ours]
        if not others:
            return
        step, theirs = VECTOR_STEPS[kind], others[0].models[kind]
        told = f"{step} vectors come from {theirs}, the query's would from {ours}"
        if len(others) == len(index.segments):
            raise UsageError(
                f"this lake's {told}: give the configuration of the run with --profile or "
                f"--config, or leave them out with --set search.weights.{kind}=0"
            )
        n_films = sum(len(segment.members) for segment in others)
        films = "1 film is" if n_films == 1 else f"{n_films} films are"
        self._note(
            f"{films} not searched by what is {kind}: {told}; `scenelake run` with one "
            "configuration makes them alike"
        )


@cache
def _one_thread() -> ThreadpoolController:
    """Matrices of one query are small: threads that wait for each other cost more than they
    bring, and many times more on a busy machine."""
    return ThreadpoolController()


def _place_of(index: Index, scene_id: str) -> Place:
    """Where a scene is.

    Errors:
        UsageError: no film of the lake has it.
    """
    for number, segment in enumerate(index.segments):
        for member in segment.members:
            if scene_id.startswith(f"{member.video_id}-"):
                ids = segment.rows["scene_id"].slice(member.first, member.n_rows).to_pylist()
                if scene_id in ids:
                    return Place(number, member.first + ids.index(scene_id))
    raise UsageError(f"no scene {scene_id!r} in this lake; `scenelake search --json` tells ids")


def _hit(index: Index, group: Group, asked: Wanted) -> Hit:
    best = group.best
    row, member = index.row(best.place), index.member(best.place)
    return Hit(
        video_id=member.video_id,
        uri=member.uri,
        scene_id=row["scene_id"],
        start_s=row["start_s"],
        end_s=row["end_s"],
        score=best.score,
        title=row["title"],
        description=row["description"],
        snippet=snippet(row, asked),
        folded=tuple(index.row(other.place)["scene_id"] for other in group.others),
        why=reasons(best.entries, row, asked),
    )
