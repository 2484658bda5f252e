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
from scenelake.workers.matching import alike
from scenelake.workers.questions import Question

_LENGTH = "metre meter kilometre kilometer centimetre centimeter km mile foot feet inch yard"
_SPAN = "second minute hour day week month year decade century night"
_MONEY = "dollar euro pound cent penny pence franc yen crown $ € £ free"
_UNITS: Mapping[str, frozenset[str]] = {
    measure: frozenset(units.split())
    for measures, units in {
        "price": _MONEY,
        "old age": "year month week day decade century",
        "far deep high tall wide thick distance height depth": _LENGTH,
        "long": f"{_SPAN} {_LENGTH}",
        "hot cold warm temperature": "degree celsius fahrenheit °",
        "heavy weight": "gram kilo kilogram kg ton tonne pound ounce",
        "fast speed": f"{_LENGTH} knot",
    }.items()
    for measure in measures.split()
}
_SIGNS = frozenset("$ € £".split())
_PRICED = re.compile(r"[$€£] ?\d|\d ?[$€£]")
_PAYING = frozenset("cost price pay paid expensive earn worth sold buy ticket fee".split())
_NEAR = 3
"""Words between a number and its noun, or a name and whom it names."""
_MIN_COUNTED_LIKENESS, _MIN_UNLIKE_START = 55.0, 75.0

_CALENDAR = (
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays "
    "thursdays fridays saturdays sundays january february march april may "
    "june july august september october november december"
)
_COLOURS = frozenset(
    "red green blue yellow black white brown grey gray orange pink purple golden silver".split()
)
_TIMES = frozenset(
    f"{_CALENDAR} morning noon afternoon evening night midnight today yesterday tomorrow tonight "
    "spring summer autumn fall winter ago after before while when during until since every "
    "always christmas easter".split()
)
_TIME_UNITS = frozenset(
    f"{_SPAN} seconds minutes hours days weeks months years o'clock am pm".split()
)
_BEFORE_TIMES = frozenset(
    f"in at on since until till by before after from of around about year past {_CALENDAR}".split()
)
_PLACES = frozenset(
    "in at on from to into onto under near behind above below between through across over inside "
    "outside beside by next around here there".split()
)
_LOOSE_PLACES = frozenset("to by over around next".split())
_SETTING_WORDS = frozenset("in at from to about of around through near".split())
_DETERMINERS = frozenset("the a an my our your his her its their this that".split())
_LOCATING = frozenset("in at from into near on".split())
_PEOPLE = re.compile(
    r"(?:wo)?m[ae]n|people|person|boys?|girls?|mother|father|uncle|aunt|parents?|child(?:ren)?|"
    r"friends?|king|queen|crew|team|nobody|everybody|somebody|police|thie(?:f|ves)|nurses?|bank|"
    r"company|soldiers?|(?:grand)?(?:father|mother)|bishops?|neighbou?rs?|"
    r"(?!(?:river|over|after|water|under|never|ever|summer|winter|other|order|number|paper|power|"
    r"tower|weather|letter|matter|corner|flower|silver|copper|december|november|october|harbor|"
    r"september|color|floor|door|border|dinner|butter|leather|another|together|rather|whether|"
    r"however|either|neither|later|former|higher|lower|better|older|younger|newer|larger|motor|"
    r"finger|monster|theater|center|meter|liter|kilometer|centimeter|easter|computer|poster|"
    r"ladder|shoulder|thunder|timber|rubber|oyster|spider|tiger|layer|proper|super|inner|outer|"
    r"upper|minor|major|mirror|error|tractor|sector|factor|doctor's|list|exist|artist's)s?$)"
    r"\w{3,}(?:er|or|ist|ian)s?"
)
_NAMING = frozenset(
    "call calls called name names named nicknamed meet is was are were i'm am known as".split()
)
_COPULAS = frozenset("is was who has had and said says".split())
_MONTHS = frozenset(
    "january february march april may june july august september october november december".split()
)
_DAYS = frozenset(
    f"{day}{s}"
    for day in "monday tuesday wednesday thursday friday saturday sunday".split()
    for s in ("", "s")
)
_SEASONS = frozenset("spring summer autumn fall winter".split())
_OF_CALENDAR = {"month": _MONTHS, "day": _DAYS | _MONTHS | {"today", "tomorrow"}}
_OF_CALENDAR |= {"season": _SEASONS, "weekday": _DAYS}
_SEVERAL = frozenset("once twice dozen dozens hundreds thousands half pair couple".split())
_DIMENSIONS = frozenset("deep high tall wide heavy ago thick apart".split())
_SPOKEN_WITH = {
    measure: frozenset(words.split())
    for measure, words in {
        "deep": "deep depth",
        "high": "high tall height",
        "tall": "tall high height",
        "wide": "wide width across",
        "thick": "thick thickness",
    }.items()
}
"""Words that a height is told with: "24 centimetres apart" is none."""


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
        return len(self.tokens) <= _NEAR + 1

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
        return behind[0].is_name or behind[0].text.lower() in _COPULAS


def fits(question: Question, text: str) -> bool:
    """Whether a text holds a new thing of the kind that is asked for."""
    return _TESTS[question.kind](Held(question, text, tuple(tokens(text))))


def is_time(token: Token) -> bool:
    """Whether a word names a day, a month, a season or the like."""
    return token.text.lower() in _TIMES


