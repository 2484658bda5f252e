"""What all commands share: options, how results are printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from scenelake.schemas.config import Config

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
lake_argument = click.argument("lake")
profile_option = click.option(
    "--profile", default="embedded", show_default=True, help="Which models do what."
)
config_option = click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="YAML over the profile."
)
set_option = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="One value over all else."
)


def config_of(
    profile: str, path: Path | None, settings: tuple[str, ...] = (), *, strict: bool = False
) -> Config:
    from scenelake.pipeline.settings import load_config

    return load_config(profile=profile, path=path, settings=settings, strict=strict)


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
