"""English numbers, spelled or in digits, brought to one form: "ninety-two" and "92"."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SMALL = {
    word: value
    for value, words in enumerate(
        (
            "zero zeroth,one first,two second,three third,four fourth,five fifth,six sixth,"
            "seven seventh,eight eighth,nine ninth,ten tenth,eleven eleventh,twelve twelfth,"
            "thirteen thirteenth,fourteen fourteenth,fifteen fifteenth,sixteen sixteenth,"
            "seventeen seventeenth,eighteen eighteenth,nineteen nineteenth"
        ).split(",")
    )
    for word in words.split()
}
_TENS = {
    word: 10 * value
    for value, words in enumerate(
        (
            "twenty twentieth,thirty thirtieth,forty fortieth,fifty fiftieth,sixty sixtieth,"
            "seventy seventieth,eighty eightieth,ninety ninetieth"
        ).split(","),
        start=2,
    )
    for word in words.split()
}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*(?:st|nd|rd|th)?")


def fold_numerals(words: Sequence[str]) -> list[tuple[int, int, str | None]]:
    """Cut a lower-case text into spans ``[a, b)`` of its words that cover all of it.

    A span is either one word, with None, or a number, with its digits: ``["ninety",
    "two", "degrees"]`` gives ``[(0, 2, "92"), (2, 3, None)]``. Two numbers below 100 in a
    row are read as a year, as in "nineteen ninety-five".
    """
    spans: list[tuple[int, int, str | None]] = []
    at = 0
    while at < len(words):
        end, number = _read(words, at)
        spans.append((at, end, number))
        at = end
    return spans


def _read(words: Sequence[str], at: int) -> tuple[int, str | None]:
    """The longest number that starts at a word: its end, its digits."""
    if _DIGITS.fullmatch(words[at]):
        return _read_digits(words, at)
    total, end = 0, at
    while (group := _read_group(words, end)) is not None:
        end, value = group
        if end < len(words) and words[end] in _SCALES:
            total += value * _SCALES[words[end]]
            end += 1
            if _is_and(words, end):
                end += 1
            continue
        return end, str(total + value)
    if end == at:
        return at + 1, None
    return end - (words[end - 1] == "and"), str(total)


def _read_digits(words: Sequence[str], at: int) -> tuple[int, str]:
    """Digits, with the word for thousands or millions that may follow."""
    digits = _plain_digits(words[at])
    if at + 1 < len(words) and words[at + 1] in _SCALES and ":" not in digits:
        return at + 2, _tidy(str(float(digits) * _SCALES[words[at + 1]]))
    return at + 1, digits


def _plain_digits(word: str) -> str:
    """ "40,000" and "40000", "6th" and "6", "2.50" and "2.5" alike."""
    digits = re.sub(r"(?:st|nd|rd|th)$", "", word)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    digits = digits.replace(",", ".")
    return _tidy(digits) if digits.count(".") == 1 else digits


def _tidy(digits: str) -> str:
    return digits.rstrip("0").rstrip(".")


def _read_group(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """A number below 10,000 as it is said: pairs of digits, hundreds; its end, its value."""
    if at < len(words) and words[at] == "hundred":
        return _after_hundred(words, at + 1, 100)
    if at < len(words) and words[at] in _SCALES:
        return at, 1
    pair = _read_pair(words, at)
    if pair is None:
        return None
    end, value = pair
    if end < len(words) and words[end] == "hundred":
        return _after_hundred(words, end + 1, value * 100)
    following = _read_pair(words, end)
    if value >= 10 and following is not None and following[1] >= 10:
        return following[0], value * 100 + following[1]
    return end, value


def _after_hundred(words: Sequence[str], at: int, hundreds: int) -> tuple[int, int]:
    pair = _read_pair(words, at + _is_and(words, at))
    return (at, hundreds) if pair is None else (pair[0], hundreds + pair[1])


def _read_pair(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """A number below 100: its end, its value."""
    if at >= len(words):
        return None
    if words[at] in _SMALL:
        return at + 1, _SMALL[words[at]]
    if words[at] not in _TENS:
        return None
    if at + 1 < len(words) and 1 <= _SMALL.get(words[at + 1], 0) <= 9:
        return at + 2, _TENS[words[at]] + _SMALL[words[at + 1]]
    return at + 1, _TENS[words[at]]


def _is_and(words: Sequence[str], at: int) -> bool:
    """Whether an "and" joins two parts of one number here."""
    return at < len(words) and words[at] == "and" and _read_pair(words, at + 1) is not None
