"""Moments found by a sentence: overlap of spans, as QVHighlights counts it.

Lei et al. 2021, arXiv:2107.09609. The best span's overlap is that with the nearest of the
true spans; average precision is Pascal VOC's (2011), of one query, over its ten best spans.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenelake.pipeline.evaluation.bootstrap import Floats, Sums, mean
from scenelake.pipeline.evaluation.records import Span

_AT = (0.5, 0.7)
_MAP_AT = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
_MAX_SPANS = 10


def score(truth: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]) -> dict[str, Sums]:
    """`r1@0.5`, `r1@0.7`, `miou` of the best span, and `map` (with `map@0.5`, `map@0.75`).

    Args:
        truth: spans of each query.
        found: spans of each query, best first; none where nothing was found.
    """
    pairs = list(zip(truth, found, strict=True))
    best = [max((iou(t, f[0]) for t in true), default=0.0) if f else 0.0 for true, f in pairs]
    precision = {
        at: [average_precision(true, spans[:_MAX_SPANS], at=at) for true, spans in pairs]
        for at in _MAP_AT
    }
    return {
        **{f"r1@{at}": mean([float(overlap >= at) for overlap in best]) for at in _AT},
        "miou": mean(best),
        "map": mean([float(np.mean(values)) for values in zip(*precision.values(), strict=True)]),
        **{f"map@{at}": mean(precision[at]) for at in (0.5, 0.75)},
    }


def iou(a: Span, b: Span) -> float:
    """Seconds that two spans share, by the seconds that they cover together."""
    shared_s = min(a[1], b[1]) - max(a[0], b[0])
    covered_s = max(a[1], b[1]) - min(a[0], b[0])
    return shared_s / covered_s if shared_s > 0 else 0.0


def average_precision(true: Sequence[Span], found: Sequence[Span], *, at: float) -> float:
    """Area under the interpolated curve of precision over recall; spans come best first."""
    hits = np.cumsum(_hits(true, found, at=at))
    precision = hits / np.arange(1, len(found) + 1)
    recall = hits / len(true)
    return _area(precision, recall)


def _hits(true: Sequence[Span], found: Sequence[Span], *, at: float) -> list[bool]:
    """Whether each span found is one of the true ones, each of which can be found once."""
    left = list(true)
    hits = []
    for span in found:
        nearest = max(left, key=lambda other: iou(span, other), default=None)
        hit = nearest is not None and iou(span, nearest) >= at
        if hit and nearest is not None:
            left.remove(nearest)
        hits.append(hit)
    return hits


def _area(precision: Floats, recall: Floats) -> float:
    """Precision at a recall counts as the best at that recall or a higher one."""
    best_from = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best_from))
