"""Truth from a file of any known format, as the records that a task wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from scenelake.pipeline.evaluation.caption_formats import CAPTION_READERS, MOMENT_READERS
from scenelake.pipeline.evaluation.formats import format_of
from scenelake.pipeline.evaluation.question_formats import READERS
from scenelake.pipeline.evaluation.reading import Row, rows
from scenelake.pipeline.evaluation.records import (
    Caption,
    Cuts,
    Moment,
    Question,
    Search,
    Transcript,
)
from scenelake.schemas.errors import UsageError

T = TypeVar("T")


def questions(path: Path) -> list[Question]:
    """Questions with their answers.

    Errors (of all functions here):
        UsageError: no such file, not what is wanted, or something wrong in it; one line that
            names the file, the place and the field.
    """
    return _read(path, READERS, wanted="questions", name=lambda q: q.question_id)


def captions(path: Path) -> list[Caption]:
    """Sentences about films or spans of them."""
    return _read(path, CAPTION_READERS, wanted="captions", name=lambda c: c.caption_id)


def moments(path: Path) -> list[Moment]:
    """Sentences with the spans that they are about; of questions, those that have spans."""
    name = format_of(path)
    if name in CAPTION_READERS:
        found = [
            Moment(c.caption_id, c.text, c.video_id, (c.span,)) for c in captions(path) if c.span
        ]
    elif name in READERS:
        found = [
            Moment(q.question_id, q.question, q.video_id, q.spans)
            for q in questions(path)
            if q.video_id and q.spans
        ]
    else:
        found = _read(path, MOMENT_READERS, wanted="moments", name=lambda m: m.query_id)
    if not found:
        raise UsageError(f"{path.name}: nothing in it has a span")
    return found


def searches(path: Path) -> list[Search]:
    """Texts to search for: captions, moments and questions, or rows with `relevant`."""
    name = format_of(path)
    if name in CAPTION_READERS:
        return [_search(c.caption_id, c.text, c.video_id, c.span) for c in captions(path)]
    if name in READERS:
        asked = [q for q in questions(path) if q.video_id]
        return [_search(q.question_id, q.question, q.video_id or "", *q.spans) for q in asked]
    if name == "scenelake queries" and "relevant" in next(rows(path)):
        return _unique(path, map(_own_search, rows(path)), name=lambda s: s.query_id)
    return [_search(m.query_id, m.query, m.video_id, *m.spans) for m in moments(path)]


def transcripts(path: Path, *, language: str) -> list[Transcript]:
    """Rows with `video_id`, `text` and, where it differs from `language`, a `language`."""
    _expect(path, "scenelake captions", wanted="transcripts (video_id, text)")
    found = (
        Transcript(
            row.text("video_id"),
            row.text("text"),
            row.text("language") if "language" in row else language,
        )
        for row in rows(path)
    )
    return _unique(path, found, name=lambda t: t.video_id)


def cuts(path: Path) -> list[Cuts]:
    """Rows with `video_id` and `cuts_s`."""
    _expect(path, "scenelake cuts", wanted="cuts (video_id, cuts_s)")
    found = (Cuts(row.text("video_id"), row.numbers("cuts_s")) for row in rows(path))
    return _unique(path, found, name=lambda c: c.video_id)


def _read(
    path: Path,
    readers: Mapping[str, Callable[[Path], Iterator[T]]],
    *,
    wanted: str,
    name: Callable[[T], str],
) -> list[T]:
    _expect(path, *readers, wanted=wanted)
    return _unique(path, readers[format_of(path)](path), name=name)


def _expect(path: Path, *formats: str, wanted: str) -> None:
    found = format_of(path)
    if found not in formats:
        raise UsageError(f"{path.name}: this is {found}, which holds no {wanted}")


def _unique(path: Path, found: Iterable[T], *, name: Callable[[T], str]) -> list[T]:
    """All records, each under a name of its own."""
    records: dict[str, T] = {}
    for record in found:
        if name(record) in records:
            raise UsageError(f"{path.name}: {name(record)} is there twice")
        records[name(record)] = record
    if not records:
        raise UsageError(f"{path.name}: holds nothing to compare with")
    return list(records.values())


def _own_search(row: Row) -> Search:
    spans = row.spans("spans") if "spans" in row else ()
    relevant = frozenset(row.texts("relevant"))
    return row.build(lambda: Search(row.text("query_id"), row.text("query"), relevant, spans))


def _search(query_id: str, query: str, video_id: str, *spans: tuple[float, float] | None) -> Search:
    known = tuple(span for span in spans if span is not None)
    return Search(query_id, query, frozenset({video_id}), known)
