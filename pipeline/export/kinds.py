"""Formats that are one file a film: what it ends with, and what goes into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from scenelake.pipeline.export.chapters import (
    LEAST_SITE_CHAPTERS,
    chapters_of,
    ffmetadata,
    site_list,
)
from scenelake.pipeline.export.cues import Cue
from scenelake.pipeline.export.film import Film
from scenelake.pipeline.export.records import json_line, scene_records
from scenelake.pipeline.export.subtitles import srt, vtt
from scenelake.schemas.rows import Chapter

_TRANSLATE = "`run` with --set speech.translate=true, and a Whisper of all languages, makes one"
_TITLED = ("start_s", "end_s", "title")


class NothingToSayError(Exception):
    """A film has nothing of what a format holds; `str()` is why."""


class Write(Protocol):
    def __call__(self, film: Film, file: BinaryIO, *, vectors: bool) -> Sequence[str]:
        """Write a film; gives remarks for the user.

        Errors:
            NothingToSayError: there is nothing to write.
        """


@dataclass(frozen=True, slots=True)
class Kind:
    """A format of one file a film."""

    ending: str
    write: Write


def _subtitles(
    render: Callable[[Sequence[Cue]], str], *, named: bool, translated: bool = False
) -> Write:
    def write(film: Film, file: BinaryIO, *, vectors: bool) -> Sequence[str]:
        cues = film.cues(named=named, translated=translated)
        if not cues:
            raise NothingToSayError(_why_untold(film, translated=translated))
        file.write(_bytes(render(cues)))
        return ()

    return write


def _why_untold(film: Film, *, translated: bool) -> str:
    if not film.words():
        return "nothing is said in it: no subtitles"
    if translated and film.row["language"] == "en":
        return "is in English: no translation"
    return f"no translation in the lake; {_TRANSLATE}"


def _chapters(film: Film) -> list[Chapter]:
    chapters = chapters_of(film.row, film.scenes(_TITLED))
    if not chapters:
        raise NothingToSayError("has no scenes: no chapters")
    return chapters


def _site_list(film: Film, file: BinaryIO, *, vectors: bool) -> Sequence[str]:
    listed = site_list(_chapters(film))
    file.write(_bytes(listed))
    count = listed.count("\n")
    if count >= LEAST_SITE_CHAPTERS:
        return ()
    return (f"chapters: {count}; video sites show them from {LEAST_SITE_CHAPTERS} on",)


def _ffmetadata(film: Film, file: BinaryIO, *, vectors: bool) -> Sequence[str]:
    file.write(_bytes(ffmetadata(_chapters(film))))
    return ()


def _jsonl(film: Film, file: BinaryIO, *, vectors: bool) -> Sequence[str]:
    for record in scene_records(film, vectors=vectors):
        file.write(json_line(record))
    return ()


def _bytes(text: str) -> bytes:
    """UTF-8; what no text can hold (lone surrogates) is replaced."""
    return text.encode(errors="replace")


KINDS: Mapping[str, Kind] = {
    "srt": Kind(".srt", _subtitles(srt, named=True)),
    "vtt": Kind(".vtt", _subtitles(vtt, named=False)),
    "chapters": Kind(".chapters.txt", _site_list),
    "ffmetadata": Kind(".ffmetadata", _ffmetadata),
    "jsonl": Kind(".jsonl", _jsonl),
}

ENGLISH = ".en"
"""By this, before their ending, players know the language of subtitles beside a film."""

TRANSLATED: Mapping[str, Kind] = {
    "srt": Kind(f"{ENGLISH}.srt", _subtitles(srt, named=True, translated=True)),
    "vtt": Kind(f"{ENGLISH}.vtt", _subtitles(vtt, named=False, translated=True)),
}
