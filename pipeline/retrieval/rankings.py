"""Scenes of an index by one kind of evidence: its words, or the vectors of one model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from scenelake.pipeline.retrieval.choice import Choice
from scenelake.pipeline.retrieval.fuse import Ranking
from scenelake.pipeline.retrieval.index import Index, Place
from scenelake.pipeline.retrieval.segment import Segment
from scenelake.pipeline.retrieval.tokens import small_words
from scenelake.pipeline.retrieval.vectors import Mask, Rows
from scenelake.pipeline.retrieval.wanted import Wanted
from scenelake.schemas.arrays import Float32

_DIGITS = 6
_LEAST_SPREAD = 1e-3
_USUAL, _CERTAIN = 0.3, 1.5
"""Of what chance alone reaches: where trust in a likeness begins, and where it is full."""

Allowed = Mapping[int, Mask | None]
"""Segment's place in the index -> rows that may be found; None: all of them."""


def by_words(
    index: Index,
    wanted: Wanted,
    *,
    weight: float,
    weights: Mapping[str, float],
    choice: Choice,
    depth: int,
) -> Ranking:
    """Scenes by their words; trusted as far as they have what was asked for.

    Args:
        weight: of the ranking.
        weights: of the fields of words.
    """
    words = Ranking("words", weight, ())
    if weight == 0 and not wanted.phrases:
        return words
    small = small_words(index.languages)
    hits = index.words.best(wanted, weights=weights, small=small, choice=choice, n=depth)
    placed = [(place, hit) for hit in hits if (place := index.place(hit.key)) is not None]
    return words.filled(
        [place for place, _ in placed],
        [hit.score for _, hit in placed],
        [hit.share for _, hit in placed],
    )


def by_likeness(
    index: Index,
    query: Float32,
    *,
    ranking: Ranking,
    kind: str,
    model: str,
    allowed: Allowed,
    depth: int,
) -> Ranking:
    """Scenes by the cosine of their vectors of one kind, where these come from the model.

    Trusted as far as they stand out: the most alike of a thousand need not be alike.
    """
    segments = [(n, s) for n, s in enumerate(index.segments) if s.models[kind] == model]
    found = [
        (number, *segment.vectors[kind].nearest(query, among=allowed[number], n=depth))
        for number, segment in segments
    ]
    places, cosines = _best(found, depth)
    usual = [s.vectors[kind].background(query) for _, s in segments]
    n_allowed = sum(_count(s, allowed[number]) for number, s in segments)
    return ranking.filled(places, cosines, _trust(cosines, usual, n_allowed=n_allowed))


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


def _best(found: Sequence[tuple[int, Rows, Float32]], n: int) -> tuple[list[Place], list[float]]:
    """The best of several segments' rows with their cosines."""
    if not found:
        return [], []
    numbers = np.repeat([number for number, _, _ in found], [len(rows) for _, rows, _ in found])
    rows = np.concatenate([rows for _, rows, _ in found])
    # What is equal but for rounding is to share a rank, wherever it lies.
    cosines = np.round(np.concatenate([cosines for _, _, cosines in found]), _DIGITS)
    order = np.lexsort((rows, numbers, -cosines))[:n]
    pairs = zip(numbers[order].tolist(), rows[order].tolist(), strict=True)
    return [Place(*pair) for pair in pairs], cosines[order].tolist()


def _trust(
    cosines: Sequence[float], usual: Sequence[Float32], *, n_allowed: int
) -> Iterable[float]:
    """How far each cosine stands out from what is usual in the lake, from 0 to 1.

    The best of n that mean nothing stands about ``sqrt(2 ln n)`` deviations above their mean.
    What stands three tenths as high is usual and counts nothing, half as much again counts in full.
    """
    if not cosines:
        return []
    background = np.concatenate(usual)
    mean, spread = float(background.mean()), max(_LEAST_SPREAD, float(background.std()))
    chance = math.sqrt(2 * math.log(max(2, n_allowed))) * spread
    low, high = mean + _USUAL * chance, mean + _CERTAIN * chance
    return [min(1.0, max(0.0, (cosine - low) / (high - low))) for cosine in cosines]


def _count(segment: Segment, mask: Mask | None) -> int:
    return len(segment.rows) if mask is None else int(np.count_nonzero(mask))
