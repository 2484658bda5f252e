"""Whether text that a language model reads off a picture is there: a text reader must agree.

A language model completes what it cannot read. A line of its reading counts if the text
reader (OCR) has read something alike, with the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from scenelake.schemas.rows import ScreenText
from scenelake.workers.grounding import tokens

MIN_ALIKE = 0.8
MAX_JOINED_LINES = 3
"""A model may read as one line what the text reader took for so many."""


def confirmed(
    lines: Sequence[str], read: Sequence[ScreenText], *, exactly: bool
) -> tuple[str, ...]:
    """Those of a model's lines, each once, that the text reader confirms.

    Args:
        exactly: letter for letter, case apart: for a model that has only been told them.
    """
    known = _runs([text.text for text in read])
    least = 1.0 if exactly else MIN_ALIKE
    told = dict.fromkeys(line.strip() for line in lines if line.strip())
    return tuple(line for line in told if any(_alike(line, k) >= least for k in known))


def _runs(lines: Sequence[str]) -> list[str]:
    """Each line, and each few that follow each other as one."""
    lengths = range(1, MAX_JOINED_LINES + 1)
    starts = range(len(lines))
    return [" ".join(lines[i : i + n]) for n in lengths for i in starts if i + n <= len(lines)]


def _alike(one: str, other: str) -> float:
    """0 to 1: the share of letters that follow each other in both (Ratcliff and Obershelp)."""
    if _numbers(one) != _numbers(other):
        return 0.0
    return SequenceMatcher(None, _plain(one), _plain(other), autojunk=False).ratio()


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _numbers(text: str) -> list[str]:
    return [t.key for t in tokens(text) if t.is_number]
