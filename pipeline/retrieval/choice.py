"""Filters as they apply to what an index holds: names looked up once, then rows by rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scenelake.pipeline.retrieval.filters import Filters
from scenelake.pipeline.retrieval.segment import Segment
from scenelake.pipeline.retrieval.tokens import tokens
from scenelake.pipeline.retrieval.vectors import Mask


@dataclass(frozen=True, slots=True)
class Choice:
    """What may be found. None: all; an empty tuple: nothing.

    Attributes:
        films: numbers of films.
        labels: names as they are stored.
    """

    films: tuple[int, ...] | None = None
    languages: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    speakers: tuple[str, ...] | None = None
    start_s: float | None = None
    end_s: float | None = None
    since: datetime | None = None
    until: datetime | None = None

    def mask(self, segment: Segment) -> Mask | None:
        """(N,) rows of a segment that may be found; None: all of them."""
        masks = [*self._by_film(segment), *self._by_name(segment), *self._by_time(segment)]
        return np.logical_and.reduce(masks) if masks else None

    def _by_film(self, segment: Segment) -> Iterable[Mask]:
        asked = None if self.films is None else set(self.films)
        chosen = [m for m in segment.members if asked is None or m.number in asked]
        if sum(member.n_rows for member in chosen) < len(segment.rows):
            mask = np.zeros(len(segment.rows), np.bool_)
            for member in chosen:
                mask[member.first : member.first + member.n_rows] = True
            yield mask

    def _by_name(self, segment: Segment) -> Iterable[Mask]:
        asked = {"language": self.languages, "labels": self.labels, "speakers": self.speakers}
        for column, names in asked.items():
            if names is not None:
                yield segment.coded(column).mask(set(names), n_rows=len(segment.rows))

    def _by_time(self, segment: Segment) -> Iterable[Mask]:
        rows = segment.rows
        if self.start_s is not None:
            yield rows["end_s"].to_numpy() > self.start_s
        if self.end_s is not None:
            yield rows["start_s"].to_numpy() < self.end_s
        if self.since is not None:
            yield _numpy(pc.greater_equal(rows["came_at"], _instant(self.since)))
        if self.until is not None:
            yield _numpy(pc.less(rows["came_at"], _instant(self.until)))


def choice(filters: Filters, segments: Iterable[Segment]) -> Choice:
    """The filters in the names and numbers of some segments."""
    held = list(segments)
    films = [m.number for s in held for m in s.members if m.video_id in filters.video_ids]
    return Choice(
        films=tuple(films) if filters.video_ids else None,
        languages=_same(filters.languages, _names(held, "language")) if filters.languages else None,
        labels=_matching(filters.labels, _names(held, "labels")) if filters.labels else None,
        speakers=_same(filters.speakers, _names(held, "speakers")) if filters.speakers else None,
        start_s=filters.start_s,
        end_s=filters.end_s,
        since=filters.since,
        until=filters.until,
    )


def _names(segments: Iterable[Segment], column: str) -> set[str]:
    return {name for segment in segments for name in segment.coded(column).names}


def _matching(asked: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Names with all words of one that is asked for."""
    sets = [frozenset(tokens(text)) for text in asked]
    return tuple(name for name in names if any(s and s <= set(tokens(name)) for s in sets))


def _same(asked: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    folded = {text.casefold() for text in asked}
    return tuple(name for name in names if name.casefold() in folded)


def _instant(at: datetime) -> pa.Scalar:
    return pa.scalar(at, pa.timestamp("us", tz="UTC"))


def _numpy(values: pa.ChunkedArray) -> Mask:
    return np.asarray(pc.fill_null(values, False).to_numpy(), np.bool_)
