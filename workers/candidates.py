"""What of the retrieved scenes might answer a question: sentences said, lines on screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from scenelake.schemas.rows import Citation, Word
from scenelake.workers.engines import Passage
from scenelake.workers.grounding import Token, tokens
from scenelake.workers.vectors import Vectors

MAX_SENTENCE_WORDS = 40
MIN_LIKENESS = 0.75
MIN_ALIKE_CHARS = 4
MIN_MEANING = 0.5
FAR = 0.6
"""What a question's word counts that the scene holds elsewhere than next to the sentence."""
PAIR_MALUS = 0.4

_SENTENCE_ENDS = (".", "!", "?", "…")
_NOT_ENDS = frozenset("dr. mr. mrs. ms. st. vs. no. e.g. i.e. a.m. p.m.".split())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence or screen line of a scene, ``[start_s, end_s)``.

    `before` is what is said in the two sentences before it, which its pronouns stand for;
    `malus` is taken from the score of what is longer than one sentence.
    """

    passage: Passage
    text: str
    before: str
    start_s: float
    end_s: float
    malus: float = 0.0

    @property
    def window(self) -> str:
        return f"{self.before} {self.text}".strip()

    def citation(self) -> Citation:
        return Citation(
            video_id=self.passage.video_id,
            scene_id=self.passage.scene_id,
            start_s=self.start_s,
            end_s=self.end_s,
            quote=self.text,
        )


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate and how well it fits the question.

    Attributes:
        similarity: cosine of the question and the sentence, or it and the one before.
        coverage: how much of the question's content words its scene speaks of around it,
            0 to 1.
        own: how much of them it holds itself.
        names_known: whether all names of the question are spoken of in the scene.
    """

    candidate: Candidate
    similarity: float
    coverage: float
    own: float
    names_known: bool

    @property
    def score(self) -> float:
        return self.similarity + self.coverage + 0.25 * self.own - self.candidate.malus


def candidates(passages: Sequence[Passage]) -> list[Candidate]:
    """All sentences and screen lines of the passages, in the passages' order."""
    return [c for passage in passages for c in (*_said(passage), *_shown(passage))]


def split_sentences(words: Sequence[Word]) -> Iterator[tuple[Word, ...]]:
    """Words up to the full stop they carry; at most `MAX_SENTENCE_WORDS` together."""
    sentence: list[Word] = []
    for word in words:
        sentence.append(word)
        if _ends_sentence(word.text) or len(sentence) == MAX_SENTENCE_WORDS:
            yield tuple(sentence)
            sentence = []
    if sentence:
        yield tuple(sentence)


def rank(
    question: str, asked: Sequence[Token], found: Sequence[Candidate], vectors: Vectors
) -> list[Ranked]:
    """Candidates, best first.

    Args:
        asked: the question's content words, numbers and names.
    """
    if not found:
        return []
    texts = [question, *(c.text for c in found), *(c.window for c in found)]
    asked_vector, *said = vectors.of(texts)
    alone, together = np.split(np.stack(said) @ asked_vector, 2)
    similarity = np.maximum(alone, (alone + together) / 2)
    near = _Meaning(asked, found, vectors)
    ranked = [near.ranked(c, similarity=float(s)) for c, s in zip(found, similarity, strict=True)]
    return sorted(ranked, key=lambda r: -r.score)


def alike(a: str, b: str) -> bool:
    """Whether two words are the same but for an ending or a letter misheard."""
    if a == b:
        return True
    is_short = min(len(a), len(b)) < MIN_ALIKE_CHARS
    return not is_short and a[0] == b[0] and SequenceMatcher(None, a, b).ratio() >= MIN_LIKENESS


class _Meaning:
    """How much of a question's words a candidate holds, by letters or by meaning."""

    def __init__(
        self, asked: Sequence[Token], found: Sequence[Candidate], vectors: Vectors
    ) -> None:
        self._asked = asked
        self._scene = {c.passage.scene_id: tokens(_all_text(c.passage)) for c in found}
        said = {t.text.lower() for held in self._scene.values() for t in held if t.is_content}
        words = sorted(said | {t.text.lower() for t in asked})
        self._vector = dict(zip(words, vectors.of(words), strict=True)) if words else {}

    def ranked(self, candidate: Candidate, *, similarity: float) -> Ranked:
        scene = self._scene[candidate.passage.scene_id]
        window = self._matches(tokens(candidate.window))
        around = [FAR * match for match in self._matches(scene)]
        names = (t for t in self._asked if t.is_name and not t.is_first)
        return Ranked(
            candidate,
            similarity=similarity,
            coverage=_mean([max(pair) for pair in zip(window, around, strict=True)]),
            own=_mean(self._matches(tokens(candidate.text))),
            names_known=all(any(alike(n.key, t.key) for t in scene) for n in names),
        )

    def _matches(self, held: Sequence[Token]) -> list[float]:
        """For each asked word, its best match, 0 to 1."""
        return [self._match(wanted, held) for wanted in self._asked]

    def _match(self, wanted: Token, held: Sequence[Token]) -> float:
        if any(wanted.key == t.key for t in held):
            return 1.0
        words = [t for t in held if t.is_content]
        if wanted.is_number or not words:
            return 0.0
        if any(alike(wanted.key, t.key) for t in words):
            return 1.0
        vector = self._vector[wanted.text.lower()]
        nearest = max(float(vector @ self._vector[t.text.lower()]) for t in words)
        return nearest if nearest >= MIN_MEANING else 0.0


def _all_text(passage: Passage) -> str:
    said = " ".join(word.text for word in passage.words)
    return ". ".join((said, *passage.screen_text, *passage.labels))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _said(passage: Passage) -> Iterator[Candidate]:
    """Each sentence; and each with the one before it, for what a pronoun stands for."""
    told = list(split_sentences(passage.words))
    for i, words in enumerate(told):
        yield _candidate(passage, words, before=" ".join(map(_join, told[max(0, i - 2) : i])))
        if i:
            yield _candidate(passage, (*told[i - 1], *words), malus=PAIR_MALUS)


def _candidate(
    passage: Passage, words: Sequence[Word], *, before: str = "", malus: float = 0.0
) -> Candidate:
    return Candidate(passage, _join(words), before, words[0].start_s, words[-1].end_s, malus)


def _join(words: Sequence[Word]) -> str:
    return " ".join(word.text.strip() for word in words)


def _shown(passage: Passage) -> Iterator[Candidate]:
    for line in passage.screen_text:
        if line.strip():
            yield Candidate(passage, line.strip(), "", passage.start_s, passage.end_s)


def _ends_sentence(word: str) -> bool:
    bare = word.strip().rstrip("\"'\u201d)")
    is_initial = len(bare) == 2 and bare[0].isupper()
    return bare.endswith(_SENTENCE_ENDS) and bare.lower() not in _NOT_ENDS and not is_initial
