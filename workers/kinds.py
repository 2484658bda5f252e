"""Whether a sentence holds a thing of the kind that a question asks for. English.

A number must stand by what is counted or by its unit, a name by whom it names: a sentence
near the question often holds some number or some name, and it is the wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz

from scenelake.workers.grounding import Token, tokens
from scenelake.workers.kind_words import (
    BEFORE_TIMES,
    COLOURS,
    COPULAS,
    DETERMINERS,
    DIMENSIONS,
    LOCATING,
    LOOSE_PLACES,
    MIN_COUNTED_LIKENESS,
    MIN_UNLIKE_START,
    NAMING,
    NEAR,
    OF_CALENDAR,
    PAYING,
    PEOPLE,
    PLACES,
    PRICED,
    SETTING_WORDS,
    SEVERAL,
    SIGNS,
    SPOKEN_WITH,
    TIME_UNITS,
    TIMES,
    UNITS,
)
from scenelake.workers.matching import alike
from scenelake.workers.questions import Question


@dataclass(frozen=True, slots=True)
class Held:
    """A sentence, and what of it the question has not said itself."""

    question: Question
    text: str
    tokens: tuple[Token, ...]

    @property
    def new(self) -> list[Token]:
        return [t for t in self.tokens if t.key not in self.question.known]

    @property
    def is_short(self) -> bool:
        """Whether it may be nothing but the answer: a caption, a sign."""
        return len(self.tokens) <= NEAR + 1

    @property
    def numbers(self) -> list[int]:
        """Places of new numbers."""
        known = self.question.known
        return [i for i, t in enumerate(self.tokens) if t.is_number and t.key not in known]

    @property
    def names(self) -> list[int]:
        """Places of new names, those of days and months apart."""
        return [i for i in range(len(self.tokens)) if self._is_new_name(i)]

    def words(self, start: int, end: int) -> list[str]:
        return [t.text.lower() for t in self.tokens[max(0, start) : max(0, end)]]

    def _is_new_name(self, i: int) -> bool:
        token = self.tokens[i]
        is_new = token.is_name and token.key not in self.question.known and not is_time(token)
        return is_new and (not token.is_first or self._opens_with_name(i))

    def _opens_with_name(self, i: int) -> bool:
        """Whether the capital that a sentence begins with is a name's: what follows tells."""
        behind = self.tokens[i + 1 : i + 2]
        if self.is_short or not behind:
            return True
        return behind[0].is_name or behind[0].text.lower() in COPULAS


def fits(question: Question, text: str) -> bool:
    """Whether a text holds a new thing of the kind that is asked for."""
    return _TESTS[question.kind](Held(question, text, tuple(tokens(text))))


def is_time(token: Token) -> bool:
    """Whether a word names a day, a month, a season or the like."""
    return token.text.lower() in TIMES


def _has_quantity(held: Held) -> bool:
    question = held.question
    if question.counted is not None:
        return _is_counted(held, question.counted)
    if question.measure == "often":
        return bool(held.numbers) or _says(held, SEVERAL | {"every", "always", "never"})
    if question.measure == "old":
        return _has_age(held)
    if question.measure == "year":
        return any(_is_year(held.tokens[i]) for i in held.numbers)
    units = UNITS.get("price" if _is_price(question) else question.measure)
    if units is None:
        return bool(held.numbers)
    words = set(held.words(0, len(held.tokens)))
    if not held.is_short and question.measure in SPOKEN_WITH:
        if not words & SPOKEN_WITH[question.measure]:
            return False
    elif DIMENSIONS & words - set(question.words):
        return False
    is_priced = bool(units & SIGNS and PRICED.search(held.text))
    return held.is_short or is_priced or any(_has_unit(held, i, units) for i in held.numbers)


def _is_price(question: Question) -> bool:
    words = {t.text.lower() for t in question.said}
    return question.measure in ("much", "price") and bool(words & PAYING or len(words) < 5)


def _is_counted(held: Held, counted: Token) -> bool:
    """A number just before what is counted, or "of them"."""
    for i in held.numbers:
        behind = held.tokens[i + 1 : i + 1 + NEAR]
        words = [t.text.lower() for t in behind]
        if words[:2] in (["of", "them"], ["of", "these"], ["of", "us"]):
            return True
        if any(_may_be(counted, t) for t in behind):
            return True
        if PEOPLE.fullmatch(counted.text.lower()) and any(map(PEOPLE.fullmatch, words)):
            return counted.text.lower() in ("people", "persons")
    return False


