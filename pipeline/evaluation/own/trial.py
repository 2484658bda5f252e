"""One configuration tried on the films: what it hears, cuts, finds and answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from scenelake.pipeline.asking.asked import Asked as Answered
from scenelake.pipeline.evaluation import from_lake
from scenelake.pipeline.evaluation.own.judging import Cited, Given
from scenelake.pipeline.evaluation.own.queries import Query, Target
from scenelake.pipeline.evaluation.own.questions import Asked
from scenelake.pipeline.evaluation.own.truth import FilmTruth
from scenelake.pipeline.lake import Lake
from scenelake.pipeline.retrieval.hits import Hit
from scenelake.schemas.config import Config

DEPTH = 10
"""Scenes that are looked at for each query."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it, each in the order of what was asked; `found` are scenes, best first."""

    heard: tuple[str, ...]
    cuts_s: tuple[tuple[float, ...], ...]
    found: tuple[tuple[Target, ...], ...]
    given: tuple[Given, ...]


def attempt(
    lake: Lake,
    *,
    films: Sequence[FilmTruth],
    queries: Sequence[Query],
    questions: Sequence[Asked],
    config: Config,
    report: Callable[[str], None],
) -> Trial:
    """Search and ask all that there is.

    Errors:
        UsageError: the lake holds no film, or those of another configuration.
    """
    names = [film.file for film in films]
    heard, cuts = from_lake.texts(lake, names), from_lake.cuts(lake, names)
    found = tuple(_search(lake, query, config) for query in _told(queries, "searching", report))
    given = tuple(_ask(lake, one, config) for one in _told(questions, "asking", report))
    return Trial(
        heard=tuple(heard.get(name, "") for name in names),
        cuts_s=tuple(cuts.get(name, ()) for name in names),
        found=found,
        given=given,
    )


def _search(lake: Lake, query: Query, config: Config) -> tuple[Target, ...]:
    return tuple(map(_target, lake.search(query.query, k=DEPTH, config=config)))


def _target(hit: Hit) -> Target:
    return Target(_name(hit.uri), hit.start_s, hit.end_s)


def _ask(lake: Lake, question: Asked, config: Config) -> Given:
    answered = lake.ask(
        question.question, video=question.video, options=question.options, config=config
    )
    cited = tuple(_cited(lake, answered))
    names = {
        c.video_id: _name(uri) for c, uri in zip(answered.citations, answered.uris, strict=True)
    }
    spans = [(names.get(s.video_id, ""), (s.start_s, s.end_s)) for s in answered.spans]
    return Given(
        answer=answered.answer,
        is_told=answered.is_told,
        cited=cited,
        choice=answered.choice,
        spans=tuple(spans or [(one.video, one.span) for one in cited]),
    )


def _cited(lake: Lake, answered: Answered) -> Iterator[Cited]:
    """Each citation with what the lake itself has of its scene."""
    for citation, uri in zip(answered.citations, answered.uris, strict=True):
        evidence = _evidence(lake, citation.video_id, citation.scene_id)
        yield Cited(_name(uri), (citation.start_s, citation.end_s), citation.quote, evidence)


def _evidence(lake: Lake, video_id: str, scene_id: str) -> tuple[str, ...]:
    """A scene's words and lines on the screen; nothing for a scene that is not there."""
    columns = ("scene_id", "words", "ocr")
    rows = lake.scenes(columns=columns, video_id=video_id).to_pylist()
    return tuple(text for row in rows if row["scene_id"] == scene_id for text in _texts(row))


def _texts(row: dict[str, Any]) -> Iterator[str]:
    yield " ".join(word["text"] for word in row["words"])
    yield from (line["text"] for line in row["ocr"])


def _name(uri: str) -> str:
    return PurePosixPath(uri).name


def _told(items: Sequence[Any], what: str, report: Callable[[str], None]) -> Iterator[Any]:
    """Each item, with a word now and then of how far it is."""
    every = max(1, len(items) // 4)
    for number, item in enumerate(items, start=1):
        if number == 1 or number % every == 0:
            report(f"{what} {number}/{len(items)}")
        yield item
