"""Texts as the words that are looked up: one way for scenes and for queries, in any language.

Case, accents and widths are folded. Scripts that do not part words by spaces are cut into
overlapping pairs of characters, as Lucene's CJKBigramFilter does.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache

import regex
from rapidfuzz.distance import OSA

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー"
_RUN = regex.compile(rf"[{_UNSPACED}\p{{M}}]+|[\p{{L}}\p{{N}}\p{{M}}--[{_UNSPACED}]]+", regex.V1)
_IS_UNSPACED = regex.compile(rf"[{_UNSPACED}]")
_LONG_ENOUGH = 5
_LONG_ENOUGH_FOR_ENDINGS = 3
_ASCII_WORD = regex.compile(r"[a-z0-9]+")
_ACCENT = regex.compile(r"[\u0300-\u036f\u0591-\u05c7\u064b-\u0652]")
"""Marks of Latin, Greek and Cyrillic, Hebrew points, Arabic vowels: often left out. Those of
other scripts are letters in all but name and stay."""


def tokens(text: str) -> list[str]:
    """The words of a text, folded, in order."""
    if text.isascii():
        return list(_ASCII_WORD.findall(text.lower()))
    return [token for run in _RUN.findall(_folded(text)) for token in _parted(run)]


def may_be_off(word: str) -> bool:
    """Whether another word one letter off may be meant: of short ones and numbers too many are."""
    return len(word) >= _LONG_ENOUGH and word.isalpha()


def is_nearly(word: str, other: str) -> bool:
    """Whether words differ by number, or one letter: put in, left out, changed, or swapped."""
    return other in in_other_number(word) or (
        may_be_off(word) and OSA.distance(word, other, score_cutoff=1) == 1
    )


def in_other_number(word: str) -> frozenset[str]:
    """What a noun may be in the singular or the plural: "tower" of "towers", and back.

    By English endings, most of which French, Spanish and Portuguese share. Some are no words,
    which no text holds.
    """
    if len(word) < _LONG_ENOUGH_FOR_ENDINGS or not (word.isascii() and word.isalpha()):
        return frozenset()
    return frozenset(form for form in _in_other_number(word) if len(form) >= 3)


def _in_other_number(word: str) -> Iterator[str]:
    if word.endswith("ies"):
        yield word[:-3] + "y"
    if word.endswith(("ses", "xes", "zes", "ches", "shes")):
        yield word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        yield word[:-1]
    if word.endswith(("s", "x", "z", "ch", "sh")):
        yield word + "es"
    elif word.endswith("y"):
        yield word[:-1] + "ies"
    if not word.endswith("s"):
        yield word + "s"


@cache
def small_words(languages: frozenset[str]) -> frozenset[str]:
    """Words without content in some languages (ISO 639-1), as :func:`tokens` has them."""
    import stopwordsiso

    known = [language for language in languages if stopwordsiso.has_lang(language)]
    words = (tokens(word) for language in known for word in stopwordsiso.stopwords(language))
    return frozenset(parts[0] for parts in words if len(parts) == 1)


def is_lone_character(token: str) -> bool:
    """Whether it is one character of a script without spaces: in texts it is in a pair."""
    return len(token) == 1 and _IS_UNSPACED.match(token) is not None


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFKC", _ACCENT.sub("", apart))


def _parted(run: str) -> Iterator[str]:
    if len(run) <= 2 or not _IS_UNSPACED.search(run):
        yield run
        return
    for first in range(len(run) - 1):
        yield run[first : first + 2]
