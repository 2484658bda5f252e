"""Keeps an index in a folder and brings it up to date with its lake.

INDEX/catalogue.json      what counts; replaced last, so that a writer may die at any moment
INDEX/segment-<token>/    rows and vectors, never changed
INDEX/words-<token>/      tantivy's files; the next version begins as links to them
INDEX/lock                held by the one who writes

Readers take no lock: what they have opened stays theirs, even when a writer removes it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scenelake.pipeline.retrieval import films
from scenelake.pipeline.retrieval.catalogue import NAME, Catalogue, Part, facts_of
from scenelake.pipeline.retrieval.films import Film
from scenelake.pipeline.retrieval.index import Index, segments_of, tidied, without
from scenelake.pipeline.retrieval.segment import FULL_ROWS, Segment
from scenelake.pipeline.retrieval.words import Words
from scenelake.pipeline.storing.folder import Folder
from scenelake.schemas.errors import LakeError

logger = logging.getLogger(__name__)

Note = Callable[[str], None]
"""Takes a sentence for whoever waits for a search."""

_TELL_FILMS = 20
"""Films to index from which on it takes long enough to be told."""
_DAMAGE = (OSError, ValueError, KeyError, TypeError, RuntimeError, pa.ArrowException)
_N_ATTEMPTS = 3
"""Between reading a catalogue and opening its files somebody may replace both."""
_EMPTY = Catalogue(next_number=1, words="", parts=(), files={})


@dataclass(frozen=True, eq=False)
class Keeper:
    """An index's folder, and the lake it is of."""

    path: Path
    lake: Folder
    note: Note

    def current(self) -> Index:
        """The index of all films that are whole in the lake now, made or amended if need be.

        Errors:
            OSError: the folder cannot be written.
            LakeError: the lake cannot be read.
        """
        wanted = films.marks(self.lake)
        opened = self._opened()
        if opened is not None and opened[1].marks == wanted:
            return opened[1]
        with self._alone():
            self._sweep()
            catalogue, index = self._opened() or self._begun()
            if not catalogue.words and (self.path / NAME).exists():
                self.note("the search index is damaged or of another version: it is made anew")
            for batch, gone in self._changes(index, wanted):
                catalogue, index = self._amended(catalogue, index, batch, gone=gone)
            return index

    def _opened(self) -> tuple[Catalogue, Index] | None:
        """What is there, None where it is nothing or not what was written."""
        for _ in range(_N_ATTEMPTS):
            try:
                catalogue = Catalogue.read(self.path)
                if catalogue is None:
                    return None
                if catalogue.is_intact(self.path):
                    return catalogue, self._index(catalogue)
            except _DAMAGE as error:
                logger.info("%s: %s", self.path, error)
        return None

    def _index(self, catalogue: Catalogue) -> Index:
        segments = tuple(
            Segment.open(self.path / part.folder, members=part.members, models=part.models)
            for part in catalogue.parts
        )
        return Index(segments, Words(self.path / catalogue.words))

    def _begun(self) -> tuple[Catalogue, Index]:
        return _EMPTY, Index((), Words())

    def _changes(
        self, index: Index, wanted: dict[str, str]
    ) -> Iterator[tuple[list[Film], frozenset[int]]]:
        """Films to take in, as many at a time as memory bears, and numbers to forget."""
        gone = [n for v, n in index.numbers.items() if v not in wanted]
        new = [v for v, mark in wanted.items() if index.marks.get(v) != mark]
        if len(new) >= _TELL_FILMS:
            self.note(f"indexing {len(new)} films for search; what is done is kept")
        for batch in _batches(self._read(new)):
            replaced = [index.numbers[f.video_id] for f in batch if f.video_id in index.numbers]
            yield batch, frozenset([*gone, *replaced])
            gone = []
        if gone:
            yield [], frozenset(gone)

    def _read(self, video_ids: Iterable[str]) -> Iterator[Film]:
        for video_id in video_ids:
            try:
                film = films.read(self.lake, video_id)
            except LakeError as error:
                self.note(f"left out of the search: {error}")
                continue
            if film is not None:
                yield film

    def _amended(
        self, catalogue: Catalogue, index: Index, batch: Sequence[Film], *, gone: frozenset[int]
    ) -> tuple[Catalogue, Index]:
        """The next version, in force when this returns."""
        new = segments_of(batch, first_number=catalogue.next_number)
        kept = [without(segment, gone) for segment in index.segments]
        with _as_os_error():
            parts = self._saved(tidied([*kept, *new]), catalogue, index)
            words = self._words_after(catalogue, batch, gone=gone)
        files = self._files([*(part.folder for part in parts), words])
        amended = Catalogue(catalogue.next_number + len(batch), words, parts, files)
        amended.write(self.path)
        self._sweep()
        return amended, self._index(amended)

    def _saved(
        self, segments: Iterable[Segment], catalogue: Catalogue, index: Index
    ) -> tuple[Part, ...]:
        """Segments as parts; those that lie on the disk are not written again."""
        there = {
            id(segment.rows): part.folder
            for segment, part in zip(index.segments, catalogue.parts, strict=True)
        }
        parts = []
        for segment in segments:
            folder = there.get(id(segment.rows))
            if folder is None:
                folder = f"segment-{secrets.token_hex(6)}"
                segment.save(self.path / folder)
            parts.append(Part(folder, segment.members, segment.models))
        return tuple(parts)

    def _words_after(
        self, catalogue: Catalogue, batch: Sequence[Film], *, gone: frozenset[int]
    ) -> str:
        name = f"words-{secrets.token_hex(6)}"
        (self.path / name).mkdir()
        if catalogue.words:
            _link_all(self.path / catalogue.words, self.path / name)
        new = enumerate(batch, catalogue.next_number)
        Words(self.path / name).change(gone=gone, new=new)
        return name

    def _files(self, folders: Iterable[str]) -> dict[str, tuple[int, int]]:
        files = (p for folder in folders for p in (self.path / folder).iterdir())
        facts = {str(p.relative_to(self.path)): facts_of(p) for p in files if not _is_lock(p)}
        return {name: told for name, told in facts.items() if told is not None}

    def _sweep(self) -> None:
        """Remove what no catalogue names: older versions, and what a dead writer left."""
        try:
            catalogue = Catalogue.read(self.path)
        except _DAMAGE:
            catalogue = None
        named = {part.folder for part in catalogue.parts} | {catalogue.words} if catalogue else ()
        for entry in self.path.iterdir():
            if entry.name.startswith(("segment-", "words-")) and entry.name not in named:
                shutil.rmtree(entry, ignore_errors=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While nobody else writes; the lock of a writer that dies is gone with it."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.note("another search is indexing this lake; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


@contextmanager
def _as_os_error() -> Iterator[None]:
    """What Arrow, faiss and tantivy make of a disk that takes no more, as what it is."""
    try:
        yield
    except (ValueError, RuntimeError, pa.ArrowException) as error:
        raise OSError(" ".join(str(error).split())) from error


def index_in_memory(lake: Folder) -> Index:
    """An index that is not kept, for where nothing can be written."""
    read = [films.read(lake, video_id) for video_id in films.marks(lake)]
    there = [film for film in read if film is not None]
    words = Words()
    words.change(gone=(), new=enumerate(there, 1))
    return Index(tuple(segments_of(there, first_number=1)), words)


def _batches(read: Iterable[Film]) -> Iterator[list[Film]]:
    batch: list[Film] = []
    for film in read:
        batch.append(film)
        if sum(len(f.rows) for f in batch) >= FULL_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _link_all(old: Path, new: Path) -> None:
    """The same files in another folder: tantivy replaces its files and never changes one."""
    for file in old.iterdir():
        if _is_lock(file):
            continue
        with suppress(FileExistsError):
            try:
                os.link(file, new / file.name)
            except OSError:
                shutil.copy2(file, new / file.name)


def _is_lock(file: Path) -> bool:
    return file.name.endswith(".lock")
