"""How much of what is told occurs in the evidence: names, numbers and quotations.

Of the claims of :mod:`scenelake.workers.grounding`, but that a capital at the start of a
sentence makes no name here: it is every sentence's.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from scenelake.pipeline.evaluation.bootstrap import Sums, mean, ratio
from scenelake.workers.grounding import tokens, unsupported
from scenelake.workers.wordforms import stem

_KINDS = ("names", "numbers", "quotes")
_TEMPLATE = frozenset(stem(word) for word in "said seen screen".split())
"""Words that a description's own form adds: 'Said: "…" Seen: … On screen: …'."""


@dataclass(frozen=True, slots=True)
class Told:
    """A text, and what it has to stand on.

    Attributes:
        evidence: what is said, on screen and recognised where the text is about.
        quotes: (quoted, words or screen text of the scene that is cited) of each citation.
        kind: "description" or "answer".
        passed: whether the lake itself calls it grounded.
    """

    text: str
    evidence: tuple[str, ...]
    kind: str
    passed: bool
    quotes: tuple[tuple[str, tuple[str, ...]], ...] = ()


def score(told: Sequence[Told]) -> dict[str, Sums]:
    """Shares of `names`, `numbers`, `quotes`, of all three (`claims`) and of `citations`.

    `grounded` is the share of texts that the lake calls so. A kind of which nothing is
    claimed is left out.
    """
    counted = [_held_and_claimed(text) for text in told]
    held, claimed = [c[0] for c in counted], [c[1] for c in counted]
    cited = [[_holds(quote, scene) for quote, scene in text.quotes] for text in told]
    by_kind = {
        kind: ratio([h[i] for h in held], [c[i] for c in claimed]) for i, kind in enumerate(_KINDS)
    }
    return {
        **by_kind,
        "claims": ratio([sum(h) for h in held], [sum(c) for c in claimed]),
        "citations": ratio([sum(c) for c in cited], [len(c) for c in cited]),
        "grounded": mean([float(text.passed) for text in told]),
    }


def _held_and_claimed(told: Told) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How many names, numbers and quotations hold, and how many there are."""
    said = tokens(told.text)
    names = [t.key for t in said if t.is_name and not t.is_first and t.key not in _TEMPLATE]
    numbers = [t.key for t in said if t.is_number]
    quotes = _quotes(told.text)
    known = {t.key for piece in told.evidence for t in tokens(piece)}
    n_quoted = sum(_holds(quote, told.evidence) for quote in quotes)
    held = (_n_known(names, known), _n_known(numbers, known), n_quoted)
    return held, (len(names), len(numbers), len(quotes))


def _n_known(keys: Sequence[str], known: Set[str]) -> int:
    return sum(key in known for key in keys)


def _quotes(text: str) -> list[str]:
    """What is in double quotes: all that nothing supports, but the names and numbers."""
    n_words = sum(t.is_number or t.is_name for t in tokens(text))
    return unsupported(text, ())[n_words:]


def _holds(quote: str, evidence: Sequence[str]) -> bool:
    return not unsupported(f'"{quote}"', evidence)
