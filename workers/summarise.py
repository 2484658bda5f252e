"""Summaries and chapters from what a film says and shows, word for word; no model.

A film is divided where what it is about changes (`scenelake.workers.sections`). Its summary
is made of sentences that are said in it, some of each stretch (`scenelake.workers.quotes`),
of names of what is seen most and of lines on screen. Nothing is made up, so nothing needs a
check.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from scenelake.schemas.config import SummariseConfig
from scenelake.schemas.rows import Chapter
from scenelake.schemas.story import Story, Summary
from scenelake.workers.chapters import Section, sections, vocabulary
from scenelake.workers.evidence import put_together, said_first
from scenelake.workers.quotes import Quote, pick
from scenelake.workers.stage import Resources
from scenelake.workers.titles import most_seen, telling_lines, titles

NOTHING = "Nothing recognised in this film."
MAX_SEEN = 5
MAX_LINES = 4

VERSION = 1


class ExtractiveSummariser:
    """Sums up without a model; also what stands where a model's words cannot."""

    resources = Resources(cpus=0.2)

    def __init__(self, config: SummariseConfig) -> None:
        self._config = config

    @property
    def model(self) -> str:
        return f"extractive@{VERSION}"

    @property
    def weights(self) -> tuple[str, ...]:
        return ()

    @property
    def prompt_hash(self) -> str:
        return "none"

    def setup(self) -> None:
        """Has no weights."""

    def summarise(self, story: Story) -> Summary:
        """A summary in the film's own words; `grounded` is False."""
        parts = sections(story, max_chapters=self._config.max_chapters)
        text = summary_text(story, parts, max_sentences=self._config.max_sentences)
        chapters = chapters_of(story, parts) if text != NOTHING else ()
        return Summary(text, chapters)


def chapters_of(story: Story, parts: Sequence[Section]) -> tuple[Chapter, ...]:
    """The sections under titles from their own evidence."""
    words = vocabulary(parts, language=story.language)
    named = zip(parts, titles(parts, words), strict=True)
    return tuple(part.titled(title) for part, title in named)


def summary_text(story: Story, parts: Sequence[Section], *, max_sentences: int) -> str:
    """What is said, seen and on screen, in few words."""
    words = vocabulary(parts, language=story.language)
    count = min(max_sentences, n_sentences(story.duration_s))
    said = put_in_order(pick(parts, words, count=count)) or _beginning(parts)
    labels, lines = most_seen(parts)[:MAX_SEEN], telling_lines(parts)[:MAX_LINES]
    return put_together(said, labels=tuple(labels), lines=tuple(lines)) or NOTHING


def _beginning(parts: Sequence[Section]) -> str:
    """What is said first, where it makes no sentence."""
    return said_first(" ".join(part.speech for part in parts if part.speech))


def n_sentences(duration_s: float) -> int:
    """Of a summary: four for a minute, seven for ten, fourteen for an hour."""
    return math.ceil(2 + 1.5 * math.sqrt(duration_s / 60))


def put_in_order(quotes: Sequence[Quote]) -> str:
    """Sentences in the film's order, those that are said as a quotation."""
    groups = groupby(quotes, key=lambda quote: quote.is_said)
    return " ".join(
        _quoted(list(group)) if is_said else _joined(group) for is_said, group in groups
    )


def _quoted(quotes: Sequence[Quote]) -> str:
    """With "…" between sentences that do not follow each other."""
    told = quotes[0].text
    for before, quote in pairwise(quotes):
        follows = quote.at == (before.at[0], before.at[1] + 1)
        told += f" {quote.text}" if follows else f" … {quote.text}"
    return f'Said: "{told}"'


def _joined(quotes: Iterable[Quote]) -> str:
    return " ".join(quote.text for quote in quotes)
