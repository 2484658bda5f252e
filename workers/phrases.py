"""Words that tell a stretch of a film from the rest, and the phrases that are made of them.

Words are weighed as class-based TF-IDF does (Grootendorst 2022, arXiv:2203.05794): how much
of a stretch they are, and how rarely the whole film has them. Phrases are found between words
without content (Rose et al. 2010, "Automatic Keyword Extraction from Individual Documents").
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from scenelake.workers.grounding import Token, tokens
from scenelake.workers.wordforms import STOP_WORDS, fold

MAX_PHRASE_WORDS = 3
MIN_WORD_CHARS = 3
NAME_BONUS = 1.5
"""A name says more of what a stretch is about than another word that is as rare."""
LENGTH_BONUS = 0.3
_CLAUSE_END = re.compile(r"[,.;:!?…()\"“”\n]")

_FILLERS = frozenset(
    """think know want look looks looking see seen called came come comes take takes took make makes
    made way lot bit kind sort guess mean right okay yeah course example hello welcome today thank
    thanks going start started begin next first second last one two three year day good great
    nice big small long little new old tell told call let need use used using put keep kept turn
    turned people man woman time times today tomorrow yesterday
    thou thy thee thine thyself self doth hath""".split()
)
_CALENDAR = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may
    june july august september october november december""".split()
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How much each word says, by language and by how often the whole film has it.

    `names`: stems of what is written with a capital in mid-sentence.
    """

    counts: Counter[str]
    n_parts: int
    stops: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, texts: Sequence[str], *, language: str | None) -> Vocabulary:
        """Of a film, part by part."""
        stops = stop_words(language)
        telling = [t for text in texts for t in tokens(text) if _says(t, stops)]
        names = frozenset(t.key for t in telling if t.is_name and not t.is_first)
        return cls(Counter(t.key for t in telling), max(1, len(texts)), stops, names)

    def weights(self, text: str) -> dict[str, float]:
        """What the words of a part say of it, by their stems; they add up to 1 at most."""
        own = Counter(t.key for t in tokens(text) if self.says(t))
        mean = self.counts.total() / self.n_parts
        raw = {key: n * math.log(1 + mean / self.counts[key]) for key, n in own.items()}
        total = sum(raw.values())
        return {key: value / total for key, value in raw.items()}

    def says(self, token: Token) -> bool:
        """Whether a word has content."""
        return _says(token, self.stops)


def _says(token: Token, stops: frozenset[str]) -> bool:
    word = fold(token.text)
    if token.is_number or word in _CALENDAR or len(word) < MIN_WORD_CHARS:
        return False
    return word not in stops or (word in _FILLERS and token.is_name and not token.is_first)


@cache
def stop_words(language: str | None) -> frozenset[str]:
    """Words without content, English ones where the language is not known."""
    if language in (None, "en"):
        return STOP_WORDS | _FILLERS
    import stopwordsiso

    return frozenset(map(fold, stopwordsiso.stopwords(language)))


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that stand together, as they are most often written, and how much they say."""

    text: str
    keys: tuple[str, ...]
    score: float
    count: int


def phrases(text: str, vocabulary: Vocabulary) -> list[Phrase]:
    """Names, and words alone or together that come again; the most telling first.

    None repeats a word of one before it.
    """
    weights = vocabulary.weights(text)
    written: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for words in _candidates(text, vocabulary):
        written[tuple(t.key for t in words)][" ".join(map(_bare, words))] += 1
    found = [
        _phrase(keys, forms, weights, vocabulary.names)
        for keys, forms in written.items()
        if forms.total() > 1 or vocabulary.names.issuperset(keys)
    ]
    return list(_apart(sorted(found, key=lambda phrase: -phrase.score)))


def _candidates(text: str, vocabulary: Vocabulary) -> Iterator[Sequence[Token]]:
    """Each word with content, and each few that follow each other; names only whole."""
    for run in _runs(text, vocabulary):
        for is_name, group in groupby(run, key=lambda t: _is_name(t, vocabulary.names)):
            words = list(group)
            if is_name:
                yield words[:MAX_PHRASE_WORDS]
                continue
            for n in range(1, MAX_PHRASE_WORDS + 1):
                for first in range(len(words) - n + 1):
                    yield words[first : first + n]


def _runs(text: str, vocabulary: Vocabulary) -> Iterator[list[Token]]:
    """Words with content that nothing parts: no other word, no sign, no line."""
    for clause in _CLAUSE_END.split(text):
        for says, group in groupby(tokens(clause), key=vocabulary.says):
            if says:
                yield list(group)


def _is_name(token: Token, names: frozenset[str]) -> bool:
    return token.text[0].isupper() and token.key in names


def _phrase(
    keys: tuple[str, ...], forms: Counter[str], weights: dict[str, float], names: frozenset[str]
) -> Phrase:
    """Long phrases would win by their length alone, rare ones by chance."""
    (text, _), *_ = forms.most_common(1)
    is_name = text[0].isupper() and names.issuperset(keys)
    each = sum(weights.get(key, 0.0) for key in keys) / len(keys)
    bonus = (1 + LENGTH_BONUS * (len(keys) - 1)) * (NAME_BONUS if is_name else 1.0)
    return Phrase(text if is_name else _lower(text), keys, each * bonus, forms.total())


def _bare(token: Token) -> str:
    """A word without a possessive s."""
    return token.text[:-2] if token.text.casefold().endswith(("'s", "\u2019s")) else token.text


def _lower(text: str) -> str:
    """A word that starts a sentence as it is written within one; not an abbreviation."""
    return text if text.isupper() or text[1:] != text[1:].lower() else text.lower()


def _apart(ranked: Sequence[Phrase]) -> Iterator[Phrase]:
    told: set[str] = set()
    for phrase in ranked:
        if told.isdisjoint(phrase.keys):
            told.update(phrase.keys)
            yield phrase
