"""Answers to questions: the right letter, the right words, nearly the right letters."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scenelake.pipeline.evaluation.bootstrap import Sums, mean
from scenelake.pipeline.evaluation.libraries import library
from scenelake.pipeline.evaluation.records import LETTERS, Question

ANLS_THRESHOLD = 0.5

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_LETTER = re.compile(r"\(([A-Za-z])\)|([A-Za-z])(?:[).:]|$)")
_SAID_LETTER = re.compile(r"\b(?:answer|option|choice)\s*(?:is|:)?\s*\(?([A-Z])\b")


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered; `choice` is a letter, or a number that counts options from 0."""

    answer: str = ""
    choice: str | None = None


def score(truth: Sequence[Question], replies: Sequence[Reply]) -> dict[str, Sums]:
    """`accuracy` of questions with options; `exact_match`, `token_f1`, `anls` of open ones."""
    pairs = list(zip(truth, replies, strict=True))
    return {
        "accuracy": mean([_chose_right(q, reply) if q.options else None for q, reply in pairs]),
        "exact_match": mean([_best(exact_match, q, reply) for q, reply in pairs]),
        "token_f1": mean([_best(token_f1, q, reply) for q, reply in pairs]),
        "anls": mean([_best(anls, q, reply) for q, reply in pairs]),
    }


def chosen(reply: Reply, options: Sequence[str]) -> str | None:
    """The letter that a reply chooses: its `choice`, else what its text says; None for none."""
    if reply.choice is not None and reply.choice.strip().isdigit():
        place = int(reply.choice)
        return LETTERS[place] if place < len(options) else None
    if reply.choice:
        return _letter(reply.choice, options)
    return _letter(reply.answer, options)


def normalise(text: str) -> str:
    """SQuAD's (Rajpurkar et al. 2016): no case, punctuation, articles or double spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, wanted: str) -> float:
    return float(normalise(answer) == normalise(wanted))


def token_f1(answer: str, wanted: str) -> float:
    """SQuAD's: harmonic mean of the shares of words that two answers have in common."""
    said, right = normalise(answer).split(), normalise(wanted).split()
    if not said or not right:
        return float(said == right)
    n_common = sum((Counter(said) & Counter(right)).values())
    return 2 * n_common / (len(said) + len(right))


def anls(answer: str, wanted: str) -> float:
    """1 less the normalised Levenshtein distance, 0 from the threshold on.

    Biten et al. 2019, arXiv:1905.13648; case and extra spaces aside, as its evaluation does.
    """
    levenshtein = library("rapidfuzz.distance").Levenshtein
    a, b = (" ".join(text.lower().split()) for text in (answer, wanted))
    distance = float(levenshtein.normalized_distance(a, b))
    return 1.0 - distance if distance < ANLS_THRESHOLD else 0.0


def _best(metric: Callable[[str, str], float], question: Question, reply: Reply) -> float | None:
    """Against the wording that fits best; nothing for a question with options."""
    if question.options:
        return None
    return max(metric(reply.answer, wanted) for wanted in question.answers)


def _chose_right(question: Question, reply: Reply) -> float:
    return float(chosen(reply, question.options) == question.choice)


def _letter(text: str, options: Sequence[str]) -> str | None:
    """A whole option comes before a letter: an option may begin with "A"."""
    said = normalise(text)
    same = [i for i, option in enumerate(options) if normalise(option) == said]
    if said and len(same) == 1:
        return LETTERS[same[0]]
    match = _LETTER.match(text.strip()) or _SAID_LETTER.search(text)
    letter = next(filter(None, match.groups())).upper() if match else ""
    return letter if letter and letter in LETTERS[: len(options)] else None
