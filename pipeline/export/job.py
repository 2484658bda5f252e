"""Exports a lake's films in one of the formats; one film's trouble is not the others'."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from scenelake.pipeline.export.dataset import pattern, write_shards
from scenelake.pipeline.export.filenames import names
from scenelake.pipeline.export.film import Film
from scenelake.pipeline.export.index_page import Entry, index_page
from scenelake.pipeline.export.kinds import ENGLISH, KINDS, TRANSLATED, Kind, NothingToSayError
from scenelake.pipeline.export.outbox import Outbox
from scenelake.pipeline.export.page import write_page
from scenelake.pipeline.lake import Lake
from scenelake.schemas.errors import LakeError, UsageError
from scenelake.schemas.tables import VIDEOS

FORMATS = (*KINDS, "html", "webdataset")
_NO_PICTURES = "has no pictures: no samples"
_INDEX = "index.html"


@dataclass(frozen=True, slots=True)
class Note:
    """What is to be said of a film."""

    video_id: str
    uri: str
    message: str


@dataclass(slots=True)
class Exported:
    """What an export did.

    Attributes:
        files: paths of what was written.
        notes: films of which nothing could be written in this format, and why; and other
            things to know.
        failures: films that could not be read.
    """

    format: str
    files: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    failures: list[Note] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def export(
    lake: Lake,
    format: str,
    out: str | os.PathLike[str],
    *,
    video: str | None = None,
    vectors: bool = False,
    translated: bool = False,
    overwrite: bool = False,
) -> Exported:
    """Write a lake's films into a folder.

    Args:
        format: one of `FORMATS`.
        video: only this film (its id or file name).
        vectors: embeddings too, in JSONL and WebDataset.
        translated: subtitles in English, of films that `run` has translated.
        overwrite: replace files there that no export wrote.

    Errors:
        UsageError: no lake, no such format or film, or other files are in the way; nothing
            is written.
        SceneLakeError: the folder cannot be written.
    """
    if format not in FORMATS:
        raise UsageError(f"no format {format!r}; known: {', '.join(FORMATS)}")
    if translated and format not in TRANSLATED:
        raise UsageError(f"--translated is for {' and '.join(TRANSLATED)}, not for {format}")
    films = _films(lake.check(), video, suffix=ENGLISH if translated else "")
    outbox = Outbox(out, overwrite=overwrite)
    run = _Run(films, outbox, Exported(format), vectors, translated)
    if format == "webdataset":
        run.shards(films[0].name if video else "scenes")
    elif format == "html":
        run.pages()
    else:
        run.each((TRANSLATED if translated else KINDS)[format])
    return run.done


def _films(lake: Lake, video: str | None, *, suffix: str) -> list[Film]:
    rows = lake.videos().to_pylist()
    if not rows:
        raise UsageError(f"{lake.folder.uri}: holds no film yet")
    called = names(rows, suffix=suffix)
    chosen = rows if video is None else [lake.find_video(video)]
    older = dict.fromkeys(VIDEOS.names)  # a lake of an older version lacks some columns
    return [Film(lake, older | row, called[row["video_id"]]) for row in chosen]


@dataclass(frozen=True, slots=True)
class _Run:
    """One export: films on their way into a folder."""

    films: Sequence[Film]
    outbox: Outbox
    done: Exported
    vectors: bool
    translated: bool

    def each(self, kind: Kind) -> None:
        """A file for each film."""
        self.outbox.check(f"{film.name}{kind.ending}" for film in self.films)
        for film in self.films:
            with self._reading(film):
                self._one(film, kind)

    def _one(self, film: Film, kind: Kind) -> None:
        name, what = f"{film.name}{kind.ending}", self._what(film)
        try:
            with self.outbox.writing(name, kind=what) as file:
                remarks = kind.write(film, file, vectors=self.vectors)
        except NothingToSayError as error:
            self._note(film, str(error))
            self.outbox.forget_others(kind=what, keep=())
            return
        self._wrote(name, what)
        for remark in remarks:
            self._note(film, remark)

    def pages(self) -> None:
        """A page for each film, and one that lists them if they are several."""
        several = len(self.films) > 1
        self.outbox.check([_page_name(film) for film in self.films] + [_INDEX] * several)
        covers: list[tuple[Film, str | None]] = []
        for film in self.films:
            with self._reading(film):
                with self.outbox.writing(_page_name(film), kind=self._what(film)) as file:
                    covers.append((film, write_page(film, file)))
                self._wrote(_page_name(film), self._what(film))
        if several:
            with self.outbox.writing(_INDEX, kind="html index") as file:
                file.write(index_page([Entry(f, _page_name(f), cover) for f, cover in covers]))
            self._wrote(_INDEX, "html index")

    def shards(self, prefix: str) -> None:
        """All films in one data set."""
        self.outbox.check(self.outbox.present(pattern(prefix)))
        written = write_shards(
            self.films, self.outbox, prefix=prefix, reading=self._reading, vectors=self.vectors
        )
        self.done.files += [str(self.outbox.folder / name) for name in written.names]
        unread = {failure.video_id for failure in self.done.failures}
        for film in self.films:
            if film.video_id not in unread and not written.counts[film.video_id]:
                self._note(film, _NO_PICTURES)

    @contextmanager
    def _reading(self, film: Film) -> Iterator[None]:
        """A film that cannot be read is a failure; the others go on."""
        try:
            yield
        except LakeError as error:
            self.done.failures.append(Note(film.video_id, film.uri, str(error)))

    def _wrote(self, name: str, what: str) -> None:
        self.outbox.forget_others(kind=what, keep=[name])
        self.done.files.append(str(self.outbox.folder / name))

    def _note(self, film: Film, message: str) -> None:
        self.done.notes.append(Note(film.video_id, film.uri, message))

    def _what(self, film: Film) -> str:
        language = " en" if self.translated else ""
        return f"{self.done.format}{language} {film.video_id}"


def _page_name(film: Film) -> str:
    return f"{film.name}.html"
