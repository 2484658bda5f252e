"""The command that finds scenes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scenelake.pipeline.commands.options import (
    as_json,
    config_of,
    config_option,
    lake_argument,
    print_json,
    profile_option,
    set_option,
)

if TYPE_CHECKING:
    from scenelake.pipeline.retrieval.filters import Filters
    from scenelake.pipeline.retrieval.hits import Found, Hit
    from scenelake.pipeline.retrieval.search import Searcher


class _FilmTime(click.ParamType[float]):
    """A time in a film: 95, 1:35 or 0:01:35."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Seconds."""
        try:
            parts = [float(part) for part in str(value).split(":")]
        except ValueError:
            self.fail(f"{value!r} is not a time like 95, 1:35 or 0:01:35", param, ctx)
        if len(parts) > 3 or not all(0 <= part < math.inf for part in parts):
            self.fail(f"{value!r} is not a time like 95, 1:35 or 0:01:35", param, ctx)
        return sum(part * 60.0**place for place, part in enumerate(reversed(parts)))


class _Day(click.ParamType[datetime]):
    """A day, or a day and a time: of this machine's zone unless it says another."""

    name = "date"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """With a zone."""
        try:
            return datetime.fromisoformat(str(value)).astimezone()
        except ValueError:
            self.fail(f"{value!r} is not a date like 2026-11-22 or 2026-11-22T14:30", param, ctx)


_many = partial(click.option, multiple=True)


@click.command()
@lake_argument
@click.argument("text", required=False, default="")
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Scenes that look like this picture.",
)
@click.option("--like", metavar="SCENE_ID", help="Scenes like this one.")
@click.option("-k", "k", default=10, show_default=True, type=click.IntRange(min=1))
@_many("--video", "videos", help="Only this film (its id or file name); may be repeated.")
@_many("--language", "languages", help="Only where this is spoken: en, de, …; may be repeated.")
@_many("--label", "labels", help="Only with this label or sound; may be repeated.")
@_many("--speaker", "speakers", help="Only where this one speaks; may be repeated.")
@click.option("--from", "start_s", type=_FilmTime(), help="Only after this time of a film.")
@click.option("--to", "end_s", type=_FilmTime(), help="Only before this time of a film.")
@click.option("--since", type=_Day(), help="Only what came into the lake on this day or later.")
@click.option("--until", type=_Day(), help="Only what came into the lake before this day.")
@click.option("--explain", is_flag=True, help="Say what found each scene.")
@profile_option
@config_option
@set_option
@as_json
def search(
    *,
    lake: str,
    text: str,
    image: Path | None,
    like: str | None,
    k: int,
    videos: tuple[str, ...],
    explain: bool,
    profile: str,
    config_path: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
    **limits: Any,
) -> None:
    """Find the scenes that fit a TEXT best, look like a picture, or are like another scene.

    Words in "quotation marks" must be there as they stand.
    """
    from scenelake.pipeline.lake import Lake
    from scenelake.pipeline.retrieval.search import Query, Searcher

    there = Lake(lake).check()
    query = Query(text, image=image, like=like)
    config = config_of(profile, config_path, settings)
    searcher = Searcher(there, config=config, note=_note)
    hits = searcher.search(query, k=k, filters=_filters(searcher, videos, limits))
    if as_json:
        return print_json([hit.to_json(explain=explain) for hit in hits])
    if not hits:
        _note("no scene fits")
    for hit in hits:
        click.echo("\n".join(_lines(hit, explain=explain)))
    return None


def _filters(searcher: Searcher, videos: tuple[str, ...], limits: dict[str, Any]) -> Filters:
    """The options that narrow a search.

    Errors:
        UsageError: a film that is not in the lake, or a span that holds nothing.
    """
    from scenelake.pipeline.retrieval.filters import Filters

    video_ids = tuple(searcher.video_id(video) for video in videos)
    return Filters(video_ids=video_ids, **limits)


def _lines(hit: Hit, *, explain: bool) -> Iterator[str]:
    from scenelake.pipeline.show import span

    like_it = f"  (+{len(hit.folded)} the same)" if hit.folded else ""
    where = f"{Path(hit.uri).name}  {span(hit.start_s, hit.end_s)}{like_it}"
    yield f"{hit.score:.4f}  {where}"
    yield f"        {hit.title}: {hit.snippet}"
    if explain:
        yield f"        scene {hit.scene_id}"
        yield from (f"        {_told(found)}" for found in hit.why)


def _told(found: Found) -> str:
    what = "rarity" if found.ranking == "words" else "likeness"
    met = "; ".join(f"{field}: {', '.join(words)}" for field, words in found.matched.items())
    return f"{found.ranking} #{found.rank}, {what} {found.score:.2f}" + (f" ({met})" if met else "")


def _note(sentence: str) -> None:
    click.echo(f"scenelake: {sentence}", err=True)
