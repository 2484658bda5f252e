"""An index of a lake as it was at one moment: segments of rows and vectors, and the words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log2
from typing import Any

import pyarrow.compute as pc

from scenelake.pipeline.retrieval.films import Film
from scenelake.pipeline.retrieval.segment import FULL_ROWS, Member, Segment, vector_models
from scenelake.pipeline.retrieval.words import Words, parts_of

_TIER_BITS = 3
"""Segments are of one tier whose sizes differ less than eightfold."""
_TIER_SEGMENTS = 6
"""So many of a tier are joined, so that a lake that grows film by film stays quick."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a scene is: the segment's place in the index, the row's in the segment."""

    segment: int
    row: int


@dataclass(frozen=True, eq=False)
class Index:
    """Segments that together hold each film once, and an index of the same films' words."""

    segments: tuple[Segment, ...]
    words: Words

    @cached_property
    def marks(self) -> Mapping[str, str]:
        """Film -> the mark it had when it was read."""
        return {member.video_id: member.mark for _, member in self._members.values()}

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Film -> its number."""
        return {member.video_id: number for number, (_, member) in self._members.items()}

    @cached_property
    def languages(self) -> frozenset[str]:
        """Those spoken in it (ISO 639-1)."""
        columns = (segment.rows["language"] for segment in self.segments)
        return frozenset(
            name for column in columns for name in pc.unique(column).to_pylist() if name
        )

    def films(self) -> Iterator[Member]:
        """All films."""
        return (member for _, member in self._members.values())

    def place(self, key: int) -> Place | None:
        """Where the scene of a key is; None for one of a film that is gone."""
        number, row = parts_of(key)
        found = self._members.get(number)
        return None if found is None else Place(found[0], found[1].first + row)

    def member(self, place: Place) -> Member:
        """The film of a scene."""
        return self.segments[place.segment].member_at(place.row)

    def row(self, place: Place) -> dict[str, Any]:
        """What is kept of a scene."""
        return self.segments[place.segment].row(place.row)

    def order(self, place: Place) -> tuple[str, int]:
        """By film and time, however the films are spread over segments."""
        member = self.member(place)
        return member.video_id, place.row - member.first

    @cached_property
    def _members(self) -> Mapping[int, tuple[int, Member]]:
        return {
            member.number: (place, member)
            for place, segment in enumerate(self.segments)
            for member in segment.members
        }


def segments_of(films: Sequence[Film], *, first_number: int) -> list[Segment]:
    """New films as segments, one for all whose vectors come from the same models."""
    groups: defaultdict[tuple[object, ...], list[tuple[int, Film]]] = defaultdict(list)
    for number, film in enumerate(films, first_number):
        groups[_kind_of(film)].append((number, film))
    return [
        Segment.of([film for _, film in group], numbers=[number for number, _ in group])
        for group in groups.values()
    ]


def tidied(segments: Iterable[Segment]) -> list[Segment]:
    """The segments with many small ones joined and dead rows dropped where they are most."""
    tiers: defaultdict[object, list[Segment]] = defaultdict(list)
    for segment in segments:
        tiers[_tier(segment)].append(segment)
    found: list[Segment] = []
    for group in tiers.values():
        found += [_joined(group)] if _is_due(group) else [s for s in group if s.members]
    return found


def without(segment: Segment, numbers: frozenset[int]) -> Segment:
    """A segment some of whose films are gone."""
    kept = tuple(member for member in segment.members if member.number not in numbers)
    return Segment(kept, segment.models, segment.rows, segment.vectors)


def _is_due(group: Sequence[Segment]) -> bool:
    n_live = sum(segment.n_live for segment in group)
    n_rows = sum(len(segment.rows) for segment in group)
    if n_live == 0:
        return False
    return n_live * 2 < n_rows or (len(group) > _TIER_SEGMENTS and n_live <= FULL_ROWS)


def _joined(group: Sequence[Segment]) -> Segment:
    films = [film for segment in group for film in segment.films()]
    return Segment.of(films, numbers=[m.number for segment in group for m in segment.members])


def _tier(segment: Segment) -> object:
    is_full = len(segment.rows) >= FULL_ROWS
    size = id(segment) if is_full else int(log2(max(1, segment.n_live))) // _TIER_BITS
    widths = tuple(v.matrix.shape[1] for v in segment.vectors.values())
    return is_full, size, tuple(sorted(segment.models.items())), widths


def _kind_of(film: Film) -> tuple[object, ...]:
    widths = tuple(vectors.shape[1] for vectors in film.vectors.values())
    return tuple(sorted(vector_models(film).items())), widths