def _has_quantity(held: Held) -> bool:
    question = held.question
    if question.counted is not None:
        return _is_counted(held, question.counted)
    if question.measure == "often":
        return bool(held.numbers) or _says(held, _SEVERAL | {"every", "always", "never"})
    if question.measure == "old":
        return _has_age(held)
    if question.measure == "year":
        return any(_is_year(held.tokens[i]) for i in held.numbers)
    units = _UNITS.get("price" if _is_price(question) else question.measure)
    if units is None:
        return bool(held.numbers)
    words = set(held.words(0, len(held.tokens)))
    if not held.is_short and question.measure in _SPOKEN_WITH:
        if not words & _SPOKEN_WITH[question.measure]:
            return False
    elif _DIMENSIONS & words - set(question.words):
        return False
    is_priced = bool(units & _SIGNS and _PRICED.search(held.text))
    return held.is_short or is_priced or any(_has_unit(held, i, units) for i in held.numbers)


def _is_price(question: Question) -> bool:
    words = {t.text.lower() for t in question.said}
    return question.measure in ("much", "price") and bool(words & _PAYING or len(words) < 5)


def _is_counted(held: Held, counted: Token) -> bool:
    """A number just before what is counted, or "of them"."""
    for i in held.numbers:
        behind = held.tokens[i + 1 : i + 1 + _NEAR]
        words = [t.text.lower() for t in behind]
        if words[:2] in (["of", "them"], ["of", "these"], ["of", "us"]):
            return True
        if any(_may_be(counted, t) for t in behind):
            return True
        if _PEOPLE.fullmatch(counted.text.lower()) and any(map(_PEOPLE.fullmatch, words)):
            return counted.text.lower() in ("people", "persons")
    return False


def _may_be(counted: Token, heard: Token) -> bool:
    """Whether a word is another, an ending or a mishearing apart."""
    a, b = counted.key, heard.key
    if a == b:
        return True
    least = _MIN_COUNTED_LIKENESS if a[:1] == b[:1] else _MIN_UNLIKE_START
    return heard.is_content and fuzz.ratio(a, b) >= least


def _has_unit(held: Held, i: int, units: frozenset[str]) -> bool:
    behind = held.words(i + 1, i + 1 + _NEAR)
    plain = {*behind, *(word.removesuffix("s") for word in behind)}
    before = set(held.words(i - 1, i))
    return bool(units & (plain | before))


def _has_age(held: Held) -> bool:
    words = set(held.words(0, len(held.tokens)))
    years = any(_has_unit(held, i, _UNITS["old"]) for i in held.numbers)
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
    before = held.words(i - _NEAR, i)
    if any(word in _NAMING for word in before):
        return True
    around = (*held.tokens[max(0, i - 2) : i], *held.tokens[i + 1 : i + 1 + _NEAR])
    subject = {t.key for t in held.question.asked}
    return any(alike(key, t.key) for key in subject for t in around)


def _has_time(held: Held) -> bool:
    wanted = _OF_CALENDAR.get(held.question.measure)
    if wanted is not None:
        return _says(held, wanted)
    if any(t.text.lower() in _TIMES for t in held.new):
        return True
    return any(_is_time(held, i) for i in held.numbers)


def _is_time(held: Held, i: int) -> bool:
    """A number behind "in", "at", "since", with no noun but one of time behind it."""
    if ":" in held.tokens[i].text:
        return True
    behind = held.tokens[i + 1 : i + 2]
    is_of_time = not behind or behind[0].text.lower() in _TIME_UNITS or not behind[0].is_content
    return is_of_time and bool(set(held.words(i - 2, i)) & _BEFORE_TIMES)


def _is_year(token: Token) -> bool:
    return token.key.isdigit() and 1000 <= int(token.key) <= 2100


def _has_place(held: Held) -> bool:
    """A place word with news close behind it; a short text may be the place alone."""
    if held.is_short:
        return any(t.is_content for t in held.new)
    return any(
        _leads_to_place(held, i)
        for i, word in enumerate(held.tokens)
        if word.text.lower() in _PLACES
    )


def _leads_to_place(held: Held, i: int) -> bool:
    behind = held.tokens[i + 1 :]
    noun = next((t for t in behind if t.is_number or t.is_content), None)
    if noun is None or not noun.is_content or noun.text.lower() in _TIMES:
        return False
    is_loose = held.tokens[i].text.lower() in _LOOSE_PLACES
    if is_loose and not (noun.is_name or behind[0].text.lower() in _DETERMINERS):
        return False
    return noun.key not in held.question.known


def names_place(question: Question, text: str) -> bool:
    """Whether a name stands behind a word of place: "from Bristol", "about Boston"."""
    held = Held(question, text, tuple(tokens(text)))
    return any(set(held.words(i - 1, i)) & _SETTING_WORDS for i in held.names)


def _has_person(held: Held) -> bool:
    """A name, a word for a person, or whoever something was done by."""
    if held.question.is_copular:
        return _has_given_name(held)
    text = " ".join(held.words(0, len(held.tokens)))
    done_by = re.search(r"\bby (?:an?|the|my|his|her|our|their) \w", text)
    is_person = any(_PEOPLE.fullmatch(t.text.lower()) for t in held.new)
    return is_person or done_by is not None or any(_is_no_place(held, i) for i in held.names)


def _is_no_place(held: Held, i: int) -> bool:
    return not set(held.words(i - 1, i)) & _LOCATING


def _has_colour(held: Held) -> bool:
    return _says(held, _COLOURS)


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
