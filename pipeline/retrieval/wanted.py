"""What a query asks for by words."""

from __future__ import annotations

from dataclasses import dataclass

import regex

from scenelake.pipeline.retrieval.spellings import in_digits, signs_in_words
from scenelake.pipeline.retrieval.tokens import tokens

_PHRASE = regex.compile(r'["“„«]([^"“”„«»]*)["”“»]')


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a query asks for by words.

    Attributes:
        words: each once, in order, those of phrases too.
        phrases: what was put in quotation marks: it must be there as it stands.
    """

    words: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...]


def wanted(query: str) -> Wanted:
    """The words and the quoted phrases of a query; a lone quotation mark means nothing."""
    quoted = (tuple(tokens(match[1])) for match in _PHRASE.finditer(query))
    phrases = tuple(phrase for phrase in quoted if phrase)
    in_phrases = (word for phrase in phrases for word in phrase)
    words = [*in_digits(tokens(query)), *signs_in_words(query), *in_phrases]
    return Wanted(tuple(dict.fromkeys(words)), phrases)
