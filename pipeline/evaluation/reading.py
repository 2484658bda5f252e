"""Rows of annotation files: JSON, JSON lines, CSV or Parquet, each with the place it is from.

Whatever is wrong with a file is one line that names the file, the place in it and the field.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from scenelake.pipeline.evaluation.records import Span
from scenelake.schemas.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """Named values, and where they stand: "val.csv, line 3"."""

    where: str
    values: Mapping[str, Any]

    def __contains__(self, field: str) -> bool:
        return self.values.get(field) is not None

    def has(self, *fields: str) -> bool:
        return all(field in self for field in fields)

    def wrong(self, field: str, what: str) -> UsageError:
        return UsageError(f"{self.where}: {field}: {what}")

    def text(self, field: str) -> str:
        """A text or a whole number, as text; it may be empty."""
        value = self.value(field)
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise self.wrong(field, f"{value!r} is no text")
        return str(value).strip()

    def integer(self, field: str) -> int:
        try:
            return int(self.text(field))
        except ValueError:
            raise self.wrong(field, f"{self.value(field)!r} is no whole number") from None

    def seconds(self, field: str) -> float:
        return self._number(field, self.value(field))

    def texts(self, field: str) -> tuple[str, ...]:
        found = self._list(field)
        if not all(isinstance(item, str) for item in found):
            raise self.wrong(field, f"{found!r} is no list of texts")
        return tuple(item.strip() for item in found)

    def numbers(self, field: str) -> tuple[float, ...]:
        return tuple(self._number(field, item) for item in self._list(field))

    def spans(self, field: str) -> tuple[Span, ...]:
        """Pairs of seconds; what stands behind a pair (a score) is left out."""
        return tuple(self._pair(field, item) for item in self._list(field))

    def value(self, field: str) -> Any:
        if field not in self:
            there = ", ".join(list(self.values)[:8]) or "nothing"
            raise self.wrong(field, f"missing (there is {there})")
        return self.values[field]

    def build(self, make: Callable[[], T]) -> T:
        """A record of this row; what the record itself refuses is said with the place."""
        try:
            return make()
        except ValueError as error:
            raise UsageError(f"{self.where}: {error}") from None

    def _list(self, field: str) -> list[Any]:
        value = self.value(field)
        if isinstance(value, str):  # of a CSV
            value = _parsed(value)
        if not isinstance(value, list):
            raise self.wrong(field, f"{self.value(field)!r} is no list")
        return value

    def _pair(self, field: str, item: Any) -> Span:
        if isinstance(item, dict):
            item = [item.get("start_s"), item.get("end_s")]
        if not isinstance(item, list) or len(item) < 2:
            raise self.wrong(field, f"{item!r} is no span of seconds")
        return self._number(field, item[0]), self._number(field, item[1])

    def _number(self, field: str, value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise self.wrong(field, f"{value!r} is no number")
        return number


def rows(path: Path) -> Iterator[Row]:
    """A file's rows in order; of a JSON object, one for each entry that is an object.

    Errors:
        UsageError: no such file, or not of the kind that its name says.
    """
    readers = {".jsonl": _lines, ".csv": _csv, ".parquet": _parquet}
    reader = readers.get(path.suffix.lower(), _entries)
    try:
        yield from reader(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None


def document(path: Path) -> Any:
    """A whole JSON file.

    Errors:
        UsageError: it is none.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise UsageError(f"{path.name}, line {error.lineno}: not JSON: {error.msg}") from None


def entry(path: Path, index: int | str, values: Any, *, of: str = "entry") -> Row:
    """One entry of a JSON file as a row; entries in a list are counted from 1."""
    where = f"{path.name}, {of} {index + 1 if isinstance(index, int) else index}"
    if not isinstance(values, dict):
        raise UsageError(f"{where}: {values!r} is no object")
    return Row(where, values)


def _entries(path: Path) -> Iterator[Row]:
    found = document(path)
    if isinstance(found, list):
        yield from (entry(path, i, values) for i, values in enumerate(found))
    elif isinstance(found, dict):
        for name, value in found.items():
            values = value if isinstance(value, dict) else {"answer": value}
            yield entry(path, name, {"id": name, **values})
    else:
        raise UsageError(f"{path.name}: neither a list nor an object")


def _lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                values = _parsed(line)
                if not isinstance(values, dict):
                    raise UsageError(f"{path.name}, line {number}: not a JSON object")
                yield Row(f"{path.name}, line {number}", values)


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for values in reader:
            there = {name: value for name, value in values.items() if value not in (None, "")}
            yield Row(f"{path.name}, line {reader.line_num}", there)


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        found = pq.read_table(path).to_pylist()
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path.name}: {' '.join(str(error).split())}") from None
    yield from (Row(f"{path.name}, row {i + 1}", values) for i, values in enumerate(found))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None
