"""Which of some options the film supports: each is held against each sentence.

A sentence speaks for an option by holding the option's words, and by speaking of what the
question asks. An option such as "the film does not say" is chosen where no other has support.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from scenelake.schemas.rows import Citation
from scenelake.workers.candidates import candidates, cite_scene
from scenelake.workers.engines import Passage, Query, Reply
from scenelake.workers.grounding import Token, tokens
from scenelake.workers.matching import Matcher
from scenelake.workers.questions import Question
from scenelake.workers.ranking import Ranked, rank
from scenelake.workers.telling import NOT_TOLD, not_told
from scenelake.workers.vectors import Vectors

LETTERS = ascii_uppercase
MIN_SUPPORT = 0.55
IN_WINDOW = 0.6
"""What an option's words count that stand in the sentences before."""

_NONE_OF_THEM = re.compile(
    r"\b(?:not (?:told|mentioned|said|stated|shown|given)|none of|does(?:n't| not) "
    r"(?:say|tell|mention)|unknown|cannot be (?:known|determined))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Support:
    """What speaks for an option: how much, 0 to about 2, and where."""

    option: int
    score: float
    citations: tuple[Citation, ...]
    answer: str


def labelled(options: Sequence[str], index: int) -> str:
    """An option as it is chosen: "B) red"."""
    return f"{LETTERS[index]}) {options[index]}"


def choose(asked: Question, query: Query, vectors: Vectors) -> Reply:
    """The best supported option with its citation; none where nothing speaks for one."""
    ranked = rank(asked, candidates(query.passages), vectors)
    matcher = _Options(asked, query, ranked, vectors)
    found = [*matcher.said(), *matcher.seen()]
    best = max(found, key=lambda s: s.score, default=None)
    if best is None or best.score < MIN_SUPPORT:
        return _nothing_known(query.options)
    return Reply(
        answer=best.answer,
        grounded=True,
        citations=best.citations,
        choice=labelled(query.options, best.option),
    )


def _nothing_known(options: Sequence[str]) -> Reply:
    """The option that says so, where there is one."""
    for index, option in enumerate(options):
        if _NONE_OF_THEM.search(option):
            return Reply(NOT_TOLD, grounded=False, citations=(), choice=labelled(options, index))
    return not_told()


class _Options:
    """A query's options, and how much sentences and labels speak for them."""

    def __init__(
        self, asked: Question, query: Query, ranked: Sequence[Ranked], vectors: Vectors
    ) -> None:
        self._passages = query.passages
        self._ranked = ranked
        self._wanted = [_telling(option, query.options) for option in query.options]
        flat = [token for wanted in self._wanted for token in wanted]
        held = [tokens(r.candidate.window) for r in ranked]
        labels = [tokens(name) for p in query.passages for name in p.labels]
        self._matcher = Matcher(flat, [*held, *labels], vectors)

    def said(self) -> list[_Support]:
        """Each option's support by each sentence and screen line."""
        return [
            self._by(index, found)
            for index, wanted in enumerate(self._wanted)
            for found in self._ranked
            if wanted
        ]

    def seen(self) -> list[_Support]:
        """Support by what was recognised in pictures: less sure than words."""
        return [
            self._by_label(index, passage, name)
            for index in range(len(self._wanted))
            for passage in self._passages
            for name in passage.labels
        ]

    def _by(self, index: int, found: Ranked) -> _Support:
        own = self._share(index, found.candidate.text)
        before = IN_WINDOW * self._share(index, found.candidate.window)
        held = max(own, before)
        relevance = (max(0.0, found.similarity) + found.coverage) / 2
        score = held * (0.5 + relevance)
        return _Support(index, score, found.candidate.citations, found.candidate.text)

    def _by_label(self, index: int, passage: Passage, name: str) -> _Support:
        score = IN_WINDOW * self._share(index, name)
        return _Support(index, score, (cite_scene(passage),), f"Seen: {name}.")

    def _share(self, index: int, text: str) -> float:
        held = tokens(text)
        wanted = self._wanted[index]
        return sum(self._matcher.match(t, held) for t in wanted) / len(wanted) if wanted else 0.0


def _telling(option: str, options: Sequence[str]) -> list[Token]:
    """The words of an option that tell it from the others."""
    others = [t.key for other in options if other != option for t in tokens(other)]
    own = [t for t in tokens(option) if t.is_content or t.is_number]
    distinct = [t for t in own if t.key not in others]
    return distinct or own or tokens(option)
