"""Hits of one film, seconds apart, that say and show the same, as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from scenelake.pipeline.retrieval.fuse import Candidate
from scenelake.pipeline.retrieval.index import Index, Place


@dataclass(slots=True)
class Group:
    """The best of scenes that are the same, and the others."""

    best: Candidate
    others: list[Candidate] = field(default_factory=list)


def collapse(
    candidates: Iterable[Candidate], index: Index, *, k: int, within_s: float, alike: float
) -> list[Group]:
    """The first `k` groups, best first.

    Args:
        within_s: between the end of one span and the start of the other; negative: none are.
        alike: cosine from which on two scenes say, or show, the same.
    """
    groups: list[Group] = []
    for candidate in candidates:
        same = next((g for g in groups if _same(g, candidate, index, within_s, alike)), None)
        if same is not None:
            same.others.append(candidate)
        elif len(groups) < k:
            groups.append(Group(candidate))
        else:
            break
    return groups


def _same(group: Group, candidate: Candidate, index: Index, within_s: float, alike: float) -> bool:
    """Whether a scene is the same as any of a group: a long shot is divided more than once."""
    if group.best.place.segment != candidate.place.segment:
        return False
    if index.member(group.best.place) is not index.member(candidate.place):
        return False
    return any(
        _gap_s(one.place, candidate.place, index) <= within_s
        and _are_alike(one.place, candidate.place, index, alike)
        for one in (group.best, *group.others)
    )


def _gap_s(a: Place, b: Place, index: Index) -> float:
    rows = index.segments[a.segment].rows
    starts = [rows["start_s"][place.row].as_py() for place in (a, b)]
    ends = [rows["end_s"][place.row].as_py() for place in (a, b)]
    return float(max(starts) - min(ends))


def _are_alike(a: Place, b: Place, index: Index, alike: float) -> bool:
    vectors = index.segments[a.segment].vectors.values()
    return all(_cosine(v.matrix[a.row], v.matrix[b.row]) >= alike for v in vectors)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    """1 where neither is there: two scenes without words say the same."""
    if not a.any() and not b.any():
        return 1.0
    return float(a.astype(np.float32) @ b.astype(np.float32))
