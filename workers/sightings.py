"""Answers to "when do we see a cat?" from what was recognised in the pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scenelake.workers.candidates import cite_scene
from scenelake.workers.engines import Passage, Reply
from scenelake.workers.film_times import readable, with_spans
from scenelake.workers.grounding import Token, tokens
from scenelake.workers.questions import Question
from scenelake.workers.vectors import Vectors

MIN_LABEL_LIKENESS = 0.6
MIN_LIKENESS_ALONE, MIN_LEAD = 0.4, 0.12

_SEEING = re.compile(
    r"\b(?:see|sees|seen|appears?|visible|shown?|shows|pictured|(?:is|are|was|were) there)\b"
)
_SEEING_WORDS = frozenset("see seen appear visible show picture".split())
_SEEING_WORDS |= {"sees", "appears", "shown", "shows", "pictured"}


def answer_from_labels(
    question: Question, passages: Sequence[Passage], vectors: Vectors
) -> Reply | None:
    """Where labels show what a question about seeing asks for, else None.

    A citation has an empty quote: nobody says it. A thing fits a label if they share
    their words or mean much the same (cosine of at least 0.6).
    """
    if question.kind == "number" or not _SEEING.search(question.text.lower()):
        return None
    wanted = [t for t in question.asked if t.text.lower() not in _SEEING_WORDS]
    if not wanted:
        return None
    names = sorted({name for passage in passages for name in passage.labels})
    fitting = {name for name in names if _fits(wanted, name, vectors)}
    fitting = fitting or _standing_out(wanted, names, vectors)
    shown = [p for p in passages if fitting & set(p.labels)]
    if not shown:
        return None
    shown.sort(key=lambda p: (p.video_id, p.start_s))
    spans = " and ".join(readable(p.start_s, p.end_s) for p in shown)
    told = list(dict.fromkeys(name for p in shown for name in p.labels if name in fitting))
    reply = Reply(
        answer=f"Seen at {spans}: {', '.join(told)}.",
        grounded=True,
        citations=tuple(cite_scene(p) for p in shown),
    )
    return with_spans(reply)


def _standing_out(wanted: Sequence[Token], names: Sequence[str], vectors: Vectors) -> set[str]:
    """The one label that is nearer to a thing than all others by far, if it is near at all."""
    if len(names) < 2:
        return set()
    thing, *said = vectors.of([" ".join(t.text for t in wanted), *names])
    ranked = sorted(((float(v @ thing), name) for v, name in zip(said, names, strict=True)))
    (second, _), (first, best) = ranked[-2:]
    is_clear = first >= MIN_LIKENESS_ALONE and first - second >= MIN_LEAD
    return {best} if is_clear else set()


def _fits(wanted: Sequence[Token], label: str, vectors: Vectors) -> bool:
    keys = {t.key for t in tokens(label)}
    if all(t.key in keys for t in wanted):
        return True
    a, b = vectors.of([" ".join(t.text for t in wanted), label])
    return float(a @ b) >= MIN_LABEL_LIKENESS
