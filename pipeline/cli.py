"""The command `scenelake`. Results go to stdout, everything else to stderr.

Exit codes: 0 all well; 1 our fault; 2 wrong usage or configuration; 3 some inputs failed.
Heavy imports wait inside the commands, so that --help answers at once.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import click

from scenelake.pipeline.commands import ask as cli_ask
from scenelake.pipeline.commands import evaluate as cli_eval
from scenelake.pipeline.commands import export as cli_export
from scenelake.pipeline.commands import lake as cli_lake
from scenelake.pipeline.commands import machine as cli_machine
from scenelake.pipeline.commands import search as cli_search
from scenelake.pipeline.commands.options import (
    as_json,
    config_of,
    config_option,
    print_json,
    profile_option,
    set_option,
)
from scenelake.schemas.errors import SceneLakeError, UsageError

_SOME_FAILED = 3
_INTERRUPTED = 130
_SAME_INTERRUPT_S = 3.0
_GO_ON = "interrupted: what is committed stays; give the same command again to go on"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scenelake")
@click.option("--verbose", is_flag=True, help="Log what happens inside.")
def cli(*, verbose: bool) -> None:
    """Turn films into a lake of scenes that can be read, searched and asked."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.ERROR,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


@cli.command()
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option("--lake", required=True, help="The lake: a folder, or an address (s3://…).")
@profile_option
@config_option
@set_option
@click.option(
    "--engine",
    type=click.Choice(["auto", "inline", "ray"]),
    default="auto",
    show_default=True,
    help="Where the steps run.",
)
@click.option("--address", help="A running Ray cluster.")
@click.option(
    "--retry-failed",
    is_flag=False,
    flag_value="all",
    metavar="[TYPE]",
    help="Only inputs whose last run failed: all, or of one TYPE (timeout, crashed, …).",
)
@click.option("--strict", is_flag=True, help="A damaged film is a failure, not a warning.")
@as_json
def run(
    *,
    inputs: tuple[str, ...],
    lake: str,
    profile: str,
    config_path: Path | None,
    settings: tuple[str, ...],
    engine: Any,
    address: str | None,
    retry_failed: str | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Bring films into a lake.

    INPUT is a film, a folder, a glob, an address (http, s3, …) or a manifest
    (.txt .jsonl .csv .parquet with `uri`). Give the same command again to go on.
    """
    from scenelake.pipeline.job import run as run_films
    from scenelake.pipeline.watching.progress import watching

    config = config_of(profile, config_path, settings, strict=strict)
    with watching(sys.stderr) as watcher:
        summary = run_films(
            inputs,
            lake,
            config=config,
            engine=engine,
            address=address,
            retry_failed=_which_failed(retry_failed),
            watcher=watcher,
        )
    if as_json:
        print_json(summary.to_json())
    else:
        click.echo(
            f"{summary.committed} committed, {summary.skipped} skipped, {summary.failed} failed: "
            f"{summary.media_s:.0f} s of film in {summary.wall_s:.0f} s"
        )
    if summary.failed:
        raise SystemExit(_SOME_FAILED)


def _which_failed(value: str | None) -> bool | str:
    """What `--retry-failed` asks for.

    Errors:
        UsageError: what follows it is an input, or no type of failure.
    """
    from scenelake.pipeline.job import FAILURE_TYPES

    if value in (None, "all"):
        return value is not None
    if not value.isidentifier():
        raise UsageError(f"--retry-failed {value}: no type of failure; put inputs before it")
    if value.islower() and value not in FAILURE_TYPES:
        known = ", ".join(FAILURE_TYPES)
        raise UsageError(f"--retry-failed {value}: no such type of failure; known: {known}")
    return value


for _command in (
    cli_lake.show,
    cli_search.search,
    cli_ask.ask,
    cli_export.export,
    cli_eval.evaluate,
    cli_machine.models,
    cli_machine.doctor,
    cli_machine.demo,
):
    cli.add_command(_command)


def main() -> None:
    """The console script."""
    code = execute()
    if code == _INTERRUPTED:
        # It has been said; one more on the way out would end us by the signal instead.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    if any(thread.daemon for thread in threading.enumerate()):
        # A run that was given up leaves threads in the middle of a decoder or a model; the
        # interpreter's own way out would tear their libraries from under them.
        os._exit(code)
    raise SystemExit(code)


def execute() -> int:
    """Run the command of `sys.argv`, errors as one line; gives the exit code."""
    interrupt = _Interrupt()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, interrupt)
    try:
        cli.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _say(_GO_ON, _INTERRUPTED)
    except click.ClickException as error:
        error.show(sys.stderr)
        return error.exit_code
    except UsageError as error:
        return _say(str(error), 2)
    except SceneLakeError as error:
        return _say(str(error), 1)
    except SystemExit as exit_:
        return int(exit_.code or 0)
    except Exception:
        # What an interrupt cuts short may fail otherwise: a lock that it had half taken.
        if interrupt.was_heard:
            return _say(_GO_ON, _INTERRUPTED)
        raise
    return 0


class _Interrupt:
    """Ctrl-C, or a scheduler that ends us: it is to be obeyed as a user is.

    Both come twice at times, from an impatient hand or to a process and to its group. A second
    one so soon would cut the tidying up after the first.
    """

    def __init__(self) -> None:
        self._heard_s: float | None = None

    @property
    def was_heard(self) -> bool:
        return self._heard_s is not None

    def __call__(self, *_: object) -> None:
        now_s, before_s = time.monotonic(), self._heard_s
        if before_s is None or now_s - before_s > _SAME_INTERRUPT_S:
            self._heard_s = now_s
            raise KeyboardInterrupt


def _say(message: str, code: int) -> int:
    click.echo(f"scenelake: {message}", err=True)
    return code
