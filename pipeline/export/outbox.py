"""The folder that exports go to: files appear whole, and nobody else's are replaced.

What was written is noted in ``.scenelake-export.jsonl``: a file is ours as long as its content
is one that is noted for its name.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from scenelake.schemas.errors import SceneLakeError, UsageError

_NOTES = ".scenelake-export.jsonl"
_MAX_NAMED = 3


class Outbox:
    """Writes files into one folder.

    Args:
        folder: made when the first file is written.
        overwrite: files that are there already may be replaced, whoever wrote them.
    """

    def __init__(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        self.folder = Path(folder).absolute()
        self._overwrite = overwrite
        self._written: dict[str, set[str]] = defaultdict(set)
        self._kinds: dict[str, str] = {}
        self._read_notes()

    def check(self, names: Iterable[str]) -> None:
        """Make sure that these may be written.

        Errors:
            UsageError: a folder of that name cannot be, or a file is not ours.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"{self.folder}: a file is there already, expected a folder")
        taken = [name for name in names if not self._is_free(name)]
        if taken:
            some = ", ".join(taken[:_MAX_NAMED]) + ", …" * (len(taken) > _MAX_NAMED)
            raise UsageError(
                f"{self.folder}: not written by an export, or changed since: {some}; "
                "--overwrite replaces them"
            )

    def present(self, pattern: str) -> list[str]:
        """Names of the files there that fit a glob."""
        return sorted(path.name for path in self.folder.glob(pattern))

    @contextmanager
    def writing(self, name: str, *, kind: str) -> Iterator[BinaryIO]:
        """A file that appears when the block ends well, and not at all when it raises.

        Args:
            kind: what the file holds; of one kind :meth:`forget_others` keeps the newest.

        Errors:
            SceneLakeError: the disk does not take it.
        """
        partial = self.folder / f".{name}.{os.getpid()}.partial"
        with self._explained(name):
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                with partial.open("wb") as file:
                    yield file
                self._note(name, kind, _digest(partial))
                partial.replace(self.folder / name)
            finally:
                partial.unlink(missing_ok=True)

    def forget_others(self, *, kind: str, keep: Iterable[str]) -> None:
        """Remove what earlier exports left of a kind under other names."""
        kept = set(keep)
        for name in [n for n, known in self._kinds.items() if known == kind and n not in kept]:
            with self._explained(name):
                if (self.folder / name).is_file() and self._is_ours(name):
                    (self.folder / name).unlink()

    def _is_free(self, name: str) -> bool:
        path = self.folder / name
        if not os.path.lexists(path):
            return True
        return path.is_file() and (self._overwrite or self._is_ours(name))

    def _is_ours(self, name: str) -> bool:
        return name in self._written and _digest(self.folder / name) in self._written[name]

    def _note(self, name: str, kind: str, digest: str) -> None:
        """Before the file is there: a file that nobody noted would be in the way for ever."""
        self._written[name].add(digest)
        self._kinds[name] = kind
        line = json.dumps({"name": name, "kind": kind, "digest": digest})
        with (self.folder / _NOTES).open("a", encoding="utf-8") as notes:
            notes.write(f"{line}\n")

    def _read_notes(self) -> None:
        path = self.folder / _NOTES
        if not path.is_file():
            return
        try:
            for line in path.read_text("utf-8").splitlines():
                note = json.loads(line)
                self._written[note["name"]].add(note["digest"])
                self._kinds[note["name"]] = note["kind"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path}: cannot be read ({error}); remove it") from error

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            raise SceneLakeError(f"{self.folder / name}: cannot be written: {why}") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
