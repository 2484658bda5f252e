"""Whether a quote stands in a scene, and where: by its words, case and punctuation aside.

A language model that quotes drops commas and mends letters. What is nearly a passage of the
scene is taken for it, and what is cited is the film's own wording, never the model's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import fuzz

from scenelake.schemas.rows import Citation, Word
from scenelake.workers.candidates import cite, cite_scene
from scenelake.workers.engines import Passage

MIN_LIKENESS = 90.0
MIN_CHARS = 3
MIN_FUZZY_CHARS = 12

_PLAIN = re.compile(r"[^\w%€$£°]+")


def locate(quote: str, passage: Passage) -> Citation | None:
    """Where a scene says or shows a quote, in the scene's own words; None: nowhere."""
    wanted = plain(quote)
    if len(wanted) < MIN_CHARS:
        return None
    return _said(wanted, passage) or _shown(wanted, passage)


def holds(citation: Citation, passage: Passage) -> bool:
    """Whether what is quoted is said or written in the scene."""
    wanted = plain(citation.quote)
    said = plain(" ".join(word.text for word in passage.words))
    lines = [plain(line) for line in passage.screen_text]
    return any(f" {wanted} " in f" {text} " for text in (said, *lines))


def plain(text: str) -> str:
    """Lower case, words parted by single spaces, no punctuation."""
    return " ".join(_PLAIN.sub(" ", text.casefold()).split())


def _said(wanted: str, passage: Passage) -> Citation | None:
    texts = [plain(word.text) for word in passage.words]
    span = _exactly(wanted, texts) or _nearly(wanted, texts)
    if span is None:
        return None
    words: Sequence[Word] = passage.words[span[0] : span[1]]
    text = " ".join(word.text.strip() for word in words)
    return cite(passage, text, start_s=words[0].start_s, end_s=words[-1].end_s)


def _exactly(wanted: str, texts: Sequence[str]) -> tuple[int, int] | None:
    """Places ``[a, b)`` of the words that are a quote."""
    joined, starts = _joined(texts)
    at = f" {joined} ".find(f" {wanted} ")
    return None if at < 0 else _words_within(at, at + len(wanted), starts)


def _nearly(wanted: str, texts: Sequence[str]) -> tuple[int, int] | None:
    if len(wanted) < MIN_FUZZY_CHARS:
        return None
    joined, starts = _joined(texts)
    found = fuzz.partial_ratio_alignment(wanted, joined, score_cutoff=MIN_LIKENESS)
    if found is None or found.dest_end - found.dest_start < MIN_FUZZY_CHARS:
        return None
    return _words_within(found.dest_start, found.dest_end, starts)


def _joined(texts: Sequence[str]) -> tuple[str, list[int]]:
    """Texts as one, and where each begins in it."""
    starts, at = [], 0
    for text in texts:
        starts.append(at)
        at += len(text) + 1
    return " ".join(texts), starts


def _words_within(first: int, end: int, starts: Sequence[int]) -> tuple[int, int] | None:
    inside = [i for i, start in enumerate(starts) if _reaches(i, starts, first) and start < end]
    return (inside[0], inside[-1] + 1) if inside else None


def _reaches(i: int, starts: Sequence[int], first: int) -> bool:
    """Whether the word at a place ends behind a position."""
    return i + 1 == len(starts) or starts[i + 1] - 1 > first


def _shown(wanted: str, passage: Passage) -> Citation | None:
    """A line on screen that holds the quote, as it is written."""
    for line in passage.screen_text:
        there = plain(line)
        if f" {wanted} " in f" {there} " or _is_nearly(wanted, there):
            return cite_scene(passage, line.strip())
    return None


def _is_nearly(wanted: str, there: str) -> bool:
    return len(there) >= MIN_FUZZY_CHARS and fuzz.ratio(wanted, there) >= MIN_LIKENESS