def _may_be(counted: Token, heard: Token) -> bool:
    """Whether a word is another, an ending or a mishearing apart."""
    a, b = counted.key, heard.key
    if a == b:
        return True
    least = MIN_COUNTED_LIKENESS if a[:1] == b[:1] else MIN_UNLIKE_START
    return heard.is_content and fuzz.ratio(a, b) >= least


def _has_unit(held: Held, i: int, units: frozenset[str]) -> bool:
    behind = held.words(i + 1, i + 1 + NEAR)
    plain = {*behind, *(word.removesuffix("s") for word in behind)}
    before = set(held.words(i - 1, i))
    return bool(units & (plain | before))


def _has_age(held: Held) -> bool:
    words = set(held.words(0, len(held.tokens)))
    years = any(_has_unit(held, i, UNITS["old"]) for i in held.numbers)
    return (
        bool(held.numbers)
        and bool(words & {"old", "aged", "age", "turned"} or years)
        and ("old" in words or "aged" in words or "age" in words or "turned" in words)
    )


def _has_given_name(held: Held) -> bool:
    """A name beside whom it names, or after a word of naming; a short text may be one alone."""
    if held.is_short:
        return bool(held.names)
    return any(_is_given(held, i) for i in held.names)


def _is_given(held: Held, i: int) -> bool:
    before = held.words(i - NEAR, i)
    if any(word in NAMING for word in before):
        return True
    around = (*held.tokens[max(0, i - 2) : i], *held.tokens[i + 1 : i + 1 + NEAR])
    subject = {t.key for t in held.question.asked}
    return any(alike(key, t.key) for key in subject for t in around)


def _has_time(held: Held) -> bool:
    wanted = OF_CALENDAR.get(held.question.measure)
    if wanted is not None:
        return _says(held, wanted)
    if any(t.text.lower() in TIMES for t in held.new):
        return True
    return any(_is_time(held, i) for i in held.numbers)


def _is_time(held: Held, i: int) -> bool:
    """A number behind "in", "at", "since", with no noun but one of time behind it."""
    if ":" in held.tokens[i].text:
        return True
    behind = held.tokens[i + 1 : i + 2]
    is_of_time = not behind or behind[0].text.lower() in TIME_UNITS or not behind[0].is_content
    return is_of_time and bool(set(held.words(i - 2, i)) & BEFORE_TIMES)


def _is_year(token: Token) -> bool:
    return token.key.isdigit() and 1000 <= int(token.key) <= 2100


def _has_place(held: Held) -> bool:
    """A place word with news close behind it; a short text may be the place alone."""
    if held.is_short:
        return any(t.is_content for t in held.new)
    return any(
        _leads_to_place(held, i)
        for i, word in enumerate(held.tokens)
        if word.text.lower() in PLACES
    )


def _leads_to_place(held: Held, i: int) -> bool:
    behind = held.tokens[i + 1 :]
    noun = next((t for t in behind if t.is_number or t.is_content), None)
    if noun is None or not noun.is_content or noun.text.lower() in TIMES:
        return False
    is_loose = held.tokens[i].text.lower() in LOOSE_PLACES
    if is_loose and not (noun.is_name or behind[0].text.lower() in DETERMINERS):
        return False
    return noun.key not in held.question.known


def names_place(question: Question, text: str) -> bool:
    """Whether a name stands behind a word of place: "from Bristol", "about Boston"."""
    held = Held(question, text, tuple(tokens(text)))
    return any(set(held.words(i - 1, i)) & SETTING_WORDS for i in held.names)


def _has_person(held: Held) -> bool:
    """A name, a word for a person, or whoever something was done by."""
    if held.question.is_copular:
        return _has_given_name(held)
    text = " ".join(held.words(0, len(held.tokens)))
    done_by = re.search(r"\bby (?:an?|the|my|his|her|our|their) \w", text)
    is_person = any(PEOPLE.fullmatch(t.text.lower()) for t in held.new)
    return is_person or done_by is not None or any(_is_no_place(held, i) for i in held.names)


def _is_no_place(held: Held, i: int) -> bool:
    return not set(held.words(i - 1, i)) & LOCATING


def _has_colour(held: Held) -> bool:
    return _says(held, COLOURS)


def _says(held: Held, words: frozenset[str]) -> bool:
    return any(t.text.lower() in words for t in held.new)


def _has_news(held: Held) -> bool:
    return any(t.is_content or t.is_number for t in held.new)


def _has_anything(held: Held) -> bool:
    return bool(held.tokens)


_TESTS: Mapping[str, Callable[[Held], bool]] = {
    "name": _has_given_name,
    "number": _has_quantity,
    "when": _has_time,
    "where": _has_place,
    "who": _has_person,
    "colour": _has_colour,
    "open": _has_news,
    "yes-no": _has_anything,
}
