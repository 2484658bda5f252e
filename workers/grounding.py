"""Whether a text says only what its evidence says. Pure functions; no model.

The rule, one for descriptions and answers. A sentence is grounded in its evidence if

* every name in it (any capitalised word but function words, at the start of the sentence
  too), every number ("seventeen" is 17, "nineteen ninety-five" is 1995, "sixth"
  is 6) and every passage in double quotes occurs in the evidence;
* at least 80 % of its content words do, inflections aside;
* at least half of its pairs of neighbouring words do, so that true words are not put
  together into something untrue;
* it denies ("not", "never") only if the evidence does.

A text is, if all its sentences are.

The rule knows English function words, inflections and number words. In another language
it stays strict on names, digits and quotes, and mostly falls to the evidence itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from scenelake.workers.numerals import fold_numerals
from scenelake.workers.wordforms import STOP_WORDS, fold, stem

T = TypeVar("T")

MIN_CONTENT_SHARE = 0.8
MIN_PAIR_SHARE = 0.5

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*(?:st|nd|rd|th)?|[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?:…\n\"“”(]")
_SENTENCE_CUT = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\bDr\.)(?<!\bMr\.)(?<!\bMrs\.)[\"\u201d]?\s+|\n+"
)
_QUOTED = re.compile(r"[\"“”]([^\"“”]+)(?:[\"“”]|$)")

_NEGATIONS = frozenset("no not never nobody none nothing neither nor cannot without".split())


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number: as written, folded for comparing, and what it is.

    `key` is the stem of a word, or the digits of a number; `is_first` tells whether a
    sentence starts here.
    """

    text: str
    key: str
    is_number: bool
    is_first: bool

    @property
    def is_content(self) -> bool:
        return not self.is_number and fold(self.text) not in STOP_WORDS

    @property
    def is_name(self) -> bool:
        """Capitalised; at the start of a sentence that may be any content word."""
        return self.is_content and self.text[0].isupper()


def tokens(text: str) -> list[Token]:
    """Words and numbers of a text in order; a number of several words is one token."""
    found: list[Token] = []
    end = 0
    for match in _TOKEN.finditer(text):
        is_first = end == 0 or bool(_SENTENCE_END.search(text[end : match.start()]))
        end = match.end()
        found.append(Token(match[0], stem(match[0]), False, is_first))
    return [
        Token(" ".join(t.text for t in found[a:b]), number, True, found[a].is_first)
        if number is not None
        else found[a]
        for a, b, number in fold_numerals([fold(t.text) for t in found])
    ]


def is_grounded(text: str, evidence: Sequence[str]) -> bool:
    """Whether each sentence of a text keeps the rule of this module; an empty text does not."""
    parts = sentences(text)
    return bool(parts) and all(_is_sentence_grounded(part, evidence) for part in parts)


def sentences(text: str) -> list[str]:
    """A text cut after full stops, question and exclamation marks."""
    return [part.strip() for part in _SENTENCE_CUT.split(text) if part.strip()]


def _is_sentence_grounded(text: str, evidence: Sequence[str]) -> bool:
    said = tokens(text)
    if not any(t.is_content or t.is_number for t in said):
        return False
    known = [tokens(piece) for piece in evidence]
    keys = {t.key for piece in known for t in piece}
    return (
        not unsupported(text, evidence)
        and share([t.key for t in said if t.is_content], keys) >= MIN_CONTENT_SHARE
        and share(_pairs(said), {p for piece in known for p in _pairs(piece)}) >= MIN_PAIR_SHARE
        and (not denies(text) or any(denies(piece) for piece in evidence))
    )


def unsupported(text: str, evidence: Sequence[str], *, common: Set[str] = frozenset()) -> list[str]:
    """Names, numbers and quoted passages of a text that its evidence does not hold.

    Args:
        common: stems of words that are no names even with a capital.
    """
    known = [tokens(piece) for piece in evidence]
    keys = {t.key for piece in known for t in piece} | common
    claims = [t for t in tokens(text) if t.is_number or t.is_name]
    quotes = [quote.strip() for quote in _QUOTED.findall(text)]
    return [t.text for t in claims if t.key not in keys] + [
        quote for quote in quotes if not any(_holds(piece, tokens(quote)) for piece in known)
    ]


def content_keys(text: str) -> list[str]:
    """Stems of the content words of a text, in order."""
    return [t.key for t in tokens(text) if t.is_content]


def share(wanted: Sequence[T], known: Set[T]) -> float:
    """How much of what is wanted is known; of nothing, all."""
    return sum(item in known for item in wanted) / len(wanted) if wanted else 1.0


def denies(text: str) -> bool:
    """Whether there is a "not", "never" or the like in a text."""
    words = [fold(match[0]) for match in _TOKEN.finditer(text)]
    return any(word in _NEGATIONS or word.endswith("n't") for word in words)


def _pairs(said: Sequence[Token]) -> list[tuple[str, str]]:
    return [(a.key, b.key) for a, b in pairwise(said)]


def _holds(piece: Sequence[Token], quote: Sequence[Token]) -> bool:
    """Whether the quote's tokens follow each other somewhere in a piece of evidence."""
    wanted = [t.key for t in quote]
    heard = [t.key for t in piece]
    return any(heard[i : i + len(wanted)] == wanted for i in range(len(heard)))
