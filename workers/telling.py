"""Whether a sentence tells what is asked: the bars that it must pass, in one place."""

from __future__ import annotations

from collections.abc import Mapping

from scenelake.workers import matching, ranking
from scenelake.workers.engines import Reply
from scenelake.workers.kinds import fits
from scenelake.workers.questions import Question
from scenelake.workers.ranking import Ranked

NOT_TOLD = "The film does not tell."

MIN_COVERAGE = 0.62
MIN_SIMILARITY = 0.15
MIN_OF_TYPE = 0.25


def tells(question: Question, found: Ranked) -> bool:
    """Whether all that is asked is spoken of, and a thing of the right kind is there."""
    return (
        found.coverage >= MIN_COVERAGE
        and found.similarity >= MIN_SIMILARITY
        and found.names_known
        and found.own > 0
        and (not question.type_word or found.of_type >= MIN_OF_TYPE)
        and fits(question, found.candidate.text)
    )


def not_told(answer: str = NOT_TOLD) -> Reply:
    return Reply(answer=answer, grounded=False, citations=())


def bars() -> Mapping[str, object]:
    """All numbers that decide on an answer."""
    return {
        "telling": (MIN_COVERAGE, MIN_SIMILARITY),
        "ranking": (ranking.LINKED, ranking.UNLINKED, ranking.FAR, ranking.OWN, ranking.OF_TYPE),
        "matching": (matching.MIN_LIKENESS, matching.MIN_NAME_LIKENESS, matching.MIN_MEANING),
    }
