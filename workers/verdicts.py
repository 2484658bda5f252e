"""Yes or no: a sentence that says what is asked, or one that says another thing instead.

"Is the cat called Felix?" is answered with no where the film says "a cat called Chelsea":
all that is asked is there but one name, number or word of a kind (`matching.rivals`), and in
its place stands another of that kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from scenelake.workers.engines import Reply
from scenelake.workers.grounding import Token, denies, tokens
from scenelake.workers.matching import rivals
from scenelake.workers.questions import Question
from scenelake.workers.ranking import Ranked
from scenelake.workers.telling import MIN_SIMILARITY, not_told

MIN_YES_COVERAGE = 0.85
MIN_MATCH = 0.5


def answer_yes_no(asked: Question, ranked: Sequence[Ranked]) -> Reply:
    """ "Yes: …" or "No: …" with the sentence that says so, or that the film does not tell."""
    for found in ranked:
        if found.similarity < MIN_SIMILARITY:
            continue
        verdict = _verdict(asked, found)
        if verdict:
            text = f"{verdict}: {found.candidate.text}"
            return Reply(answer=text, grounded=True, citations=found.candidate.citations)
    return not_told()


def _verdict(asked: Question, found: Ranked) -> str:
    """What one sentence says to it; "" for nothing."""
    if found.coverage >= MIN_YES_COVERAGE and found.names_known:
        return "Yes" if denies(asked.text) == denies(found.candidate.text) else "No"
    missing = [t for t, m in zip(asked.asked, found.matches, strict=True) if m < MIN_MATCH]
    rest = [m for m in found.matches if m >= MIN_MATCH]
    is_close = len(missing) == 1 and rest and sum(rest) / len(rest) >= MIN_YES_COVERAGE
    return "No" if is_close and _has_another(missing[0], asked, found.candidate.text) else ""


def _has_another(missing: Token, asked: Question, text: str) -> bool:
    """Whether a sentence holds, in the place of what is asked, another thing of its kind."""
    known = {t.key for t in asked.said}
    new = [t for t in tokens(text) if t.key not in known]
    if missing.is_number:
        return any(t.is_number for t in new)
    if missing.is_name and not missing.is_first:
        return any(t.is_name and not t.is_first for t in new)
    return any(rivals(missing.text.lower(), t.text.lower()) for t in new)
