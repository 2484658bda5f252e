"""The command `ask`: one question, a conversation, or a batch."""

from __future__ import annotations

import sys
import time
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
from scenelake.schemas.errors import UsageError

if TYPE_CHECKING:
    from scenelake.pipeline.asking.batch import Progress, Watch
    from scenelake.pipeline.asking.one import Asker

_SOME_FAILED = 3
_MAX_FAILURES = 20
_EVERY_S = {True: 1.0, False: 10.0}
"""Between two lines of progress, in a terminal and elsewhere."""


@click.command()
@lake_argument
@click.argument("question", required=False)
@click.option("--video", help="Only this film (its id or file name).")
@click.option("--option", "options", multiple=True, help="An answer to choose from; repeat it.")
@click.option("--chat", is_flag=True, help="Talk: follow-ups refer back; `exit` ends it.")
@click.option(
    "--questions",
    type=click.Path(path_type=Path),
    help="A batch (.jsonl .csv .parquet): question, question_id, video, options.",
)
@click.option("--out", help="Where the batch's answers go (.parquet); else into the lake.")
@click.option("--dry-run", is_flag=True, help="Tell what a batch would cost; write nothing.")
@click.option("--again", is_flag=True, help="Answer the batch anew, whatever is there.")
@profile_option
@config_option
@set_option
@as_json
def ask(
    *,
    lake: str,
    question: str | None,
    video: str | None,
    options: tuple[str, ...],
    chat: bool,
    questions: Path | None,
    out: str | None,
    dry_run: bool,
    again: bool,
    profile: str,
    config_path: Path | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Answer a QUESTION from the scenes, with time citations.

    A batch goes on where it was left: give the same command again.
    """
    _check_usage(question, chat=chat, questions=questions, video=video, options=options)
    if questions is None and (out or dry_run or again):
        raise UsageError("--out, --dry-run and --again go with --questions FILE")
    from scenelake.pipeline.asking.one import Asker
    from scenelake.pipeline.lake import Lake

    config = config_of(profile, config_path, settings)
    asker = Asker(Lake(lake).check(), config)
    if questions is not None:
        _batch(asker, questions, out, dry_run=dry_run, again=again, as_json=as_json)
    elif chat:
        _talk(asker, question, video, as_json=as_json)
    else:
        _one(asker, str(question), video, options, as_json=as_json)


def _check_usage(
    question: str | None,
    *,
    chat: bool,
    questions: Path | None,
    video: str | None,
    options: tuple[str, ...],
) -> None:
    """One way of asking at a time.

    Errors:
        UsageError: none, or two that exclude each other.
    """
    if questions is not None and (question or chat or video or options):
        raise UsageError("--questions FILE brings its own questions, films and options")
    if chat and options:
        raise UsageError("--option goes with one QUESTION or, as `options`, with --questions")
    if questions is None and not chat and not (question or "").strip():
        raise UsageError('ask what? `scenelake ask LAKE "QUESTION"`, --chat or --questions FILE')


def _one(
    asker: Asker, text: str, video: str | None, options: tuple[str, ...], *, as_json: bool
) -> None:
    from scenelake.pipeline.asking.one import Question

    video_id = asker.lake.find_video(video)["video_id"] if video else None
    asked = asker.setup().ask(Question(text, video_id, options))
    if as_json:
        return print_json(asked.to_json())
    for line in asked.lines():
        click.echo(line)
    return None


def _talk(asker: Asker, first: str | None, video: str | None, *, as_json: bool) -> None:
    from scenelake.pipeline.asking.conversation import Conversation
    from scenelake.pipeline.asking.terminal import talk

    video_id = asker.lake.find_video(video)["video_id"] if video else None
    conversation = Conversation(asker.setup(), video_id=video_id)
    talk(conversation, first=first, as_json=as_json)


def _batch(
    asker: Asker, path: Path, out: str | None, *, dry_run: bool, again: bool, as_json: bool
) -> None:
    from scenelake.pipeline.asking.batch import Batch
    from scenelake.pipeline.asking.ledger import Ledger
    from scenelake.pipeline.asking.preview import preview
    from scenelake.pipeline.asking.questions import read_questions

    items = read_questions(path, films=asker.uris)
    ledger = Ledger.at(out) if out else Ledger(asker.lake.folder, f"answers/{path.stem}.parquet")
    batch = Batch(asker, items, ledger, again=again)
    if dry_run:
        cost = preview(asker, items, batch.missing)
        return print_json(cost.to_json()) if as_json else click.echo("\n".join(cost.lines()))
    click.echo(f"{len(items)} questions, {len(batch.missing)} to answer", err=True)
    done = batch.run(_watcher())
    return _tell(done, ledger.uri, as_json=as_json)


def _tell(done: Progress, where: str, *, as_json: bool) -> None:
    """What has become of a batch; exits with 3 where questions failed."""
    for answer in done.failed[:_MAX_FAILURES]:
        message = answer.failure.message if answer.failure else ""
        click.echo(f"question {answer.question_id} failed: {message}", err=True)
    if as_json:
        print_json({"out": where, **done.to_json()})
    else:
        click.echo(
            f"{done.n_answered} answered ({done.n_not_told} not told), {done.n_kept} kept, "
            f"{len(done.failed)} failed: {where}"
        )
    if done.failed:
        raise SystemExit(_SOME_FAILED)


def _watcher() -> Watch:
    every_s = _EVERY_S[sys.stderr.isatty()]
    last_s = time.monotonic()

    def watch(progress: Progress) -> None:
        nonlocal last_s
        is_last = progress.n_done == progress.n_all
        if time.monotonic() - last_s >= every_s and not is_last:
            last_s = time.monotonic()
            click.echo(_line(progress), err=True)

    return watch


def _line(progress: Progress) -> str:
    from scenelake.pipeline.watching.progress import clock

    left: Any = progress.left_s
    more = f", about {clock(left)} left" if left is not None else ""
    return (
        f"[{progress.n_done}/{progress.n_all}] {progress.n_not_told} not told, "
        f"{len(progress.failed)} failed{more}"
    )
