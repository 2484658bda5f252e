"""Cuts found, missed and made up, at a tolerance in seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenelake.pipeline.evaluation.bootstrap import Floats, Sums, ratio

TOLERANCE_S = 0.1
_ROUNDING_S = 1e-9


def score(
    truth: Sequence[Sequence[float]],
    found: Sequence[Sequence[float]],
    *,
    tolerance_s: float = TOLERANCE_S,
) -> dict[str, Sums]:
    """`precision`, `recall` and `f1` over the cuts of all films together.

    Each true cut is found at most once. Among films without a cut, none found is all right: 1.
    """
    hits = [
        n_hits(true_s, cuts_s, tolerance_s=tolerance_s)
        for true_s, cuts_s in zip(truth, found, strict=True)
    ]
    n_true, n_found = [len(cuts) for cuts in truth], [len(cuts) for cuts in found]
    return {
        "precision": ratio(hits, n_found, of_nothing=1.0),
        "recall": ratio(hits, n_true, of_nothing=1.0),
        "f1": Sums(np.column_stack([hits, n_found, n_true]).astype(np.float64), _f1),
    }


def n_hits(true_s: Sequence[float], found_s: Sequence[float], *, tolerance_s: float) -> int:
    """How many pairs of a true and a found cut can be made, each cut in one pair at most.

    In order of time, pairing the earliest two that are near enough loses none.
    """
    true, found = sorted(true_s), sorted(found_s)
    i = j = hits = 0
    while i < len(true) and j < len(found):
        if abs(true[i] - found[j]) <= tolerance_s + _ROUNDING_S:
            i, j, hits = i + 1, j + 1, hits + 1
        elif true[i] < found[j]:
            i += 1
        else:
            j += 1
    return hits


def _f1(sums: Floats) -> float:
    hits, n_found, n_true = sums
    return float(2 * hits / (n_found + n_true)) if n_found + n_true else 1.0
