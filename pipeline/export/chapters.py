"""Chapters: the film's own, or its scenes' titles put together.

What video sites ask of a list in a film's description (YouTube Help, "Video chapters"): the
first at 0:00, at least three, in time order, each at least ten seconds long. Vimeo and
podcast players take the same list. Players of files take ffmpeg's metadata, muxed into the
film: ``ffmpeg -i film.mp4 -i film.ffmetadata -map_metadata 1 -codec copy with-chapters.mp4``
(ffmpeg's documentation, "Metadata").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from scenelake.pipeline.watching.progress import clock
from scenelake.schemas.rows import Chapter

LEAST_SITE_CHAPTERS = 3
_LEAST_SITE_S = 10.0
_USUAL_S = 60.0
_SHORT_FILM_CHAPTERS = 6


def chapters_of(video: Mapping[str, Any], scenes: Iterable[Mapping[str, Any]]) -> list[Chapter]:
    """A film's chapters, which tile it from 0 to its duration.

    Its own where it has any, else runs of scenes of at least a minute (in films under six
    minutes: a sixth of them, at least ten seconds), each under the title of its longest scene.

    Args:
        video: a row of the videos table.
        scenes: its scenes in order, with start_s, end_s, title; looked at only if needed.
    """
    duration_s = float(video["duration_s"])
    own = [Chapter(c["start_s"], c["end_s"], c["title"]) for c in video["chapters"] or ()]
    if own:
        return _tiled(own, duration_s)
    least_s = min(_USUAL_S, max(_LEAST_SITE_S, duration_s / _SHORT_FILM_CHAPTERS))
    titled = [Chapter(s["start_s"], s["end_s"], s["title"] or "") for s in scenes]
    return _tiled(_merged(titled, least_s), duration_s)


def site_list(chapters: Sequence[Chapter]) -> str:
    """Lines of ``0:00 Title`` as video sites take them; none is shorter than ten seconds."""
    long_enough = _merged(chapters, _LEAST_SITE_S)
    return "".join(f"{clock(chapter.start_s)} {chapter.title}\n" for chapter in long_enough)


def ffmetadata(chapters: Sequence[Chapter]) -> str:
    """A file of metadata for ffmpeg, times in milliseconds."""
    return ";FFMETADATA1\n" + "".join(
        f"\n[CHAPTER]\nTIMEBASE=1/1000\nSTART={round(chapter.start_s * 1000)}\n"
        f"END={round(chapter.end_s * 1000)}\ntitle={_escaped(chapter.title)}\n"
        for chapter in chapters
    )


def _merged(chapters: Sequence[Chapter], least_s: float) -> list[Chapter]:
    """Neighbours together until they are long enough; a short rest joins the last."""
    groups: list[list[Chapter]] = []
    for chapter in chapters:
        if groups and _length_s(groups[-1]) < least_s:
            groups[-1].append(chapter)
        else:
            groups.append([chapter])
    if len(groups) > 1 and _length_s(groups[-1]) < least_s:
        rest = groups.pop()
        groups[-1] += rest
    return [Chapter(g[0].start_s, g[-1].end_s, _title(g)) for g in groups]


def _length_s(group: Sequence[Chapter]) -> float:
    return group[-1].end_s - group[0].start_s


def _title(group: Sequence[Chapter]) -> str:
    """Of the longest that has one."""
    titled = [chapter for chapter in group if chapter.title.strip()]
    return max(titled, key=lambda c: c.end_s - c.start_s).title if titled else ""


def _tiled(chapters: Sequence[Chapter], duration_s: float) -> list[Chapter]:
    """From 0 to the film's end without gaps, each with a title of one line."""
    ordered = sorted(chapters, key=lambda chapter: chapter.start_s)
    starts_s = [0.0, *(min(chapter.start_s, duration_s) for chapter in ordered[1:])]
    ends_s = [*starts_s[1:], max(duration_s, starts_s[-1])] if ordered else []
    titles = [" ".join(c.title.split()) or f"Part {n}" for n, c in enumerate(ordered, start=1)]
    spans = zip(ordered, starts_s, ends_s, titles, strict=False)
    return [replace(c, start_s=a, end_s=b, title=title) for c, a, b, title in spans if b > a]


def _escaped(text: str) -> str:
    return re.sub(r"([=;#\\\n])", r"\\\1", text)
