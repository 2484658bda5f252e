"""Names of exported files: the film's own, made safe, and no two alike."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from scenelake.workers.files import is_remote

_MAX_BYTES = 150
_N_ID_CHARS = 8
_UNSAFE = re.compile(r'[\\/:*?"<>|]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|index)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices, and the one of our own overview."""


def names(videos: Iterable[Mapping[str, Any]], *, suffix: str = "") -> dict[str, str]:
    """video_id -> name, unique on disks that tell capitals from small letters and on others.

    Films that would share a name, and those whose name is taken by a device, get the first
    digits of their id behind it.

    Args:
        videos: rows of the videos table, of the whole lake: what a film's files are called
            is not to depend on which films are exported together.
        suffix: what files of this export have behind the name; ``film.en.srt`` may be that
            of ``film.mp4`` in English, or that of ``film.en.mp4``.
    """
    stems = {str(video["video_id"]): safe_stem(str(video["uri"])) for video in videos}
    counts = Counter(map(_folded, stems.values()))
    return {
        video_id: stem if _is_free(stem, counts, suffix) else _marked(stem, video_id)
        for video_id, stem in stems.items()
    }


def safe_stem(uri: str) -> str:
    """A film's file name without its ending, fit for any disk; "" where nothing is left."""
    path = unquote(uri.partition("?")[0]) if is_remote(uri) else uri
    last = unicodedata.normalize("NFC", path.rstrip("/").rpartition("/")[2])
    head, dot, _ending = last.rpartition(".")
    stem = "".join(c if c.isprintable() else "_" for c in (head if dot and head else last))
    return _cut(_UNSAFE.sub("_", stem).strip(" .").lstrip("-"))


def _is_free(stem: str, counts: Mapping[str, int], suffix: str) -> bool:
    is_alone = counts[_folded(stem)] == 1 and not (suffix and counts[_folded(stem + suffix)])
    return bool(stem) and is_alone and not _RESERVED.fullmatch(stem)


def _marked(stem: str, video_id: str) -> str:
    return f"{stem}-{video_id[:_N_ID_CHARS]}" if stem else video_id


def _folded(stem: str) -> str:
    return unicodedata.normalize("NFC", stem.casefold())


def _cut(text: str) -> str:
    """The bytes of a name are limited, not its characters."""
    return text.encode()[:_MAX_BYTES].decode(errors="ignore").rstrip(" .")
