"""Which scenes a search may find at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from scenelake.schemas.errors import UsageError


@dataclass(frozen=True, slots=True)
class Filters:
    """Scenes that fulfil all that is given; of several values of one kind, any.

    Attributes:
        video_ids: of these films.
        languages: in which is spoken one of these (ISO 639-1).
        start_s, end_s: that share something with this span of their film, half open.
        labels: with a label or sound of all these words: "cat" takes "Egyptian cat".
        speakers: in which one of these speaks.
        since, until: that came into the lake in this span of time, half open; with a zone.
    """

    video_ids: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    start_s: float | None = None
    end_s: float | None = None
    labels: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        for name, at_s in {"start": self.start_s, "end": self.end_s}.items():
            if at_s is not None and not (math.isfinite(at_s) and at_s >= 0):
                raise UsageError(f"filter {name}: {at_s} s is no time in a film")
        if None not in (self.start_s, self.end_s) and self.start_s >= self.end_s:  # type: ignore[operator]
            raise UsageError(f"filter: nothing lies between {self.start_s} s and {self.end_s} s")
        for name, at in {"since": self.since, "until": self.until}.items():
            if at is not None and at.tzinfo is None:
                raise UsageError(f"filter {name}: {at.isoformat()} has no time zone")

    def __bool__(self) -> bool:
        return self != EVERYTHING


EVERYTHING = Filters()
"""Nothing is left out."""
