"""The command `scenelake eval own`: the benchmark of our own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scenelake.pipeline.commands.options import (
    as_json,
    config_of,
    config_option,
    print_json,
    set_option,
)
from scenelake.schemas.errors import UsageError

if TYPE_CHECKING:
    from scenelake.pipeline.evaluation.own.benchmark import Benchmark
    from scenelake.pipeline.evaluation.results import Result
    from scenelake.schemas.config import Config

_SCENE_S = 12.0
"""How long a scene with two sentences lasts."""


_OPTIONS = (
    click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0)),
    click.option(
        "--half",
        type=click.Choice(["development", "fresh"]),
        help="Of words and photographs.  [default: development for seed 0, else fresh]",
    ),
    click.option("--films", default=6, show_default=True, type=click.IntRange(min=1)),
    click.option("--scenes", type=click.IntRange(min=1), help="Of each film.  [default: 6]"),
    click.option("--minutes", type=click.FloatRange(min=0.2), help="Of each film, about."),
    click.option("--profile", "profiles", multiple=True, help="One or more.  [embedded]"),
    config_option,
    set_option,
    click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("own-benchmark"),
        show_default=True,
        help="For films, truth, questions and results.",
    ),
    click.option("--keep", is_flag=True, help="Keep the lakes too."),
    click.option("--make-only", is_flag=True, help="Make films and questions, and end."),
    click.option("--fetch", is_flag=True, help="Bring the photographs here by pip, and end."),
    click.option("--plot", "plot_path", type=click.Path(path_type=Path), help=".png, .svg, .pdf."),
    as_json,
)


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.command("own")
@_with_options
def own(*, fetch: bool, make_only: bool, **options: Any) -> None:
    """Make films with known truth, and measure what each profile makes of them.

    The same seed makes the same films. Give the same command again to go on: what is
    made stays. Photographs have to be fetched once, by --fetch.
    """
    if fetch:
        from scenelake.pipeline.evaluation.own import photographs

        return photographs.fetch(report=_say)
    configs = _configs(options)
    if not make_only:
        _check_ready(options["plot_path"], n_profiles=len(configs))
    bench = _prepared(options)
    _say(f"{len(bench.films)} films and {len(bench.questions)} questions: {bench.folder}")
    if not make_only:
        results = {
            name: _measured(bench, config, name=name, keep=options["keep"])
            for name, config in configs.items()
        }
        _show(results, as_json=options["as_json"], plot_path=options["plot_path"])
    return None


def _configs(options: dict[str, Any]) -> dict[str, Config]:
    names = dict.fromkeys(options["profiles"] or ("embedded",))
    return {name: config_of(name, options["config_path"], options["settings"]) for name in names}


def _check_ready(plot_path: Path | None, *, n_profiles: int) -> None:
    """What is missing is said before an hour's work, not after."""
    from scenelake.pipeline.evaluation.libraries import library

    library("jiwer")
    if plot_path and n_profiles > 1:
        raise UsageError("--plot draws one profile: give one --profile")
    if plot_path and plot_path.suffix not in (".png", ".svg", ".pdf"):
        raise UsageError(f"--plot {plot_path}: expected a name that ends in .png, .svg or .pdf")


def _prepared(options: dict[str, Any]) -> Benchmark:
    from scenelake.pipeline.evaluation.own.benchmark import prepare

    seed, half, minutes = options["seed"], options["half"], options["minutes"]
    if minutes and options["scenes"]:
        raise UsageError("give either --scenes or --minutes")
    return prepare(
        options["out"],
        half=half or ("fresh" if seed else "development"),
        seed=seed,
        n_films=options["films"],
        n_scenes=max(1, round(minutes * 60 / _SCENE_S)) if minutes else options["scenes"] or 6,
        report=_say,
    )


def _measured(bench: Benchmark, config: Config, *, name: str, keep: bool) -> Result:
    from scenelake.pipeline.evaluation.own.benchmark import bring, forget, measure
    from scenelake.pipeline.watching.progress import watching

    with watching(sys.stderr) as watcher:
        lake = bring(bench, config, name=name, watcher=watcher)
    result = measure(bench, lake, config, name=name, report=_say)
    if not keep:
        forget(bench, name)
    return result


def _show(results: dict[str, Result], *, as_json: bool, plot_path: Path | None) -> None:
    from rich.console import Console

    from scenelake.pipeline.evaluation.own.show import table
    from scenelake.pipeline.evaluation.results import plot

    if plot_path:
        plot(next(iter(results.values())), plot_path)
    if as_json:
        return print_json({name: result.to_json() for name, result in results.items()})
    for name, result in results.items():
        Console().print(table(name, result))
    return None


def _say(line: str) -> None:
    click.echo(line, err=True)
