"""The command `scenelake eval`: a subcommand for each task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from scenelake.pipeline.commands.evaluate_own import own
from scenelake.pipeline.commands.options import (
    as_json,
    config_of,
    config_option,
    print_json,
    profile_option,
)
from scenelake.schemas.errors import UsageError

Command = Callable[..., None]

_PATH = click.Path(path_type=Path)
_OPTIONS = (
    click.option("--truth", type=_PATH, help="What is right: a data set's file, or our own."),
    click.option("--predictions", type=_PATH, help="What was predicted: JSON, CSV or Parquet."),
    click.option("--lake", help="A lake, in place of predictions."),
    click.option("--skip-missing", is_flag=True, help="Leave out what nothing was predicted for."),
    click.option(
        "--resamples",
        default=1000,
        show_default=True,
        type=click.IntRange(min=1),
        help="Bootstrap.",
    ),
    click.option("--seed", default=0, show_default=True, help="Of the bootstrap."),
    click.option("--plot", "plot_path", type=_PATH, help="Draw it too: .png, .svg, .pdf."),
    as_json,
)


@click.group("eval")
def evaluate() -> None:
    """Measure how good a lake, or a file of predictions, is."""


def _task(name: str) -> Callable[[Command], Command]:
    """A subcommand with the options that all tasks share."""

    def add(function: Command) -> Command:
        for option in reversed(_OPTIONS):
            function = option(function)
        return evaluate.command(name)(function)

    return add


@_task("transcription")
@click.option("--language", default="en", show_default=True, help="Where the truth names none.")
def transcription(**options: Any) -> None:
    """Word and character error rate, after Whisper's normaliser."""
    _run("transcription", **options)


@_task("cuts")
@click.option(
    "--tolerance-s",
    default=0.1,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How far from the truth a cut may be.",
)
def cuts(**options: Any) -> None:
    """Precision, recall and F1 of cuts, within a tolerance."""
    _run("cuts", **options)


@_task("description")
def description(**options: Any) -> None:
    """BLEU, ROUGE-L and CIDEr of descriptions."""
    _run("description", **options)


@_task("answers")
def answers(**options: Any) -> None:
    """Accuracy of choices; exact match, token F1 and ANLS of open answers."""
    _run("answers", **options)


@_task("retrieval")
@profile_option
@config_option
def retrieval(**options: Any) -> None:
    """Recall and hits at k, MRR and nDCG of searches."""
    _run("retrieval", **options)


@_task("moments")
@profile_option
@config_option
def moments(**options: Any) -> None:
    """R@1 at 0.5 and 0.7 overlap, mean overlap and mAP of spans."""
    _run("moments", **options)


@_task("grounding")
def grounding(**options: Any) -> None:
    """Share of names, numbers and quotes that occur in the scenes' evidence."""
    _run("grounding", **options)


evaluate.add_command(own)


def _run(
    task: str,
    *,
    lake: str | None,
    resamples: int,
    plot_path: Path | None,
    as_json: bool,
    profile: str = "embedded",
    config_path: Path | None = None,
    **options: Any,
) -> None:
    from scenelake.pipeline.evaluation.results import plot
    from scenelake.pipeline.evaluation.tasks import Request, evaluate
    from scenelake.pipeline.lake import Lake

    config = config_of(profile, config_path)
    there = Lake(lake).check() if lake else None
    request = Request(lake=there, config=config, n_resamples=resamples, **options)
    result = evaluate(task, request)
    if plot_path:
        _drawn(plot, result, plot_path)
    if as_json:
        print_json(result.to_json())
    else:
        _print(result)


def _drawn(plot: Callable[[Any, Path], None], result: Any, path: Path) -> None:
    try:
        plot(result, path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--plot {path}: {error}") from error


def _print(result: Any) -> None:
    from rich.console import Console

    from scenelake.pipeline.evaluation.results import tables

    Console().print(tables(result))
