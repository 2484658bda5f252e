"""The demonstration: the film that ships with scenelake, from file to answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path

from scenelake.pipeline import show
from scenelake.pipeline.job import run
from scenelake.pipeline.lake import Lake
from scenelake.pipeline.watching.progress import watching
from scenelake.schemas.errors import SceneLakeError

_QUERY = "space launch"
_QUESTION = "What is the cat called?"


def demonstrate(lake: Path) -> Iterator[str]:
    """Run, show, search and ask; lines to print, each step with the command that does it.

    Errors:
        SceneLakeError: the film did not make it into the lake.
    """
    film = files("scenelake.pipeline") / "demo" / "film.mp4"
    with as_file(film) as path:
        yield f"$ scenelake run {path.name} --lake {lake}"
        with watching(sys.stderr) as watcher:
            summary = run([path], lake, watcher=watcher)
    if summary.failures:
        raise SceneLakeError(summary.failures[0].message)
    yield _did(summary.committed, summary.media_s, summary.wall_s)
    there = Lake(lake)
    yield f"\n$ scenelake show {lake} film.mp4"
    yield show.video_text(show.video_json(there, "film.mp4"))
    yield f'\n$ scenelake search {lake} "{_QUERY}"'
    for hit in there.search(_QUERY, k=2):
        yield f"{hit.score:.4f}  {show.span(hit.start_s, hit.end_s)}  {hit.title}"
    yield f'\n$ scenelake ask {lake} "{_QUESTION}"'
    asked = there.ask(_QUESTION)
    yield asked.answer
    for citation in asked.citations:
        yield f"    {show.span(citation.start_s, citation.end_s)}  {citation.quote}"


def _did(committed: int, media_s: float, wall_s: float) -> str:
    if not committed:
        return "The film is in the lake already; nothing was done again."
    return f"{media_s:.0f} s of film in {wall_s:.0f} s."
