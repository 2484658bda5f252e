"""Predictions from a file: rows of JSON, JSON lines, CSV or Parquet, each with an id.

The id's field is the truth's own (`question_id`, `qid`, `q_uid`, `video_id`, ...) or `id`; a
JSON object may also map ids to answers. A lake's own answers file reads as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from scenelake.pipeline.evaluation.answers import Reply
from scenelake.pipeline.evaluation.reading import Row, rows
from scenelake.pipeline.evaluation.records import Span
from scenelake.schemas.errors import UsageError

T = TypeVar("T")

Telling = tuple[Span | None, str]
"""What is told of a span of a film, or of all of it."""

_IDS = "question_id query_id caption_id q_uid qid uid video_id vid id".split()
_FILM_IDS = "video_id vid video_name id".split()
_TEXTS = "text description caption sentence transcript answer".split()
_ANSWERS = "answer prediction pred".split()


def texts(path: Path) -> dict[str, str]:
    """What is said in each film.

    Errors (of all functions here):
        UsageError: no such file, or something wrong in it; one line with file, place, field.
    """
    return _by_id(path, lambda row: row.text(_field(row, _TEXTS)), ids=_FILM_IDS)


def cuts(path: Path) -> dict[str, tuple[float, ...]]:
    """When each film cuts (`cuts_s`)."""
    return _by_id(path, lambda row: row.numbers("cuts_s"), ids=_FILM_IDS)


def tellings(path: Path) -> dict[str, list[Telling]]:
    """Descriptions of each film, with their `start_s` and `end_s` where they are of a span."""
    told: dict[str, list[Telling]] = {}
    for row in rows(path):
        has_span = row.has("start_s", "end_s")
        span = (row.seconds("start_s"), row.seconds("end_s")) if has_span else None
        film = row.text(_field(row, _FILM_IDS))
        told.setdefault(film, []).append((span, row.text(_field(row, _TEXTS))))
    return told


def replies(path: Path) -> dict[str, Reply]:
    """Answers to questions: `answer`, `choice` or both."""
    return _by_id(path, _reply, ids=_IDS)


def rankings(path: Path) -> dict[str, tuple[str, ...]]:
    """Ids found for each query, best first (`results`)."""
    return _by_id(path, lambda row: row.texts("results"), ids=_IDS)


def spans(path: Path) -> dict[str, list[Span]]:
    """Spans found for each query: `pred_relevant_windows` (QVHighlights) or `spans`.

    Best first: by the score behind each, where there is one.
    """
    return _by_id(path, _ranked_spans, ids=_IDS)


def _by_id(path: Path, read: Callable[[Row], T], *, ids: Sequence[str]) -> dict[str, T]:
    found: dict[str, T] = {}
    for row in rows(path):
        field = _field(row, ids)
        name = row.text(field)
        if name in found:
            raise row.wrong(field, f"{name} is there twice")
        found[name] = read(row)
    return found


def _field(row: Row, fields: Sequence[str]) -> str:
    """The first of some fields that a row has."""
    there = [field for field in fields if field in row]
    if not there:
        raise UsageError(f"{row.where}: none of the fields {', '.join(fields)}")
    return there[0]


def _reply(row: Row) -> Reply:
    choice = row.text("choice") if "choice" in row else None
    if choice is not None and not any(field in row for field in _ANSWERS):
        return Reply(choice=choice)
    field = _field(row, _ANSWERS)
    if choice is None and isinstance(row.value(field), int):
        return Reply(choice=row.text(field))
    return Reply(answer=row.text(field), choice=choice)


def _ranked_spans(row: Row) -> list[Span]:
    field = _field(row, ("pred_relevant_windows", "spans"))
    found = row.spans(field)
    scores = [_score(item) for item in row.value(field)]
    ranked = sorted(zip(scores, found, strict=True), key=lambda pair: -pair[0])
    return [span for _, span in ranked]


def _score(item: object) -> float:
    has_score = isinstance(item, list) and len(item) > 2 and isinstance(item[2], int | float)
    return float(item[2]) if has_score and isinstance(item, list) else 0.0
