"""Scenes of an index by one kind of evidence: its words, or the vectors of one model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from scenelake.pipeline.retrieval.choice import Choice
from scenelake.pipeline.retrieval.fuse import Ranking
from scenelake.pipeline.retrieval.index import Index, Place
from scenelake.pipeline.retrieval.tokens import Wanted
from scenelake.pipeline.retrieval.vectors import Mask
from scenelake.schemas.flow import Float32

Allowed = Mapping[int, Mask | None]
"""Segment's place in the index -> rows that may be found; None: all of them."""


def by_words(
    index: Index, wanted: Wanted, *, weights: Mapping[str, float], choice: Choice, depth: int
) -> Ranking:
    """Scenes by BM25; trusted as far as they have what was asked for."""
    hits = index.words.best(wanted, weights=weights, choice=choice, n=depth)
    placed = [(place, hit) for hit in hits if (place := index.place(hit.key)) is not None]
    return Ranking.of(
        "words",
        [place for place, _ in placed],
        [hit.score for _, hit in placed],
        [hit.share for _, hit in placed],
    )


def by_likeness(
    index: Index, query: Float32, *, kind: str, model: str, allowed: Allowed, depth: int
) -> Ranking:
    """Scenes by the cosine of their vectors of one kind, where these come from the model."""
    found = sorted(
        _alike(index, query, kind=kind, model=model, allowed=allowed, depth=depth),
        key=lambda item: (-item[1], item[0].segment, item[0].row),
    )[:depth]
    places, cosines = [place for place, _ in found], [cosine for _, cosine in found]
    return Ranking.of(kind, places, cosines, [1.0] * len(found))


def allowed_rows(index: Index, choice: Choice) -> Allowed:
    """What a choice leaves of each segment."""
    return {n: choice.mask(segment) for n, segment in enumerate(index.segments)}


def only(index: Index, ranking: Ranking) -> Allowed:
    """Nothing but the scenes of a ranking."""
    masks = {n: np.zeros(len(s.rows), np.bool_) for n, s in enumerate(index.segments)}
    for entry in ranking.entries:
        masks[entry.place.segment][entry.place.row] = True
    return masks


def but(index: Index, place: Place, allowed: Allowed) -> Allowed:
    """All that is allowed, one scene aside."""
    mask = allowed[place.segment]
    mask = np.ones(len(index.segments[place.segment].rows), np.bool_) if mask is None else mask
    mask = mask.copy()
    mask[place.row] = False
    return {**allowed, place.segment: mask}


def _alike(
    index: Index, query: Float32, *, kind: str, model: str, allowed: Allowed, depth: int
) -> Iterator[tuple[Place, float]]:
    for number, segment in enumerate(index.segments):
        if segment.models[kind] == model:
            vectors = segment.vectors[kind]
            rows, cosines = vectors.nearest(query, among=allowed[number], n=depth)
            for row, cosine in zip(rows.tolist(), cosines.tolist(), strict=True):
                yield Place(number, row), cosine
