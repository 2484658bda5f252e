"""What a question asks for, by its own words. English."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scenelake.workers.grounding import Token, tokens

_YES_NO = frozenset(
    "is are was were do does did has have had can could will would should may might must "
    "shall".split()
)
_WH = re.compile(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b")
_QUANTITY = re.compile(
    r"\bhow (?:many|much|old|long|far|deep|high|tall|wide|thick|heavy|fast|hot|cold|warm|big|"
    r"large|often)\b|"
    r"\b(?:what|which|at what) (?:year|date|time|temperature|age|price|number|speed|height|"
    r"depth|weight|distance|percentage)\b"
)
_DAY = re.compile(r"\b(?:what|which) (?:day|month|season|weekday|time of (?:day|year))\b")
_COST = re.compile(r"\b(?:what|how much) (?:do|does|did|will|would) .*\b(?:cost|weigh)\b")
_ON_SCREEN = re.compile(
    r"\b(?:on|by|the|a) (?:the )?(?:screen|caption|sign|subtitle|title card)s?\b|\bwritten\b"
)
_OF_SCREEN = frozenset("screen caption sign written write shown named read subtitle".split())
_SETTING = re.compile(
    r"\b(?:where|(?:which|what) (?:city|town|village|country|place)) .*"
    r"\b(?:film|video|movie|story|stories|programme|documentary)\b.*"
    r"\b(?:play|plays|played|set|made|shot|filmed|from|happen|happens|take place|takes place)\b"
)
_PROFESSION = re.compile(r"\b(?:profession|occupation|job|trade)\b")
_NAME = re.compile(r"\bwh?at(?:'s| is| was| are| were)? .*\bnames?\b|\b(?:called|named)\b")
_FILM_TIME = re.compile(
    r"\b(?:when|at (?:what|which) (?:time|point|moment|minute|second)|how far in(?:to)?)\b.*"
    r"\b(?:do|does|is|are)\b"
)
"""In the present tense: what the film does now; "when did" and "when was" ask for dates."""
_COPULAR = re.compile(r"\b(?:is|are|was|were)\b")
_TYPED = re.compile(
    r"\b(?:what|which)(?: (?:kind|sort|type|types|kinds) of)? (?!is\b|are\b|was\b|were\b|do\b|"
    r"does\b|did\b|has\b|have\b|had\b|can\b|could\b|will\b|would\b|should\b|may\b|might\b)"
    r"(?:\w+ )?(\w+) (?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|\w+s|"
    r"\w+ed|\w+t)\b"
)
_KIND_WORDS = frozenset(
    "year date day time temperature age price number speed height depth weight distance "
    "name called named many much old long far deep high tall wide thick heavy fast hot cold "
    "warm big large often colour color person place kind sort type film video scene tell "
    "happen come need make take speaker lecturer presenter host commentator moderator "
    "interviewer narrator man woman guy mean people mention mentioned talk talked talking "
    "discuss discussed speak speaking explain explained describe described point moment "
    "month season cost price".split()
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was read.

    Attributes:
        said: all its words.
        asked: its content words, numbers and names, the words of its kind apart.
        kind: "name", "number", "when", "where", "who", "colour", "yes-no" or "open".
        measure: "many", "much", "old", ... of a quantity, "" for others.
        counted: what is to be counted ("how many bees"), if anything is.
        is_of_screen: it asks for what is written on screen.
        type_word: of what sort the answer is ("which animal"), "" where that is open.
        is_copular: all it says of its subject is that it is ("who is the mayor?").
        is_of_setting: it asks where the film itself is.
        is_of_film_time: it asks when something is said, shown or done in the film.
    """

    text: str
    said: tuple[Token, ...]
    asked: tuple[Token, ...]
    kind: str
    measure: str = ""
    counted: Token | None = None
    type_word: str = ""
    is_copular: bool = False
    is_of_film_time: bool = False
    is_of_screen: bool = False
    is_of_setting: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(t.text.lower() for t in self.said)

    @property
    def known(self) -> frozenset[str]:
        """Keys of its words, which are no news in an answer."""
        return frozenset(t.key for t in self.said)


def read_question(text: str) -> Question:
    """What is asked for, by the question's own words."""
    said = tuple(tokens(text))
    folded = " ".join(t.text.lower() for t in said)
    kind = _kind(folded)
    type_word = _type_word(folded) if kind == "open" else ""
    is_of_screen = bool(_ON_SCREEN.search(folded))
    idle = _idle(folded, type_word, is_of_screen=is_of_screen)
    return Question(
        text=text,
        said=said,
        asked=tuple(t for t in said if _is_asked(t) and t.text.lower() not in idle),
        kind=kind,
        measure=_measure(folded),
        counted=_counted(said) if _measure(folded) == "many" else None,
        type_word="" if is_of_screen else type_word,
        is_of_screen=is_of_screen,
        is_of_setting=bool(_SETTING.search(folded)),
        is_copular=_is_copular(said),
        is_of_film_time=bool(_FILM_TIME.search(folded)),
    )


def _idle(folded: str, type_word: str, *, is_of_screen: bool) -> frozenset[str]:
    """Words that say what sort of answer is wanted, and from where, and are not looked for."""
    if is_of_screen:
        return _OF_SCREEN
    return frozenset({type_word, "profession", "occupation", "job", "trade"})


def _is_asked(token: Token) -> bool:
    is_kind = token.text.lower() in _KIND_WORDS and not (token.is_name and not token.is_first)
    return token.is_number or (token.is_content and not is_kind)


def _kind(folded: str) -> str:
    if folded.split(" ", 1)[0] in _YES_NO and not _WH.search(folded):
        return "yes-no"
    if _QUANTITY.search(folded) or _COST.search(folded):
        return "number"
    if _DAY.search(folded):
        return "when"
    if _NAME.search(folded):
        return "name"
    for word in ("when", "where", "who", "whose", "whom"):
        if word in folded.split():
            return "who" if word.startswith("who") else word
    if re.search(r"\bwhat colou?rs?\b", folded):
        return "colour"
    return "open"


def _measure(folded: str) -> str:
    """The last word of "how old", "which year", "what month"; "" where none is asked for."""
    cost = _COST.search(folded)
    if cost:
        return {"cost": "price", "weigh": "weight"}[cost[0].split()[-1]]
    match = _QUANTITY.search(folded) or _DAY.search(folded)
    return match[0].split()[-1] if match else ""


def _counted(said: tuple[Token, ...]) -> Token | None:
    """The noun after "how many", the last of a run of content words."""
    words = [t.text.lower() for t in said]
    if "many" not in words:
        return None
    run: list[Token] = []
    for token in said[words.index("many") + 1 :]:
        if not token.is_content:
            break
        run.append(token)
    return _noun_of(run)


def _noun_of(run: list[Token]) -> Token | None:
    """The first plural of a run, so that "many houses burned" counts houses; else its first."""
    plural = next((t for t in run if t.text.lower().endswith("s")), None)
    return plural or next(iter(run), None)


def _type_word(folded: str) -> str:
    if _PROFESSION.search(folded):
        return "profession"
    match = _TYPED.search(folded)
    return match[1] if match and match[1] not in _KIND_WORDS else ""


def _is_copular(said: tuple[Token, ...]) -> bool:
    """Whether its only verb is "to be": "who is the mayor", "how long is the bridge"."""
    words = [t.text.lower() for t in said]
    n_content = sum(t.is_content and t.text.lower() not in _KIND_WORDS for t in said)
    has_be = any(_COPULAR.fullmatch(word) for word in words)
    return has_be and n_content <= 3 and not any(w.endswith("ed") for w in words)
