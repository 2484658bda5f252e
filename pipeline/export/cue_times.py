"""From when to when a cue is shown: as it is spoken, long enough to be read."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_MAX_DELAY_S = 0.5
_MAX_LEAD_S = 0.5
_MIN_STEP_S = 0.2
_ROUNDING_S = 0.001


@dataclass(frozen=True, slots=True)
class CueLimits:
    """What a cue has to keep to.

    Attributes:
        max_chars_per_s: reading speed, kept where there is time.
        min_s, max_s: how long a cue is shown; less than `min_s` only where the next is due.
        max_lines: 1 or 2.
        max_line_width: columns, a wide character counts as two.
        pause_s: a longer one ends a cue.
        over_cut_s: how much of a cue may be on the other side of a cut.
        small_gap_s: a shorter gap between two cues is closed.
    """

    max_chars_per_s: float = 17.0
    min_s: float = 1.0
    max_s: float = 7.0
    max_lines: int = 2
    max_line_width: int = 42
    pause_s: float = 0.8
    over_cut_s: float = 0.5
    small_gap_s: float = 0.5

    def __post_init__(self) -> None:
        if self.max_lines not in (1, 2):
            raise ValueError(f"max_lines is {self.max_lines}, expected 1 or 2")
        if not 0 < self.min_s <= 2 * self.over_cut_s or self.max_s < self.min_s:
            raise ValueError(
                f"min_s {self.min_s}, max_s {self.max_s}, over_cut_s {self.over_cut_s}: expected "
                "0 < min_s <= max_s, and min_s <= 2 * over_cut_s for films cut fast"
            )


@dataclass(frozen=True, slots=True)
class Spoken:
    """When a cue's words are spoken, and how many columns they take."""

    start_s: float
    end_s: float
    n_columns: int


def latest_end_s(start_s: float, cuts_s: Sequence[float], limits: CueLimits) -> float:
    """When a cue must be gone that is shown from `start_s`.

    A cut may lie within `over_cut_s` of its start; it may outlast the first other one by
    `over_cut_s`.
    """
    at = bisect_right(cuts_s, start_s + limits.over_cut_s)
    return cuts_s[at] + limits.over_cut_s if at < len(cuts_s) else math.inf


def shown_spans(
    spoken: Sequence[Spoken], *, cuts_s: Sequence[float], duration_s: float, limits: CueLimits
) -> list[tuple[float, float]]:
    """Start and end of each cue, on whole milliseconds, without overlaps."""
    starts_s = _starts(spoken, limits)
    spans: list[tuple[float, float]] = []
    for n, said in enumerate(spoken):
        start_s = starts_s[n]
        next_s = starts_s[n + 1] if n + 1 < len(spoken) else math.inf
        bound_s = min(
            next_s,
            start_s + limits.max_s,
            latest_end_s(start_s, cuts_s, limits),
            max(duration_s, said.end_s, start_s + _MIN_STEP_S),
        )
        end_s = _end(said, start_s, bound_s=bound_s, next_s=next_s, limits=limits)
        free_s = spans[-1][1] if spans else 0.0
        early_s = _early(said, start_s, end_s, cuts_s=cuts_s, limits=limits)
        spans.append((round(max(free_s, early_s), 3), round(end_s, 3)))
    return spans


def _starts(spoken: Sequence[Spoken], limits: CueLimits) -> list[float]:
    """When cues appear: with their words, half a second later at most if one is still due."""
    starts_s: list[float] = []
    last_s = -math.inf
    for said in spoken:
        after_s = min(max(said.start_s, last_s + limits.min_s), said.start_s + _MAX_DELAY_S)
        last_s = max(after_s, last_s + _MIN_STEP_S)
        starts_s.append(last_s)
    return starts_s


def _early(
    said: Spoken, start_s: float, end_s: float, *, cuts_s: Sequence[float], limits: CueLimits
) -> float:
    """When a cue appears that cannot stay long enough: before it is spoken, but not much."""
    needed_s = max(start_s - _MAX_LEAD_S, end_s - _to_read_s(said, limits))
    if needed_s < start_s and latest_end_s(needed_s, cuts_s, limits) >= end_s:
        start_s = needed_s
    return min(start_s, end_s - limits.min_s)


def _to_read_s(said: Spoken, limits: CueLimits) -> float:
    return max(limits.min_s, said.n_columns / limits.max_chars_per_s + _ROUNDING_S)


def _end(
    said: Spoken, start_s: float, *, bound_s: float, next_s: float, limits: CueLimits
) -> float:
    end_s = min(max(said.end_s, start_s + _to_read_s(said, limits)), bound_s)
    return min(next_s, bound_s) if next_s - end_s < limits.small_gap_s else end_s
