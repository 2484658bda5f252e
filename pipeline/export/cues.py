"""Words as cues of subtitles: which words stand together, on which lines.

Words that follow each other without a pause or a change of speaker are divided so that the
sum of what is bad about the cues is least (shortest path, as Knuth and Plass 1981 break
paragraphs into lines): a break inside a clause, text that goes by too fast or too soon,
scraps. What must hold is no matter of cost: width, duration, and how far over a cut.

The limits are those of broadcasters' guides: BBC Subtitle Guidelines 1.2, Netflix Timed Text
Style Guide. Wide (CJK) characters count as two, both for width and for reading speed.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from scenelake.pipeline.export.cue_times import CueLimits, Spoken, latest_end_s, shown_spans
from scenelake.pipeline.export.typeset import (
    ends_clause,
    ends_sentence,
    join,
    slices,
    spaces_between,
    width,
)
from scenelake.schemas.rows import Word

_BROKEN_CLAUSE = 2.5
_CLAUSE_END = 0.4
_PAUSE_BONUS = 1.5
_OVER_CUT = 0.5
_TOO_FAST = 0.25
_TOO_SHORT = 4.0
_SCRAP = 0.8
_SCRAP_WIDTH = 20
_LINE_AT_CLAUSE = 12
_NO_LINES = CueLimits()


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines of text shown during ``[start_s, end_s)``, whole milliseconds."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str | None = None

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def cues(
    words: Iterable[Word],
    *,
    cuts_s: Sequence[float] = (),
    duration_s: float = math.inf,
    limits: CueLimits = _NO_LINES,
) -> list[Cue]:
    """Cues of a film in time order, none of which overlap.

    Args:
        words: of the whole film.
        cuts_s: in time order.
        duration_s: of the film; no cue lingers beyond it.
    """
    runs = list(_runs(_tokens(words, limits), limits))
    if not runs:
        return []
    nexts_s = [run[0].start_s for run in runs[1:]] + [duration_s]
    groups = [
        group
        for run, next_s in zip(runs, nexts_s, strict=True)
        for group in _Division(run, next_s, cuts_s, limits).best()
    ]
    spoken = [_spoken(group) for group in groups]
    spans = shown_spans(spoken, cuts_s=cuts_s, duration_s=duration_s, limits=limits)
    return [
        Cue(*span, _lines(group, limits), group[0].speaker)
        for group, span in zip(groups, spans, strict=True)
    ]


def _spoken(group: Sequence[Word]) -> Spoken:
    text = join(word.text for word in group)
    return Spoken(group[0].start_s, max(word.end_s for word in group), width(text))


def _tokens(words: Iterable[Word], limits: CueLimits) -> list[Word]:
    """Words in time order, those too wide for a line in slices, each with its share of time."""
    told = [replace(word, text=" ".join(word.text.split())) for word in words]
    ordered = sorted((word for word in told if word.text), key=lambda word: word.start_s)
    return [part for word in ordered for part in _sliced(word, limits.max_line_width)]


def _sliced(word: Word, max_width: int) -> Iterator[Word]:
    total = width(word.text)
    if total <= max_width:
        yield word
        return
    start_s, per_column_s = word.start_s, (word.end_s - word.start_s) / total
    for text in slices(word.text, max_width=max_width):
        end_s = min(word.end_s, start_s + per_column_s * width(text))
        yield replace(word, text=text, start_s=start_s, end_s=end_s)
        start_s = end_s


def _runs(tokens: Sequence[Word], limits: CueLimits) -> Iterator[list[Word]]:
    """Words between which nobody pauses and nobody else speaks."""
    run: list[Word] = []
    for token in tokens:
        if run and (
            token.start_s - run[-1].end_s > limits.pause_s or token.speaker != run[-1].speaker
        ):
            yield run
            run = []
        run.append(token)
    if run:
        yield run


class _Division:
    """The division of one run of words into cues that costs least."""

    def __init__(
        self, run: Sequence[Word], next_s: float, cuts_s: Sequence[float], limits: CueLimits
    ) -> None:
        self._run, self._cuts_s, self._limits = run, cuts_s, limits
        self._starts_s = [word.start_s for word in run] + [next_s]
        self._spaces = [0, *(spaces_between(a.text, b.text) for a, b in pairwise(run))]
        widths = (space + width(w.text) for space, w in zip(self._spaces, run, strict=True))
        self._reach = list(accumulate(widths, initial=0))
        self._ends_s = list(accumulate((word.end_s for word in run), max))
        self._breaks = [self._break_cost(n) for n in range(len(run))]

    def best(self) -> list[Sequence[Word]]:
        """Groups of words, in order."""
        costs, came_from = [0.0], [0]
        for end in range(1, len(self._run) + 1):
            options = [(costs[first] + self._cost(first, end), first) for first in self._fit(end)]
            cost, first = min(options)
            costs.append(cost)
            came_from.append(first)
        groups: list[Sequence[Word]] = []
        end = len(self._run)
        while end:
            groups.append(self._run[came_from[end] : end])
            end = came_from[end]
        return groups[::-1]

    def _fit(self, end: int) -> Iterator[int]:
        """Firsts of the groups up to `end` that may be one cue; a word by itself always may."""
        yield end - 1
        for first in range(end - 2, -1, -1):
            start_s, end_s = self._starts_s[first], self._ends_s[end - 1]
            if end_s - start_s > self._limits.max_s or not self._fits_lines(first, end):
                return
            if end_s <= latest_end_s(start_s, self._cuts_s, self._limits):
                yield first

    def _fits_lines(self, first: int, end: int) -> bool:
        at = first
        for _ in range(self._limits.max_lines):
            room = self._reach[at] + self._spaces[at] + self._limits.max_line_width
            at = bisect_right(self._reach, room, lo=at) - 1
            if at >= end:
                return True
        return False

    def _cost(self, first: int, end: int) -> float:
        start_s = self._starts_s[first]
        columns = self._reach[end] - self._reach[first] - self._spaces[first]
        until_s = min(
            self._starts_s[end],
            start_s + self._limits.max_s,
            latest_end_s(start_s, self._cuts_s, self._limits),
        )
        shown_s = max(until_s - start_s, 1e-3)
        too_fast = columns / shown_s - self._limits.max_chars_per_s
        return (
            1.0
            + self._breaks[end - 1]
            + _TOO_FAST * min(max(0.0, too_fast), 40.0)
            + _TOO_SHORT * max(0.0, self._limits.min_s - shown_s)
            + _SCRAP * max(0.0, 1 - columns / _SCRAP_WIDTH)
            + _OVER_CUT * self._straddles(start_s, self._ends_s[end - 1])
        )

    def _break_cost(self, last: int) -> float:
        """Of a cue that ends with this word."""
        text = self._run[last].text
        if last == len(self._run) - 1 or ends_sentence(text):
            return 0.0
        pause_s = max(0.0, self._starts_s[last + 1] - self._run[last].end_s)
        return (_CLAUSE_END if ends_clause(text) else _BROKEN_CLAUSE) - _PAUSE_BONUS * pause_s

    def _straddles(self, start_s: float, end_s: float) -> bool:
        at = bisect_right(self._cuts_s, start_s)
        return at < len(self._cuts_s) and self._cuts_s[at] < end_s


def _lines(group: Sequence[Word], limits: CueLimits) -> tuple[str, ...]:
    """One line where it fits, else two of like width, broken at a clause's end if there is one."""
    texts = [word.text for word in group]
    whole = join(texts)
    if width(whole) <= limits.max_line_width:
        return (whole,)
    options = [(join(texts[:n]), join(texts[n:])) for n in range(1, len(texts))]
    fitting = [o for o in options if max(map(width, o)) <= limits.max_line_width]
    return min(fitting, key=_unevenness)


def _unevenness(lines: tuple[str, str]) -> float:
    """The second line may rather be the longer one: less of the picture is hidden."""
    above, below = map(width, lines)
    at_clause = ends_sentence(lines[0]) or ends_clause(lines[0])
    return abs(above - below) + (above > below) - _LINE_AT_CLAUSE * at_clause
