"""How much of a question's words a text speaks of: by letters, by sound, by meaning.

Speech recognition mishears names and endings, so that letters need not agree; and people ask
with other words than a film says, so that a near meaning counts too, but never as much as
the word itself. Numbers and names have no near meaning: 7 is not 8, Anna is not Maria.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jellyfish import metaphone
from rapidfuzz import fuzz

from scenelake.workers.grounding import Token
from scenelake.workers.vectors import Vectors

MIN_LIKENESS = 82.0
MIN_NAME_LIKENESS = 74.0
MIN_ALIKE_CHARS = 4
MIN_SOUND_LIKENESS = 60.0
MIN_MEANING = 0.5

_RIVALS = tuple(
    frozenset(words.split())
    for words in (
        "red green blue yellow black white brown grey gray orange pink purple golden silver",
        "monday tuesday wednesday thursday friday saturday sunday",
        "january february march april may june july august september october november december",
        "spring summer autumn fall winter",
        "morning noon afternoon evening night midnight",
        "north south east west",
        "left right",
        "mother father brother sister son daughter uncle aunt wife husband grandmother "
        "grandfather grandma grandpa mum dad cousin neighbour neighbor friend king queen",
        "wood stone glass copper gold silver iron steel brick plastic paper leather bronze marble "
        "clay concrete metal wool cotton silk",
        "baker pilot gardener teacher sailor carpenter painter singer lawyer dentist judge priest "
        "doctor nurse cook driver farmer engineer fisherman soldier captain plumber butcher tailor "
        "miner clerk waiter dancer writer actor journalist mechanic electrician",
        "cat dog bird horse cow sheep goat pig rabbit bear fish parrot mouse lion tiger "
        "elephant wolf fox duck hen chicken snake whale",
        "breakfast lunch dinner supper",
        "first second third fourth fifth last",
        "open close",
        "buy sell",
        "old new young",
        "high deep wide long heavy fast hot cold warm",
        "born die",
    )
)
"""Words near in meaning of which each rules out the others."""


def alike(a: str, b: str, *, least: float = MIN_LIKENESS) -> bool:
    """Whether two words are the same but for an ending or a letter misheard."""
    if a == b:
        return True
    is_short = min(len(a), len(b)) < MIN_ALIKE_CHARS
    likeness = fuzz.ratio(a, b)
    if not is_short and a[0] == b[0] and likeness >= least:
        return True
    return likeness >= MIN_SOUND_LIKENESS and metaphone(a) == metaphone(b)


def sounds_alike(name: Token, held: Sequence[Token]) -> bool:
    """Whether a name is there, perhaps misheard, perhaps as two words."""
    keys = [t.key for t in held if not t.is_number]
    whole = [*keys, *(a + b for a, b in pairwise(keys))]
    return any(alike(name.key, key, least=MIN_NAME_LIKENESS) for key in whole)


def _runs_into(wanted: Token, held: Token) -> bool:
    """Whether a word is the beginning or the end of one that is two run together."""
    whole = held.text.lower()
    is_longer = len(whole) >= len(wanted.text) + MIN_ALIKE_CHARS
    return is_longer and (whole.startswith(wanted.key) or whole.endswith(wanted.text.lower()))


def rivals(a: str, b: str) -> bool:
    """Whether two words are of one kind and mean different things."""
    return a != b and any(a in group and b in group for group in _RIVALS)


class Matcher:
    """Matches of words with words; meanings are looked up once for all texts of a question."""

    def __init__(
        self, wanted: Sequence[Token], texts: Sequence[Sequence[Token]], vectors: Vectors
    ) -> None:
        held = {t.text.lower() for tokens in texts for t in tokens if t.is_content}
        words = sorted(held | {t.text.lower() for t in wanted})
        self._vector = dict(zip(words, vectors.of(words), strict=True)) if words else {}

    def match(self, wanted: Token, held: Sequence[Token]) -> float:
        """0 to 1: how much of a word a text holds."""
        if any(wanted.key == t.key for t in held):
            return 1.0
        words = [t for t in held if t.is_content]
        if wanted.is_number or not words:
            return 0.0
        if wanted.is_name and not wanted.is_first:
            return float(sounds_alike(wanted, words))
        if any(alike(wanted.key, t.key) for t in words):
            return 1.0
        if len(wanted.key) >= MIN_ALIKE_CHARS and any(_runs_into(wanted, t) for t in words):
            return 1.0
        return self._meaning(wanted.text.lower(), words)

    def _meaning(self, word: str, words: Sequence[Token]) -> float:
        """The nearest meaning, where it is near enough and no rival's."""
        vector = self._vector[word]
        said = (t.text.lower() for t in words)
        likeness = (float(vector @ self._vector[w]) for w in said if not rivals(word, w))
        nearest = max(likeness, default=0.0)
        return nearest if nearest >= MIN_MEANING else 0.0
