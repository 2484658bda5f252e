"""Answers of a batch on their way to one table: each in a part as soon as it is there.

PLACE/name.parquet           the table, written last: every question once, in the order given
PLACE/name.parts/*.parquet   answers so far; gone when the table is written

A part is written beside its place and renamed, as all of a lake's files are: a batch that is
killed has lost what it was answering, and nothing else. Two that run at once write the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from scenelake.pipeline.asking.questions import Item
from scenelake.pipeline.storing.folder import Folder, folder_at
from scenelake.pipeline.storing.store import packed
from scenelake.schemas.errors import LakeError, UsageError
from scenelake.schemas.rows import Answer
from scenelake.schemas.tables import ANSWERS, answers_table

Key = tuple[str, str]
"""Question, and the hash of what was asked and of all that shapes its answer."""
Row = dict[str, Any]

FINGERPRINT = "question"
"""The key of `provenance.configs` that holds the second part of a `Key`."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """One table of answers in a folder, and its parts.

    Attributes:
        name: of the table's file in the folder: "answers/q.parquet".
    """

    folder: Folder
    name: str

    @classmethod
    def at(cls, path: str) -> Ledger:
        """A table at a path or address of its own.

        Errors:
            UsageError: its name does not end in .parquet.
        """
        parent, _, name = path.rpartition("/")
        if PurePosixPath(name).suffix != ".parquet":
            raise UsageError(f"--out {path}: expected a name that ends in .parquet")
        root = parent or ("/" if path.startswith("/") else ".")
        return cls(folder_at(root), name)

    @property
    def uri(self) -> str:
        return f"{self.folder.uri}/{self.name}"

    @property
    def _parts(self) -> str:
        return f"{self.name.removesuffix('.parquet')}.parts"

    def check(self, items: Sequence[Item]) -> None:
        """See that the table may be written.

        Errors:
            UsageError: a file of another kind has its name, or answers to other questions.
        """
        if not self.folder.exists(self.name):
            return
        ours = {item.question_id for item in items}
        theirs = {row["question_id"] for row in self._rows(self.name)}
        if theirs and not theirs & ours:
            raise UsageError(
                f"{self.uri}: holds answers to other questions; "
                "give another name with --out, or remove it"
            )

    def kept(self) -> dict[Key, Row]:
        """Answers that are there, in the table or in parts; failures are tried again."""
        names = [self.name] if self.folder.exists(self.name) else []
        names += [f"{self._parts}/{name}" for name in self.folder.names(self._parts)]
        rows = (row for name in names for row in self._rows(name))
        return {key_of(row): row for row in rows if row["failure"] is None}

    def add(self, answers: Sequence[Answer]) -> None:
        """Write a part."""
        self.folder.make()
        name = f"{self._parts}/{secrets.token_hex(8)}.parquet"
        self.folder.write(name, packed(answers_table(answers)))

    def finish(self, rows: Iterable[Row]) -> None:
        """Write the table, and remove the parts."""
        self.folder.make()
        table = pa.Table.from_pylist(list(rows), schema=ANSWERS)
        self.folder.write(self.name, packed(table))
        self.folder.remove_tree(self._parts)

    def _rows(self, name: str) -> Iterator[Row]:
        try:
            with self.folder.parquet(name) as file:
                table = file.read()
        except (pa.ArrowInvalid, FileNotFoundError) as error:
            raise _unreadable(f"{self.folder.uri}/{name}", error) from None
        if not {"question_id", "answer", "provenance"} <= set(table.column_names):
            raise UsageError(
                f"{self.folder.uri}/{name}: is no table of answers; give another --out"
            )
        for row in table.to_pylist():
            yield {field: row.get(field) for field in ANSWERS.names}


def key_of(row: Row) -> Key:
    configs = dict(row["provenance"]["configs"] or ())
    return row["question_id"], configs.get(FINGERPRINT, "")


def _unreadable(what: str, error: Exception) -> LakeError:
    return LakeError(f"{what}: cannot be read ({' '.join(str(error).split())}); remove it")
