"""Where a film's chapters begin: it is divided so that each part is most alike within.

A part costs the scatter of its scenes' vectors around their mean, text and pictures each on
their own, and every part costs a little more; the cheapest division is found by dynamic
programming. What is measured is what TextTiling measures (Hearst 1997, "TextTiling:
Segmenting Text into Multi-Paragraph Subtopic Passages"): how much neighbouring stretches have
in common; dividing all at once needs no window, as Utiyama and Isahara 2001 showed ("A
Statistical Model for Domain-Independent Text Segmentation").

How many parts there may be grows with the root of a film's length, so that both a minute and
ten hours come out readable: at most 4 of the one, 42 of the other; an hour has 3 to 15.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scenelake.schemas.story import Told

Float64 = NDArray[np.float64]

TEXT_SHARE = 0.8
"""Of the weight, where a stretch has both words and pictures."""
PART_COST = 0.65
"""Two parts of the least length are kept apart where their likeness (cosine) is below 0.35."""
MIN_PART_S = 5.0
MAX_UNITS = 1200
"""Scenes are put together until there are no more: memory and time grow with the square."""


def divide(scenes: Sequence[Told], *, max_parts: int) -> list[range]:
    """Runs of scenes, by index, that tile the film: one run where nothing tells it apart."""
    if not scenes:
        return []
    duration_s = scenes[-1].end_s - scenes[0].start_s
    least_s = max(MIN_PART_S, math.sqrt(duration_s))
    units = list(_units(scenes, least_s=duration_s / MAX_UNITS))
    lengths_s = np.array([scenes[u.stop - 1].end_s - scenes[u.start].start_s for u in units])
    costs = _costs(scenes, units, lengths_s, least_s=least_s)
    n_most = min(max_parts, _most(duration_s))
    cuts = _cheapest(costs, n_least=max(1, n_most // 4), max_parts=n_most)
    edges = [units[cut].start for cut in cuts] + [len(scenes)]
    return [range(a, b) for a, b in pairwise(edges)]


def _most(duration_s: float) -> int:
    return math.ceil(1.6 * math.sqrt(duration_s / 60) + 2)


def _units(scenes: Sequence[Told], *, least_s: float) -> Iterator[range]:
    """Scenes, put together where they are many and short."""
    first = 0
    for index, scene in enumerate(scenes):
        if scene.end_s - scenes[first].start_s >= least_s or index == len(scenes) - 1:
            yield range(first, index + 1)
            first = index + 1


@dataclass(frozen=True, slots=True)
class _Signal:
    """One kind of vectors, summed up from the film's start.

    Attributes:
        sums: (N + 1, D): of the units' vectors, each times its weight.
        weights: (N + 1,): of the units' weights; a unit without a vector weighs nothing.
        squares: (N + 1,): of the vectors' squared lengths, each times its weight.
    """

    sums: Float64
    weights: Float64
    squares: Float64

    def scatter(self, end: int) -> Float64:
        """(end,) how far units from each start up to `end` lie from their mean, squared."""
        weight = self.weights[end] - self.weights[:end]
        total = self.sums[end] - self.sums[:end]
        mean = np.einsum("ij,ij->i", total, total) / np.maximum(weight, 1e-12)
        spread: Float64 = np.maximum(self.squares[end] - self.squares[:end] - mean, 0.0)
        return spread


def _costs(
    scenes: Sequence[Told], units: Sequence[range], lengths_s: Float64, *, least_s: float
) -> Float64:
    """(N, N + 1): of a part from one unit up to another; infinite where it is too short."""
    text = _vectors(scenes, units, "text_embedding")
    seen = _vectors(scenes, units, "embedding")
    has_text, has_seen = text.any(axis=1), seen.any(axis=1)
    text_share = np.where(has_seen, TEXT_SHARE, 1.0) * has_text
    signals = [
        _signal(text, lengths_s / least_s * text_share),
        _signal(seen, lengths_s / least_s * (1.0 - text_share) * has_seen),
    ]
    n, ends_s = len(units), np.concatenate([[0.0], np.cumsum(lengths_s)])
    costs = np.full((n, n + 1), np.inf)
    for end in range(1, n + 1):
        scatter = sum(signal.scatter(end) for signal in signals)
        costs[:end, end] = np.where(ends_s[end] - ends_s[:end] >= least_s, scatter, np.inf)
    costs[0, n] = sum(float(signal.scatter(n)[0]) for signal in signals)
    return costs


def _vectors(scenes: Sequence[Told], units: Sequence[range], name: str) -> Float64:
    """(N, D) of length 1, zeros where a unit has none."""
    own = [np.asarray(getattr(scene, name), np.float64) for scene in scenes]
    dim = max((len(vector) for vector in own), default=0)
    summed = np.zeros((len(units), max(dim, 1)))
    for row, unit in enumerate(units):
        for index in unit:
            if len(own[index]) == dim > 0:
                summed[row] += own[index] * scenes[index].length_s
    norms = np.linalg.norm(summed, axis=1, keepdims=True)
    vectors: Float64 = summed / np.maximum(norms, 1e-12)
    return vectors


def _signal(vectors: Float64, weights: Float64) -> _Signal:
    weighted = vectors * weights[:, None]
    squares = np.einsum("ij,ij->i", weighted, vectors)
    return _Signal(
        sums=np.vstack([np.zeros_like(vectors[:1]), np.cumsum(weighted, axis=0)]),
        weights=np.concatenate([[0.0], np.cumsum(weights)]),
        squares=np.concatenate([[0.0], np.cumsum(squares)]),
    )


def _cheapest(costs: Float64, *, n_least: int, max_parts: int) -> list[int]:
    """First unit of each part of the division that costs least.

    Args:
        n_least: parts of a film that is not the same throughout, for finding one's way.
    """
    n = len(costs)
    best = costs[0, :].copy()  # of all units before an index as one part
    best[0] = np.inf
    totals, steps = [best[n] + PART_COST], list[NDArray[np.intp]]()
    for _ in range(1, min(max_parts, n)):
        reached = best[:n, None] + costs
        steps.append(np.argmin(reached, axis=0))
        best = reached[steps[-1], np.arange(n + 1)]
        totals.append(best[n] + PART_COST * (len(steps) + 1))
    can_be = len(totals) >= n_least and math.isfinite(totals[n_least - 1])
    least = n_least if can_be and costs[0, n] > PART_COST else 1
    n_parts = int(np.argmin(totals[least - 1 :])) + least
    cuts, end = list[int](), n
    for step in reversed(steps[: n_parts - 1]):
        end = int(step[end])
        cuts.append(end)
    return [0, *reversed(cuts)]
