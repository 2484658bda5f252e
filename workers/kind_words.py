"""Words by which things of a kind are known: units, days, people, places. English."""

from __future__ import annotations

import re
from collections.abc import Mapping

LENGTH = "metre meter kilometre kilometer centimetre centimeter km mile foot feet inch yard"
SPAN = "second minute hour day week month year decade century night"
MONEY = "dollar euro pound cent penny pence franc yen crown $ € £ free"
UNITS: Mapping[str, frozenset[str]] = {
    measure: frozenset(units.split())
    for measures, units in {
        "price": MONEY,
        "old age": "year month week day decade century",
        "far deep high tall wide thick distance height depth": LENGTH,
        "long": f"{SPAN} {LENGTH}",
        "hot cold warm temperature": "degree celsius fahrenheit °",
        "heavy weight": "gram kilo kilogram kg ton tonne pound ounce",
        "fast speed": f"{LENGTH} knot",
    }.items()
    for measure in measures.split()
}
SIGNS = frozenset("$ € £".split())
PRICED = re.compile(r"[$€£] ?\d|\d ?[$€£]")
PAYING = frozenset("cost price pay paid expensive earn worth sold buy ticket fee".split())
NEAR = 3
"""Words between a number and its noun, or a name and whom it names."""
MIN_COUNTED_LIKENESS, MIN_UNLIKE_START = 55.0, 75.0

CALENDAR = (
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays "
    "thursdays fridays saturdays sundays january february march april may "
    "june july august september october november december"
)
COLOURS = frozenset(
    "red green blue yellow black white brown grey gray orange pink purple golden silver".split()
)
TIMES = frozenset(
    f"{CALENDAR} morning noon afternoon evening night midnight today yesterday tomorrow tonight "
    "spring summer autumn fall winter ago after before while when during until since every "
    "always christmas easter".split()
)
TIME_UNITS = frozenset(
    f"{SPAN} seconds minutes hours days weeks months years o'clock am pm".split()
)
BEFORE_TIMES = frozenset(
    f"in at on since until till by before after from of around about year past {CALENDAR}".split()
)
PLACES = frozenset(
    "in at on from to into onto under near behind above below between through across over inside "
    "outside beside by next around here there".split()
)
LOOSE_PLACES = frozenset("to by over around next".split())
SETTING_WORDS = frozenset("in at from to about of around through near".split())
DETERMINERS = frozenset("the a an my our your his her its their this that".split())
LOCATING = frozenset("in at from into near on".split())
PEOPLE = re.compile(
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
NAMING = frozenset(
    "call calls called name names named nicknamed meet is was are were i'm am known as".split()
)
COPULAS = frozenset("is was who has had and said says".split())
MONTHS = frozenset(
    "january february march april may june july august september october november december".split()
)
DAYS = frozenset(
    f"{day}{s}"
    for day in "monday tuesday wednesday thursday friday saturday sunday".split()
    for s in ("", "s")
)
SEASONS = frozenset("spring summer autumn fall winter".split())
OF_CALENDAR = {"month": MONTHS, "day": DAYS | MONTHS | {"today", "tomorrow"}}
OF_CALENDAR |= {"season": SEASONS, "weekday": DAYS}
SEVERAL = frozenset("once twice dozen dozens hundreds thousands half pair couple".split())
DIMENSIONS = frozenset("deep high tall wide heavy ago thick apart".split())
SPOKEN_WITH = {
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
