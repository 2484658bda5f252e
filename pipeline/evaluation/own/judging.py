"""Whether an answer is right, and whether what it cites is there."""

from __future__ import annotations

from dataclasses import dataclass

from scenelake.pipeline.evaluation.answers import Reply, chosen, exact_match, normalise, token_f1
from scenelake.pipeline.evaluation.own.questions import Asked
from scenelake.pipeline.evaluation.records import Span
from scenelake.workers.normaliser import normaliser

MAX_WORDS = 25
"""An answer that holds the right words among more than these has not chosen."""

MAX_WORDS_ABOUT = 100
"""Of an answer that says what a whole film is about."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation: where, what is quoted, and the words and screen text of the cited scene.

    What is cited as seen has no quote.
    """

    video: str
    span: Span
    quote: str
    evidence: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """The quote stands in the scene, word for word."""
        return any(contains(text, self.quote) for text in self.evidence)

    def points(self, question: Asked) -> bool:
        """It is of the right film and shares a moment with a span that tells."""
        return self.video == question.video and any(
            min(self.span[1], end_s) > max(self.span[0], start_s)
            for start_s, end_s in question.spans
        )


@dataclass(frozen=True, slots=True)
class Given:
    """What was answered. `is_told` is False where the films are said not to tell."""

    answer: str
    is_told: bool
    cited: tuple[Cited, ...]
    choice: str | None = None
    spans: tuple[tuple[str, Span], ...] = ()


def holds(given: Given) -> bool | None:
    """Whether all that is quoted stands where it is said to; None where nothing is.

    An answer that cites nothing at all does not hold.
    """
    if not given.cited:
        return False
    quoted = [one.holds for one in given.cited if one.quote]
    return all(quoted) if quoted else None


def is_right(question: Asked, given: Given) -> bool:
    """By the rule of the question's kind; see README.md."""
    if question.kind == "unanswerable":
        return not given.is_told
    if not given.is_told:
        return False
    match question.kind:
        case "yes_no":
            return plain(given.answer).split()[:1] == list(question.answers)
        case "multiple_choice":
            reply = Reply(answer=given.answer, choice=given.choice)
            return chosen(reply, question.options) == question.choice
        case "when":
            return any(shares_half(span, video, question) for video, span in given.spans)
        case "whole_film":
            return topics(question, given) > 0
    return any(_says(given.answer, wanted) for wanted in question.answers)


def exact(question: Asked, given: Given) -> float:
    return max(exact_match(plain(given.answer), plain(wanted)) for wanted in question.answers)


def f1(question: Asked, given: Given) -> float:
    return max(token_f1(plain(given.answer), plain(wanted)) for wanted in question.answers)


def topics(question: Asked, given: Given) -> float:
    """Which share of a film's topics is named by an answer that is not too long."""
    if len(given.answer.split()) > MAX_WORDS_ABOUT:
        return 0.0
    return sum(contains(given.answer, one) for one in question.answers) / len(question.answers)


def shares_half(span: Span, video: str, question: Asked) -> bool:
    return video == question.video and any(overlaps(span, wanted) for wanted in question.spans)


def overlaps(span: Span, wanted: Span) -> bool:
    """Whether two spans share half of the shorter."""
    shared_s = min(span[1], wanted[1]) - max(span[0], wanted[0])
    return shared_s > 0 and shared_s >= min(span[1] - span[0], wanted[1] - wanted[0]) / 2


def contains(text: str, part: str) -> bool:
    """Whether a text holds another one, in whole words as the normaliser leaves them."""
    return bool(plain(part)) and f" {plain(part)} " in f" {plain(text)} "


def plain(text: str) -> str:
    """No case, punctuation or articles; numbers as digits, one spelling of each word."""
    return normalise(normaliser("en")(text))


def _says(answer: str, wanted: str) -> bool:
    return contains(answer, wanted) and len(answer.split()) <= MAX_WORDS
