"""What an index on the disk consists of: one small file that is replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from scenelake.pipeline.retrieval.segment import Member

VERSION = 3
"""Raise it with every change to what is indexed, or how: older indexes are then made anew."""
NAME = "catalogue.json"


@dataclass(frozen=True, slots=True)
class Part:
    """A segment: its folder, its films and their models."""

    folder: str
    members: tuple[Member, ...]
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The parts of an index.

    Attributes:
        next_number: for the next film; numbers are never used twice.
        words: the folder of the words.
        files: each file's size and time of change: whatever else changes one is not us.
    """

    next_number: int
    words: str
    parts: tuple[Part, ...]
    files: Mapping[str, tuple[int, int]]

    def write(self, folder: Path) -> None:
        """Put it in place of the last one."""
        partial = folder / f".{NAME}.partial"
        partial.write_text(json.dumps({"version": VERSION, **asdict(self)}), "utf-8")
        partial.replace(folder / NAME)

    @classmethod
    def read(cls, folder: Path) -> Catalogue | None:
        """The present one; None where there is none of this version.

        Errors:
            ValueError, KeyError, TypeError: it is damaged.
        """
        try:
            document = json.loads((folder / NAME).read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        if document.pop("version") != VERSION:
            return None
        parts = tuple(
            Part(part["folder"], tuple(Member(**m) for m in part["members"]), part["models"])
            for part in document.pop("parts")
        )
        files = {name: tuple(facts) for name, facts in document.pop("files").items()}
        return cls(parts=parts, files=files, **document)

    def is_intact(self, folder: Path) -> bool:
        """Whether all files are there as they were written."""
        return all(facts_of(folder / name) == facts for name, facts in self.files.items())


def facts_of(path: Path) -> tuple[int, int] | None:
    """A file's size and time of change in ns; None where there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_size, status.st_mtime_ns
