"""Answers to "when does she speak of the bridge?": spans of the film, not dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scenelake.schemas.rows import Citation, FilmSpan
from scenelake.workers.engines import Reply
from scenelake.workers.questions import Question
from scenelake.workers.ranking import Ranked

MIN_COVERAGE = 0.75
MIN_SIMILARITY = 0.2
MAX_SPANS = 5
NEARLY_BEST = 0.85


def answer_with_times(asked: Question, ranked: Sequence[Ranked]) -> Reply | None:
    """Where sentences speak of what is asked for; None if the question asks for no time here."""
    if not asked.is_of_film_time:
        return None
    fitting = [r for r in ranked if _speaks_of_it(r)]
    best = max((r.score for r in fitting), default=0.0)
    near = [r for r in fitting if r.score >= NEARLY_BEST * best]
    told = near[:MAX_SPANS]
    if not told:
        return None
    citations = tuple(sorted((c for r in told for c in r.candidate.citations), key=_place))
    listed = "; ".join(f'{readable(c.start_s, c.end_s)}: "{c.quote}"' for c in citations)
    return with_spans(Reply(answer=f"At {listed}", grounded=True, citations=citations))


def with_spans(reply: Reply) -> Reply:
    """The reply with the spans of its citations as data."""
    spans = (FilmSpan(c.video_id, c.start_s, c.end_s) for c in reply.citations)
    return replace(reply, spans=tuple(dict.fromkeys(spans)))


def readable(start_s: float, end_s: float) -> str:
    """A span as "0:12\u20130:15"."""
    return f"{_clock(start_s)}\u2013{_clock(end_s)}"


def _speaks_of_it(found: Ranked) -> bool:
    enough = found.coverage >= MIN_COVERAGE and found.similarity >= MIN_SIMILARITY
    return enough and found.names_known and found.own > 0


def _place(citation: Citation) -> tuple[str, float]:
    return citation.video_id, citation.start_s


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(int(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
