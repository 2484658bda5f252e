"""Follow-ups about the place of the last answer: what comes next, what came before, which film."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Literal

from scenelake.pipeline.asking.asked import Asked
from scenelake.schemas.rows import FilmSpan
from scenelake.workers.candidates import Candidate, candidates
from scenelake.workers.engines import Passage
from scenelake.workers.film_times import readable

Direction = Literal["next", "before"]

_NEXT = re.compile(
    r"\b(?:what|and)\b.*\b(?:next|afterwards?|after (?:that|this)|then)\W*$"
    r"|^(?:go on|continue)\W*$",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"\bwhat\b.*\b(?:just )?before(?: (?:that|this))?\W*$", re.IGNORECASE)
_WHERE = re.compile(
    r"^(?:and )?(?:in )?(?:which|what) (?:film|video|movie|recording)s?"
    r"(?: (?:is|was) (?:that|this|it)(?: in)?)?\W*$"
    r"|^(?:and )?(?:when|where) (?:in the (?:film|video) )?(?:is|was|does) (?:that|this|it)"
    r"(?: (?:said|happen|shown|in the film))?\W*$"
    r"|^(?:and )?at (?:what|which) (?:time|minute)\W*$",
    re.IGNORECASE,
)


def refers_to_place(line: str) -> bool:
    """Whether a line asks about the place of the last answer."""
    return asks_where(line) or direction(line) is not None


def direction(line: str) -> Direction | None:
    """Whether a line asks for what follows the last answer, or what precedes it."""
    if _NEXT.search(line):
        return "next"
    return "before" if _BEFORE.search(line) else None


def asks_where(line: str) -> bool:
    """Whether it asks in which film, and when in it, the last answer stands."""
    return bool(_WHERE.match(line.strip()))


def beside(last: Asked, film: Sequence[Passage], way: Direction) -> Candidate | None:
    """The sentence after the last citation of an answer, or before its first; None at the end."""
    told = [c for c in candidates(film) if c.citations[0].quote]
    told.sort(key=lambda c: c.citations[0].start_s)
    if way == "next":
        end_s = last.citations[-1].end_s
        return next((c for c in told if c.citations[0].start_s >= end_s - 1e-6), None)
    start_s = last.citations[0].start_s
    return next((c for c in reversed(told) if c.citations[-1].end_s <= start_s + 1e-6), None)


def where_it_stands(last: Asked) -> Asked:
    """The films and times of an answer, as an answer."""
    pairs = zip(last.citations, last.uris, strict=True)
    places = [f"{PurePosixPath(u).name} {readable(c.start_s, c.end_s)}" for c, u in pairs]
    spans = [FilmSpan(c.video_id, c.start_s, c.end_s) for c in last.citations]
    answer = f"{'; '.join(dict.fromkeys(places))}."
    return replace(last, answer=answer, choice=None, spans=tuple(dict.fromkeys(spans)))


def said_there(found: Candidate, last: Asked, uris: Mapping[str, str]) -> Asked:
    """A sentence beside the last answer, as an answer."""
    return replace(
        last,
        answer=found.text,
        grounded=True,
        citations=found.citations,
        uris=tuple(uris[c.video_id] for c in found.citations),
        choice=None,
        spans=(),
        frames_s=(),
    )
