"""The page that lists the pages of several films."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from scenelake.pipeline.export.film import Film
from scenelake.pipeline.export.page import film_title
from scenelake.pipeline.export.page_text import (
    PAGE_END,
    counted,
    encoded,
    numbers,
    page_start,
    section,
    text,
)
from scenelake.pipeline.watching.progress import clock

_MAX_COVERS = 300
"""Beyond that the page would take too long to open."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A film's page: its file's name, and a picture as a data URL."""

    film: Film
    page: str
    cover: str | None


def index_page(entries: Sequence[Entry]) -> bytes:
    """The whole page."""
    rows = [entry.film.row for entry in entries]
    facts = [
        ("films", f"{len(rows):,}"),
        ("scenes", f"{sum(row['n_scenes'] for row in rows):,}"),
        ("long together", clock(sum(row["duration_s"] for row in rows))),
    ]
    covered = len(entries) <= _MAX_COVERS
    cards = "".join(_card(entry, covered=covered) for entry in entries)
    listed = f'<ul class="films">{cards}</ul>' if cards else ""
    top = f"<h1>Films</h1>\n{numbers(facts)}"
    return encoded(page_start("Films") + top + section("All films", listed) + PAGE_END)


def _card(entry: Entry, *, covered: bool) -> str:
    row, href = entry.film.row, quote(entry.page, errors="replace")
    cover = f'<img loading="lazy" alt="" src="{entry.cover}">' if covered and entry.cover else ""
    facts = [clock(row["duration_s"]), counted(row["n_scenes"], "scene"), row["language"]]
    if row["warnings"]:
        facts.append(counted(len(row["warnings"]), "warning"))
    summary = f'<p dir="auto">{text(row["summary"])}</p>' if row["summary"] else ""
    return (
        f'<li class="card"><a href="{href}">{cover}<h3>{text(film_title(row))}</h3></a>'
        f'<p class="soft">{text(", ".join(filter(None, facts)))}</p>{summary}</li>'
    )
