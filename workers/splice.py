"""Joins the words of neighbouring clips: speech that crosses a border is heard by both.

Each clip gives the words of whole utterances, also of those that begin before it or end
after it. The voice detector came to the border from different beginnings and may have
divided the speech otherwise, so times may differ by a little: dealing words out at the
border itself could lose one or double one. The seam is laid instead where both clips
hear a pause.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from scenelake.schemas.rows import Word

_ENOUGH_S = 0.3
"""A pause this long is as good as any longer one: the nearest of such is taken."""
_NEARNESS = 0.01
"""A second further from the border weighs as much as a pause shorter by this many seconds."""


def splice(parts: Sequence[tuple[float, Sequence[Word]]]) -> tuple[Word, ...]:
    """Words of a film, in time order, from those of its clips.

    Args:
        parts: where each clip begins, in seconds, and its words in time order.
    """
    joined: list[Word] = []
    for start_s, words in parts:
        seam_s = _seam_s(joined, words, start_s)
        joined = [word for word in joined if word.middle_s < seam_s]
        joined.extend(word for word in words if word.middle_s >= seam_s)
    return tuple(sorted(joined, key=lambda word: word.start_s))


def _seam_s(before: Sequence[Word], after: Sequence[Word], border_s: float) -> float:
    """Where to go over from one clip's words to the next one's."""
    if not before or not after:
        return border_s
    from_s = min(border_s, after[0].start_s)
    to_s = max(border_s, max(word.end_s for word in before[-8:]))
    near = [w for w in before[_first(before, from_s) :] if w.end_s >= from_s]
    near += [w for w in after if w.start_s <= to_s and w.end_s >= from_s]
    spans = sorted((w.start_s, w.end_s) for w in near)
    middles = sorted((w.middle_s, w.middle_s) for w in near)
    # Where speech has no pause, as far as may be from where any word would change sides.
    pauses = _pauses(spans, from_s, to_s) or _pauses(middles, from_s, to_s)
    return max(pauses, key=lambda p: _worth(p, border_s))[0]


def _first(words: Sequence[Word], time_s: float) -> int:
    """Index of the first word that may reach beyond a time."""
    index = bisect_left(words, time_s, key=lambda word: word.start_s)
    return max(0, index - 8)


def _pauses(
    spans: Sequence[tuple[float, float]], from_s: float, to_s: float
) -> list[tuple[float, float]]:
    """Where neither clip is in a word: the middle of each such pause and its length, often 0."""
    gaps = _gaps(spans, from_s, to_s)
    return [((a_s + b_s) / 2, b_s - a_s) for a_s, b_s in gaps if b_s >= a_s]


def _gaps(
    spans: Sequence[tuple[float, float]], from_s: float, to_s: float
) -> Iterator[tuple[float, float]]:
    quiet_from_s = from_s
    for start_s, end_s in spans:
        if start_s >= quiet_from_s:
            yield quiet_from_s, min(start_s, to_s)
        quiet_from_s = max(quiet_from_s, end_s)
    yield quiet_from_s, to_s


def _worth(pause: tuple[float, float], border_s: float) -> float:
    middle_s, length_s = pause
    return min(length_s, _ENOUGH_S) - _NEARNESS * abs(middle_s - border_s)
