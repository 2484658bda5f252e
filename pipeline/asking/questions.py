"""Questions of a batch from JSON lines, CSV or Parquet: read whole and checked before any is asked.

A row has `question`; and may have `question_id`, `video` (id, name or address of a film; empty:
the whole lake; "*": each film by itself) and `options`, a list or an object of letters.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from scenelake.pipeline.asking.one import Question
from scenelake.pipeline.evaluation.reading import Row, rows
from scenelake.schemas.errors import UsageError

EACH_FILM = "*"
_KINDS = (".jsonl", ".csv", ".parquet")
_QUESTIONS = ("question", "text")
_IDS = ("question_id", "id")
_FILMS = ("video", "video_id")


@dataclass(frozen=True, slots=True)
class Item:
    """A question of a batch, about one film or the whole lake.

    Attributes:
        content: hash of all that is asked.
    """

    question_id: str
    question: Question
    content: str


def read_questions(path: Path, *, films: Mapping[str, str]) -> list[Item]:
    """A file's questions in order, those for each film once for each.

    Args:
        films: id -> address of the lake's films.

    Errors:
        UsageError: naming the file, the line, what is wrong and what is expected.
    """
    if path.suffix.lower() not in _KINDS:
        raise UsageError(f"{path}: expected questions as {', '.join(_KINDS)}")
    index = _Films(films)
    found: dict[str, Item] = {}
    for row in _rows(path):
        for item in _items(row, index):
            if item.question_id in found:
                raise UsageError(
                    f"{row.where}: question_id {item.question_id} is there twice; "
                    "give each question its own, or leave the column out"
                )
            found[item.question_id] = item
    if not found:
        raise UsageError(f"{path}: holds no question")
    return list(found.values())


def _rows(path: Path) -> Iterator[Row]:
    if path.suffix.lower() != ".jsonl":
        yield from rows(path)
        return
    try:
        yield from rows(path)
    except UsageError as error:
        if "not a JSON object" not in str(error):
            raise
        example = json.dumps({"question": "Who is the captain?", "video": "film.mp4"})
        raise UsageError(f"{error}; a line looks like {example}") from None


def _items(row: Row, index: _Films) -> Iterator[Item]:
    text, options = _text(row), _options(row)
    film = _given(row, _FILMS)
    own_id = _given(row, _IDS)
    if film != EACH_FILM:
        video_id = index.id_of(film, row) if film else None
        yield _item(row, own_id, Question(text, video_id, options))
        return
    for video_id in index.ids:
        question = Question(text, video_id, options)
        yield _item(row, f"{own_id or _hash(text, options)}@{video_id}", question)


def _item(row: Row, own_id: str, question: Question) -> Item:
    content = _hash(question.text, question.video_id, question.options)
    return Item(own_id or content, question, content)


def _text(row: Row) -> str:
    if not any(field in row for field in _QUESTIONS):
        there = ", ".join(list(row.values)[:8]) or "nothing"
        raise UsageError(f"{row.where}: expected a field `question` (there is {there})")
    text = _given(row, _QUESTIONS)
    if not text:
        raise UsageError(f"{row.where}: the question is empty; write one, or remove the line")
    return text


def _given(row: Row, fields: Sequence[str]) -> str:
    """The first of some fields that a row has, as text; "" where it has none."""
    field = next((f for f in fields if f in row), None)
    return row.text(field) if field is not None else ""


def _options(row: Row) -> tuple[str, ...]:
    """A list of texts, or an object of letters and texts in the letters' order."""
    if "options" not in row:
        return ()
    value = row.value("options")
    value = _parsed(value) if isinstance(value, str) else value
    if isinstance(value, dict):
        value = [text for _, text in sorted(value.items()) if text is not None]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise row.wrong("options", f'{value!r} is no list of texts, such as ["red", "blue"]')
    if not value:
        return ()
    if len(value) == 1 or len(value) > 26:
        raise row.wrong("options", f"{len(value)} given, expected 2 to 26")
    return tuple(text.strip() for text in value)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _hash(*what: object) -> str:
    text = json.dumps(what, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


class _Films:
    """The films of a lake by id, address and file name, with and without its ending."""

    def __init__(self, uris: Mapping[str, str]) -> None:
        self.ids = tuple(uris)
        self._owners: dict[str, set[str]] = {}
        for video_id, uri in uris.items():
            file = PurePosixPath(uri)
            for name in {video_id, uri, file.name, file.stem}:
                self._owners.setdefault(name, set()).add(video_id)

    def id_of(self, name: str, row: Row) -> str:
        owners = self._owners.get(name, set())
        if len(owners) != 1:
            count = "no film" if not owners else f"{len(owners)} films"
            raise row.wrong(
                "video",
                f"{count} of the lake named {name!r}; `scenelake show LAKE` lists them, "
                f'empty asks the whole lake, "{EACH_FILM}" each film',
            )
        return next(iter(owners))
