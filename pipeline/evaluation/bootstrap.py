"""A metric with its interval of confidence: the percentile bootstrap over items.

Efron 1979: draw as many items as there are, with replacement, a thousand times; the middle
95 % of the metric's values is the interval. Items are taken to be independent, so the
interval is too narrow where many questions are about one film.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """What each item adds to a metric's sums (N, K), and the metric of these sums (K,).

    A metric of a whole corpus (BLEU, word error rate) is not a mean over its items, but it is
    a function of such sums, as is a mean.
    """

    items: Floats
    value: Callable[[Floats], float]

    @property
    def applies(self) -> bool:
        """Whether any item adds anything."""
        return bool(self.items.any())

    def of(self, indices: Sequence[int]) -> Sums:
        """The same metric over some of the items."""
        return replace(self, items=self.items[list(indices)])


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value, and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        return {"value": self.value, "low": self.low, "high": self.high}


def ratio(parts: Sequence[float], wholes: Sequence[float], *, of_nothing: float = 0.0) -> Sums:
    """All parts by all wholes; `of_nothing` where the wholes are zero."""

    def value(sums: Floats) -> float:
        return float(sums[0] / sums[1]) if sums[1] else of_nothing

    return Sums(np.column_stack([parts, wholes]).astype(np.float64), value)


def mean(values: Sequence[float | None]) -> Sums:
    """The mean over the items that have a value."""
    return ratio([v or 0.0 for v in values], [float(v is not None) for v in values])


def estimate(sums: Sums, *, n_resamples: int = 1000, seed: int = 0) -> Estimate:
    """The metric over all items, with the 2.5th and 97.5th percentile of its resamples."""
    rng = np.random.default_rng(seed)
    n_items = len(sums.items)
    draws = [
        sums.value(np.bincount(rng.integers(n_items, size=n_items), minlength=n_items) @ sums.items)
        for _ in range(n_resamples)
    ]
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(sums.value(sums.items.sum(axis=0)), float(low), float(high))
