"""What a text says in another spelling too: numbers in digits, signs in words, lost spaces.

It is looked up beside the text as it stands, of scenes and of queries alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import regex

from scenelake.pipeline.retrieval.tokens import tokens
from scenelake.workers.numerals import fold_numerals

_SEAM = regex.compile(
    r"(?<=\p{Ll}{2})(?=\p{Lu}\p{Ll})|(?<=\p{L}{3})(?=\p{N})|(?<=\p{N})(?=\p{L}{3})"
)
"""Where a reader of screen text may have lost a space: "onTuesday", "Tickets68"."""

_SIGNS = {"$": "dollars", "€": "euros", "£": "pounds", "%": "percent", "°": "degrees"}
_ONE_OF_MANY = ("st", "nd", "rd", "th")
_HARDLY_NUMBERS = frozenset({"one", "zero", "hundred", "million", "billion"})


def also(text: str) -> list[str]:
    """Words that a text holds in another spelling: "84" and "euros" of "eighty-four €"."""
    words = tokens(text)
    numbers = (digits for span, digits in _numbers(words) if digits and span != [digits])
    return [*numbers, *signs_in_words(text)]


def signs_in_words(text: str) -> list[str]:
    """ "dollars" of "$14"."""
    return [word for sign, word in _SIGNS.items() if sign in text]


def run_together(text: str) -> str:
    """The words that screen text holds without spaces between: "Laura Brooks" of "LauraBrooks"."""
    apart = ((word, _SEAM.sub(" ", word)) for word in text.split())
    return " ".join(parts for word, parts in apart if parts != word)


def in_digits(words: Sequence[str]) -> Iterator[str]:
    """A query's words with English numbers in digits: "84" for "eighty", "four".

    What is a number in part, "14 million", stays and has all its digits after it; so does what
    is hardly asked for as a number, the "two" of "two wheels".
    """
    for span, digits in _numbers(words):
        if digits is None or len(digits) == 1:
            yield from span
        elif all(word.isalpha() for word in span):
            yield digits
        else:
            yield from dict.fromkeys([*span, digits])


def _numbers(words: Sequence[str]) -> Iterator[tuple[list[str], str | None]]:
    """Spans of words, with the digits of those that are numbers; "one" and "second" are none."""
    for start, end, digits in fold_numerals(words):
        span = list(words[start:end])
        yield span, digits if _is_number(span) else None


def _is_number(words: Sequence[str]) -> bool:
    if len(words) > 1:
        return True
    (word,) = words
    if word.isdigit():
        return True
    return word.isalpha() and word not in _HARDLY_NUMBERS and not word.endswith(_ONE_OF_MANY)
