"""Yes or no: a sentence that says what is asked, or one that says another thing instead.

"Is the cat called Felix?" is answered with no where the film says "a cat called Chelsea":
all that is asked is there but one name, number or word of a kind (`matching.rivals`), and in
its place stands another of that kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scenelake.workers.engines import Reply
from scenelake.workers.grounding import Token, denies, tokens
from scenelake.workers.kinds import is_time
from scenelake.workers.matching import rivals
from scenelake.workers.questions import Question
from scenelake.workers.ranking import Ranked
from scenelake.workers.telling import not_told

MIN_YES_COVERAGE = 0.85
MIN_SIMILARITY = 0.2
MIN_MATCH = 0.5
MIN_OWN = 0.3


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
    pairs = zip(asked.asked, found.matches, strict=True)
    names, others = _parted((t, m) for t, m in pairs)
    missing = [t for t, m in others if m < MIN_MATCH]
    if names and max(m for _, m in names) < MIN_MATCH:
        missing.append(names[0][0])
    met = [m for _, m in (*names, *others) if m >= MIN_MATCH]
    is_close = len(missing) == 1 and found.own >= MIN_OWN and bool(met)
    return "No" if is_close and _has_another(missing[0], asked, found.candidate.text) else ""


def _parted(
    matches: Iterable[tuple[Token, float]],
) -> tuple[list[tuple[Token, float]], list[tuple[Token, float]]]:
    """Names, which stand or fall together, and other words, with their matches."""
    names: list[tuple[Token, float]] = []
    others: list[tuple[Token, float]] = []
    for token, match in matches:
        is_name = token.is_name and not token.is_first
        (names if is_name else others).append((token, match))
    return names, others


def _has_another(missing: Token, asked: Question, text: str) -> bool:
    """Whether a sentence holds, in the place of what is asked, another thing of its kind."""
    known = {t.key for t in asked.said}
    new = [t for t in tokens(text) if t.key not in known]
    if any(rivals(missing.text.lower(), t.text.lower()) for t in new):
        return True
    if missing.is_number:
        return any(t.is_number for t in new)
    is_name = missing.is_name and not missing.is_first and not is_time(missing)
    return is_name and any(t.is_name and not t.is_first and not is_time(t) for t in new)
