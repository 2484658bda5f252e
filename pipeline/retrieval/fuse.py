"""Several rankings as one, by reciprocal rank (Cormack et al. 2009).

Ranks need no common scale for scores. What they do not tell is how good the best is: a
ranking by likeness has a first even where nothing is alike. So a place counts by how far
its ranking is to be trusted there, between 0 and 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scenelake.pipeline.retrieval.index import Place


@dataclass(frozen=True, slots=True)
class Entry:
    """A scene's place in a ranking; equals share a rank."""

    place: Place
    rank: int
    score: float
    trust: float = 1.0


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scenes by one kind of evidence, best first, and how much it counts."""

    name: str
    weight: float
    entries: tuple[Entry, ...]

    @property
    def most_trusted(self) -> float:
        """The greatest trust of a place, from 0 to 1."""
        return max((entry.trust for entry in self.entries), default=0.0)

    def filled(
        self, places: Sequence[Place], scores: Sequence[float], trust: Iterable[float]
    ) -> Ranking:
        """The same with scenes, whose scores never rise."""
        ranks = np.searchsorted(-np.asarray(scores), -np.asarray(scores)) + 1
        entries = zip(places, ranks.tolist(), scores, trust, strict=True)
        return replace(self, entries=tuple(Entry(*entry) for entry in entries))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scene with all rankings that have it, the one that counted most first."""

    place: Place
    score: float
    entries: Mapping[str, Entry]


def fuse(
    rankings: Iterable[Ranking],
    *,
    offset: float,
    order: Callable[[Place], tuple[str, int]],
) -> list[Candidate]:
    """Scenes by the sum of ``weight * trust / (offset + rank)``, best first.

    Args:
        order: of scenes that are equally good in all.
    """
    found: defaultdict[Place, dict[str, tuple[float, Entry]]] = defaultdict(dict)
    for ranking in rankings:
        for entry in ranking.entries:
            gain = ranking.weight * entry.trust / (offset + entry.rank)
            found[entry.place][ranking.name] = gain, entry
    candidates = [_candidate(place, gains) for place, gains in found.items()]
    return sorted(candidates, key=lambda c: (-c.score, -_likeness(c), order(c.place)))


def _candidate(place: Place, gains: Mapping[str, tuple[float, Entry]]) -> Candidate:
    by_gain = sorted(gains.items(), key=lambda item: -item[1][0])
    score = sum(gain for gain, _ in gains.values())
    return Candidate(place, score, {name: entry for name, (_, entry) in by_gain})


def _likeness(candidate: Candidate) -> float:
    """The greatest cosine: of two with equal ranks, the one that is more alike."""
    cosines = [entry.score for name, entry in candidate.entries.items() if name != "words"]
    return max(cosines, default=-1.0)
