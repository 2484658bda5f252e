"""What a question asks for, and whether a sentence holds a thing of that kind. English."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scenelake.workers.grounding import Token, tokens

_LENGTH = "metre meter kilometre kilometer centimetre centimeter km mile foot feet inch yard"
_SPAN = "second minute hour day week month year decade century night"
_UNITS: dict[str, frozenset[str]] = {
    asked: frozenset(units.split())
    for asked, units in {
        "cost price pay expensive earn": "dollar euro pound cent penny pence franc yen $ € £ free",
        "old age": "year month week day decade century old",
        "far deep high tall wide distance height depth": _LENGTH,
        "long": f"{_SPAN} {_LENGTH}",
        "hot cold warm temperature": "degree celsius fahrenheit °",
        "heavy weigh weight": "gram kilo kilogram kg ton tonne pound ounce",
        "fast quickly speed": f"{_LENGTH} knot per",
    }.items()
    for asked in asked.split()
}
_DIMENSIONS = frozenset("deep high tall wide heavy ago".split())
_CALENDAR = (
    "monday tuesday wednesday thursday friday saturday sunday january february march april may "
    "june july august september october november december"
)
_COLOURS = frozenset(
    "red green blue yellow black white brown grey gray orange pink purple golden silver".split()
)
_TIMES = frozenset(
    f"{_CALENDAR} morning noon afternoon evening night "
    "midnight today yesterday tomorrow tonight spring summer autumn fall winter ago after before "
    "while when during until since every always".split()
)
_PLACES = frozenset(
    "in at on from to into onto under near behind above below between through across over inside "
    "outside beside by next around here there".split()
)
_PEOPLE = re.compile(
    r"(?:wo)?m[ae]n|people|person|boys?|girls?|mother|father|uncle|aunt|parents?|child(?:ren)?|"
    r"friends?|king|queen|crew|team|nobody|everybody|somebody|\w{3,}(?:er|or|ist|ian)s?"
)
_LOCATING = frozenset("in at from into near on".split())
_NAMING = re.compile(
    r"\b(?:calls?|called|names?|named|known as|nicknamed)\b|^(?:this is|meet|i'm|i am|here is)\b"
)
_YES_NO = frozenset(
    "is are was were do does did has have had can could will would should may might".split()
)
_QUANTITY = re.compile(
    r"\bhow (?:many|much|old|long|far|deep|high|tall|wide|heavy|fast|hot|cold|warm|big|often)\b|"
    r"\b(?:what|which|at what) (?:year|date|day|time|temperature|age|price|number|speed|height|"
    r"depth|weight|distance)\b"
)
_NAME = re.compile(r"\bwh?at(?:'s| is| was| are) .*\bnames?\b|\b(?:called|named)\b")
_KIND_WORDS = frozenset(
    "year date day time temperature age price number speed height depth weight distance name "
    "called named many much old long far deep high tall wide heavy fast hot cold warm big colour "
    "color person place kind sort type film video scene tell happen come need make take use "
    "speaker narrator man woman guy mean people".split()
)


@dataclass(frozen=True, slots=True)
class Held:
    """What a text holds: its tokens, and the question's keys, which are no news."""

    text: str
    tokens: tuple[Token, ...]
    known: frozenset[str]

    @property
    def new(self) -> list[Token]:
        return [t for t in self.tokens if t.key not in self.known]

    @property
    def names(self) -> list[Token]:
        """New names, those of days, months and, as far as "in" tells, of places apart."""
        before = ("", *(t.text.lower() for t in self.tokens))
        return [
            t
            for t, word in zip(self.tokens, before, strict=False)
            if t.is_name
            and t.key not in self.known
            and t.text.lower() not in _TIMES
            and word not in _LOCATING
        ]


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was read.

    Attributes:
        said: all its words.
        asked: its content words, numbers and names, the words of its kind apart.
        kind: "name", "number", "when", "where", "who", "colour", "yes-no" or "open".
        units: if not empty, one of these must stand beside the number.
    """

    text: str
    said: tuple[Token, ...]
    asked: tuple[Token, ...]
    kind: str
    units: frozenset[str]

    def fits(self, text: str) -> bool:
        """Whether a text holds a new thing of the kind that is asked for."""
        known = {t.key for t in tokens(self.text)}
        held = tokens(text)
        other = {t.text.lower() for t in held} & _DIMENSIONS - {t.text.lower() for t in self.said}
        if self.units and (other or not _has_unit(text, held, self.units)):
            return False
        return _TESTS[self.kind](Held(text, tuple(held), frozenset(known)))


def read_question(text: str) -> Question:
    """What is asked for, by the question's own words."""
    said = tokens(text)
    folded = " ".join(t.text.lower() for t in said)
    asked = tuple(t for t in said if t.is_number or (t.is_content and not _is_kind_word(t)))
    kind = _kind(folded)
    words = [t.text.lower() for t in said] if kind == "number" else []
    units = next((_UNITS[word] for word in words if word in _UNITS), frozenset[str]())
    return Question(text=text, said=tuple(said), asked=asked, kind=kind, units=units)


def _kind(folded: str) -> str:
    first = folded.split(" ", 1)[0]
    if _QUANTITY.search(folded):
        return "number"
    if _NAME.search(folded):
        return "name"
    for word in ("when", "where", "who", "whose"):
        if word in folded.split():
            return "who" if word == "whose" else word
    if re.search(r"\bwhat colou?r\b", folded):
        return "colour"
    return "yes-no" if first in _YES_NO else "open"


def _is_kind_word(token: Token) -> bool:
    return token.text.lower() in _KIND_WORDS


def _has_unit(text: str, held: Sequence[Token], units: frozenset[str]) -> bool:
    words = {t.text.lower() for t in held}
    plain = words | {word.removesuffix("s") for word in words}
    return bool(units & plain) or any(sign in text for sign in units if not sign.isalpha())


def _has_number(held: Held) -> bool:
    return any(t.is_number for t in held.new)


def _has_given_name(held: Held) -> bool:
    names = held.names
    naming = _NAMING.search(held.text.lower()) or len(held.tokens) <= 4
    return bool(names) and (bool(naming) or names[0].is_first)


def _has_time(held: Held) -> bool:
    return _has_number(held) or any(t.text.lower() in _TIMES for t in held.new)


def _has_place(held: Held) -> bool:
    """A place word with news close behind it; a short text may be the place alone."""
    if len(held.tokens) <= 4:
        return any(t.is_content for t in held.new)
    behind = (
        next((t for t in held.tokens[i + 1 :] if t.is_number or t.is_content), None)
        for i, word in enumerate(held.tokens)
        if word.text.lower() in _PLACES
    )
    return any(t is not None and t.is_content and t.key not in held.known for t in behind)


def _has_person(held: Held) -> bool:
    """A name, a word for a person, or whoever something was done by."""
    done_by = re.search(r"\bby (?:an?|the|my|his|her|our|their) \w", held.text.lower())
    is_person = (_PEOPLE.fullmatch(t.text.lower()) for t in held.new)
    return bool(held.names) or done_by is not None or any(is_person)


def _has_colour(held: Held) -> bool:
    return any(t.text.lower() in _COLOURS for t in held.new)


def _has_news(held: Held) -> bool:
    return any(t.is_content or t.is_number for t in held.new)


def _has_anything(held: Held) -> bool:
    return bool(held.tokens)


_TESTS: dict[str, Callable[[Held], bool]] = {
    "name": _has_given_name,
    "number": _has_number,
    "when": _has_time,
    "where": _has_place,
    "who": _has_person,
    "colour": _has_colour,
    "open": _has_news,
    "yes-no": _has_anything,
}
