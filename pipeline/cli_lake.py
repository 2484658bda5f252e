"""Commands that read a lake: show, ask."""

from __future__ import annotations

from pathlib import Path

import click

from scenelake.pipeline.cli_options import (
    as_json,
    config_of,
    config_option,
    lake_argument,
    print_json,
    profile_option,
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


@click.command()
@lake_argument
@click.argument("question")
@click.option("--video", help="Only this film (its id or file name).")
@profile_option
@config_option
@as_json
def ask(
    *,
    lake: str,
    question: str,
    video: str | None,
    profile: str,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Answer a QUESTION from the scenes, with time citations."""
    from scenelake.pipeline.lake import Lake
    from scenelake.pipeline.show import span

    config = config_of(profile, config_path)
    asked = Lake(lake).check().ask(question, video=video, config=config)
    if as_json:
        return print_json(asked.to_json())
    click.echo(asked.answer)
    for citation, uri in zip(asked.citations, asked.uris, strict=True):
        where = span(citation.start_s, citation.end_s)
        click.echo(f"    {Path(uri).name} {where}  {citation.quote}")
    return None
