"""How well sentences fit a question: in meaning, and in how much of it they speak of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scenelake.workers.candidates import Candidate
from scenelake.workers.grounding import Token, tokens
from scenelake.workers.matching import Matcher, sounds_alike
from scenelake.workers.questions import Question
from scenelake.workers.vectors import Vectors

LINKED, UNLINKED, FAR = 0.9, 0.75, 0.6
"""What a question's word counts that stands in the sentences before, where a pronoun refers
to them and where none does; and farther around."""
MAX_WEIGHT = 2.0
OWN, OF_TYPE = 0.5, 0.4

_PRONOUNS = frozenset(
    "he she it they him her them his its their this that these those there here one".split()
)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate and how well it fits the question.

    Attributes:
        similarity: cosine of the question and the sentence, or it and those before.
        matches: for each asked word, how much is spoken of it here, 0 to 1.
        coverage: their mean, rare words counting more.
        own: the same of the sentence alone.
        of_type: how near its news are to the sort of thing asked for; 0 where that is open.
        is_linked: whether a pronoun of it refers to what is before it.
        names_known: whether all names of the question are spoken of around it.
    """

    candidate: Candidate
    similarity: float
    matches: tuple[float, ...]
    coverage: float
    own: float
    of_type: float
    is_linked: bool
    names_known: bool

    @property
    def score(self) -> float:
        return self.similarity + self.coverage + OWN * self.own + OF_TYPE * self.of_type


def rank(asked: Question, found: Sequence[Candidate], vectors: Vectors) -> list[Ranked]:
    """Candidates, best first."""
    if not found:
        return []
    texts = [asked.text, *(c.text for c in found), *(c.window for c in found)]
    asked_vector, *said = vectors.of(texts)
    alone, together = np.split(np.stack(said) @ asked_vector, 2)
    similarity = np.maximum(alone, (alone + together) / 2)
    coverage = _Coverage(asked, found, vectors)
    ranked = [coverage.of(c, float(s)) for c, s in zip(found, similarity, strict=True)]
    return sorted(ranked, key=lambda r: -r.score)


class _Coverage:
    """How much of a question's words candidates, and what is around them, hold."""

    def __init__(self, asked: Question, found: Sequence[Candidate], vectors: Vectors) -> None:
        self._asked = asked
        self._held = {c.text: tokens(c.text) for c in found}
        self._matcher = Matcher(asked.asked, list(self._held.values()), vectors)
        self._weights = _weights(asked.asked, list(self._held.values()))
        self._typed = _Typed(asked, list(self._held.values()), vectors)

    def of(self, candidate: Candidate, similarity: float) -> Ranked:
        held = self._held[candidate.text]
        around = tokens(f"{candidate.around} {candidate.text}")
        own = self._matches(held)
        is_linked = any(t.text.lower() in _PRONOUNS for t in held)
        link = LINKED if is_linked else UNLINKED
        before = [link * m for m in self._matches(tokens(candidate.before))]
        far = [FAR * m for m in self._matches(around)]
        matches = tuple(map(max, own, before, far))
        names = (t for t in self._asked.asked if t.is_name and not t.is_first)
        return Ranked(
            candidate,
            similarity=similarity,
            matches=matches,
            coverage=self._mean(matches),
            own=self._mean(own),
            of_type=self._typed.nearest(held),
            is_linked=is_linked,
            names_known=all(sounds_alike(name, around) for name in names),
        )

    def _matches(self, held: Sequence[Token]) -> list[float]:
        """For each asked word, its best match, 0 to 1."""
        return [self._matcher.match(wanted, held) for wanted in self._asked.asked]

    def _mean(self, matches: Sequence[float]) -> float:
        total = sum(self._weights)
        return float(np.dot(matches, self._weights)) / total if total else 0.0


class _Typed:
    """Whether a sentence's news are of the sort that is asked for ("which animal")."""

    def __init__(self, asked: Question, texts: Sequence[Sequence[Token]], vectors: Vectors) -> None:
        self._known = asked.known
        self._near: dict[str, float] = {}
        words = sorted({t.text.lower() for held in texts for t in held if t.is_content})
        if asked.type_word and words:
            wanted, *said = vectors.of([asked.type_word, *words])
            self._near = {w: float(v @ wanted) for w, v in zip(words, said, strict=True)}

    def nearest(self, held: Sequence[Token]) -> float:
        new = (t.text.lower() for t in held if t.is_content and t.key not in self._known)
        return max((self._near.get(word, 0.0) for word in new), default=0.0)


def _weights(asked: Sequence[Token], texts: Sequence[Sequence[Token]]) -> list[float]:
    """1 for a word of every sentence, 2 for one of none: inverse document frequency."""
    counts = Counter(key for held in texts for key in {t.key for t in held})
    most = math.log(len(texts) + 1)
    return [
        1.0 + (MAX_WEIGHT - 1.0) * math.log((len(texts) + 1) / (counts[t.key] + 1)) / most
        for t in asked
    ]
