"""The command that shows a lake."""

from __future__ import annotations

import click

from scenelake.pipeline.commands.options import (
    as_json,
    lake_argument,
    print_json,
)


@click.command()
@lake_argument
@click.argument("video", required=False)
@as_json
def show(*, lake: str, video: str | None, as_json: bool) -> None:
    """List a lake's films, or the scenes of one VIDEO (its id or file name)."""
    from scenelake.pipeline import show as views
    from scenelake.pipeline.lake import Lake

    there = Lake(lake).check()
    shown = views.video_json(there, video) if video else views.lake_json(there)
    text = views.video_text if video else views.lake_text
    print_json(shown) if as_json else click.echo(text(shown))
