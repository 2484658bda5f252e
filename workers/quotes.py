"""Sentences that stand for a film: the most telling of each stretch, none like another."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scenelake.workers.chapters import Section, told_of
from scenelake.workers.grounding import sentences, tokens
from scenelake.workers.phrases import Vocabulary

MAX_WORDS = 30
WORDS_A_SENTENCE = 20
"""Long sentences leave room for fewer."""
SURE = (0.5, 0.85)
"""Mean scores of words (Whisper's) of sentences that are mostly wrong, and mostly right."""
LEAD = 0.3
"""How much more the first sentence of a stretch counts: it says what comes."""
_ENDS = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001
_GOOD_WORDS = range(6, 25)
_LEANING = re.compile(
    r"(?:and|but|so|or|because|then|also|he|she|it|they|him|her|them|that|that's|it's|he's|she's"
    r"|there's|there|here's|yes|no|well|oh|okay|now|if|when|which|who|what)\b",
    re.IGNORECASE,
)
"""Beginnings that lean on what was said before."""
_TALKING = re.compile(
    r"(?:i|i'm|i've|i'll|you|you're|we|we're|let|let's|thank|thanks|look|please)\b", re.IGNORECASE
)
_POINTING = re.compile(r"\b(?:he|she|they|him|her|them|his|their|its|those)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence, and where it stands.

    Attributes:
        at: its place in the film, for its order.
        is_said: word for word; False: a model's, of a description that was found true.
        score: how much it says of its stretch.
    """

    text: str
    at: tuple[int, int]
    is_said: bool
    keys: frozenset[str]
    score: float


def pick(parts: Sequence[Section], vocabulary: Vocabulary, *, count: int) -> list[Quote]:
    """At most `count` sentences in the film's order, evenly over it."""
    told = [list(_ranked(part, index, vocabulary)) for index, part in enumerate(parts)]
    groups = _shared(told, parts, count=count)
    chosen: list[Quote] = []
    room_words = count * WORDS_A_SENTENCE
    for quotes, quota in groups:
        for _ in range(quota):
            best = max(quotes, key=lambda q: _worth(q, chosen), default=None)
            if best is None or _worth(best, chosen) <= 0 or (chosen and room_words <= 0):
                break
            chosen.append(best)
            room_words -= len(best.text.split())
    return sorted(chosen, key=lambda quote: quote.at)


def _shared(
    told: Sequence[list[Quote]], parts: Sequence[Section], *, count: int
) -> list[tuple[list[Quote], int]]:
    """Sentences of each stretch, and how many of them are to be taken."""
    speaking = [(quotes, part) for quotes, part in zip(told, parts, strict=True) if quotes]
    if len(speaking) >= count:
        slots: list[list[Quote]] = [[] for _ in range(count)]
        total_s = sum(part.length_s for _, part in speaking)
        before_s = 0.0
        for quotes, part in speaking:
            slot = int((before_s + part.length_s / 2) / total_s * count)
            slots[min(slot, count - 1)] += quotes
            before_s += part.length_s
        return [(slot, 1) for slot in slots]
    quotas = _quotas([part.length_s for _, part in speaking], count)
    return [(quotes, quota) for (quotes, _), quota in zip(speaking, quotas, strict=True)]


def _quotas(lengths_s: Sequence[float], count: int) -> list[int]:
    """One each, and the others where there is most."""
    quotas = [1] * len(lengths_s)
    for _ in range(count - len(lengths_s) if lengths_s else 0):
        longest = max(range(len(quotas)), key=lambda i: lengths_s[i] / (quotas[i] + 1))
        quotas[longest] += 1
    return quotas


def _worth(quote: Quote, chosen: Sequence[Quote]) -> float:
    """What a sentence adds to those that are chosen (Carbonell and Goldstein 1998, MMR)."""
    if quote in chosen:
        return -1.0
    return quote.score * (1 - max((_likeness(quote, other) for other in chosen), default=0.0))


def _likeness(one: Quote, other: Quote) -> float:
    shared = len(one.keys & other.keys)
    return shared / math.sqrt(len(one.keys) * len(other.keys)) if shared else 0.0


def _ranked(part: Section, index: int, vocabulary: Vocabulary) -> Iterator[Quote]:
    weights = vocabulary.weights(part.text)
    found = [*_said(part), *_told(part)]
    centrality = part.centrality
    for n, sentence in enumerate(found):
        keys = frozenset(t.key for t in tokens(sentence.text) if vocabulary.says(t))
        telling = sum(weights.get(key, 0.0) for key in keys) / math.sqrt(len(keys) or 1)
        near = 0.5 + 0.5 * max(0.0, float(centrality[sentence.scene]))
        lead = 1 + LEAD * (1 - n / len(found))
        score = telling * near * lead * _shape(sentence.text) * sentence.trust
        if score > 0:
            yield Quote(sentence.text, (index, n), sentence.is_said, keys, score)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A whole sentence, the scene that it begins in, and how far it is to be trusted, 0 to 1."""

    text: str
    scene: int
    is_said: bool
    trust: float = 1.0


def _said(part: Section) -> Iterator[_Sentence]:
    """What is said; words of which the recogniser was not sure are better not repeated."""
    scores = [score for scene in part.scenes for score in scene.scores]
    scenes = [i for i, scene in enumerate(part.scenes) for _ in scene.speech.split()]
    at = 0
    for text in sentences(part.speech):
        end = at + len(text.split())
        if _is_whole(text):
            yield _Sentence(text, scenes[at], True, _trust(scores[at:end]))
        at = end


def _told(part: Section) -> Iterator[_Sentence]:
    for index, scene in enumerate(part.scenes):
        for text in sentences(told_of(scene)):
            yield _Sentence(text, index, is_said=False)


def _trust(scores: Sequence[float]) -> float:
    """By the geometric mean: one word that is wrong spoils a sentence."""
    if not scores:
        return 1.0
    mean = math.exp(sum(math.log(max(score, 1e-3)) for score in scores) / len(scores))
    unsure, sure = SURE
    return min(1.0, max(0.1, (mean - unsure) / (sure - unsure)))


def _is_whole(text: str) -> bool:
    return text.rstrip("\"'”’)").endswith(_ENDS) and not text[0].islower()  # noqa: RUF001


def _shape(text: str) -> float:
    """How well a sentence stands alone, 0 to 1."""
    n_words = len(text.split())
    fit = 1.0 if n_words in _GOOD_WORDS else 0.6 if 3 < n_words <= MAX_WORDS else 0.2
    leaning = 0.5 if _LEANING.match(text) else 0.7 if _TALKING.match(text) else 1.0
    pointing = 0.8 if _POINTING.search(text) else 1.0
    return fit * leaning * pointing * (0.5 if text.endswith("?") else 1.0)
