"""Whether a sentence tells what is asked: the bars that it must pass, in one place."""

from __future__ import annotations

from collections.abc import Mapping

from scenelake.workers import matching, ranking
from scenelake.workers.engines import Reply
from scenelake.workers.kinds import fits
from scenelake.workers.questions import Question
from scenelake.workers.ranking import Ranked

NOT_TOLD = "The film does not tell."

MIN_COVERAGE_AND_SIMILARITY = ((0.6, 0.2), (0.5, 0.36))
"""What is spoken of in part must mean much the same."""
MIN_COVERAGE_LINKED = 0.75
"""Of a sentence that holds no word of the question, but a pronoun."""
MIN_OWN_WHO = 0.36
MIN_SIMILARITY_ALONE = 0.3
"""Where a question has no words to look for but of what sort the answer is."""
MIN_OF_TYPE = 0.25


def tells(question: Question, found: Ranked) -> bool:
    """Whether all that is asked is spoken of, and a thing of the right kind is there."""
    if question.is_of_screen and not found.candidate.is_shown:
        return False
    if not question.asked:
        return found.similarity >= MIN_SIMILARITY_ALONE and _is_fit(question, found)
    return _is_covered(question, found) and found.names_known and _is_fit(question, found)


def _is_covered(question: Question, found: Ranked) -> bool:
    """Whether enough of the question is spoken of, and of who did it in the sentence itself."""
    if question.kind == "who" and found.own < MIN_OWN_WHO:
        return False
    if found.own == 0 and not (found.is_linked and found.coverage >= MIN_COVERAGE_LINKED):
        return False
    return any(
        found.coverage >= coverage and found.similarity >= similarity
        for coverage, similarity in MIN_COVERAGE_AND_SIMILARITY
    )


def _is_fit(question: Question, found: Ranked) -> bool:
    is_of_type = not question.type_word or found.of_type >= MIN_OF_TYPE
    return is_of_type and fits(question, found.candidate.text)


def not_told(answer: str = NOT_TOLD) -> Reply:
    return Reply(answer=answer, grounded=False, citations=())


def bars() -> Mapping[str, object]:
    """All numbers that decide on an answer."""
    return {
        "telling": (MIN_COVERAGE_AND_SIMILARITY, MIN_COVERAGE_LINKED, MIN_OWN_WHO),
        "kinds": (MIN_SIMILARITY_ALONE, MIN_OF_TYPE),
        "ranking": (ranking.LINKED, ranking.UNLINKED, ranking.FAR, ranking.OWN, ranking.OF_TYPE),
        "matching": (matching.MIN_LIKENESS, matching.MIN_NAME_LIKENESS, matching.MIN_MEANING),
    }
