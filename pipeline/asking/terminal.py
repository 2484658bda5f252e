"""A conversation at a terminal, or down a pipe: a line in, an answer out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import click

from scenelake.pipeline.asking.conversation import Conversation, Turn
from scenelake.schemas.errors import LakeError, SceneLakeError

_ENDS = frozenset({"exit", "quit", ":q", "bye"})
_PROMPT = "> "


def talk(conversation: Conversation, *, first: str | None, as_json: bool) -> None:
    """Answer line by line until there are no more, or one says `exit`; Ctrl-C ends it too.

    What a follow-up was understood to ask goes to stderr, or into the JSON line.

    Errors:
        LakeError: the lake cannot be read any more.
    """
    try:
        for line in _lines(first):
            _answer(conversation, line, as_json=as_json)
    except KeyboardInterrupt:
        click.echo("", err=True)


def _answer(conversation: Conversation, line: str, *, as_json: bool) -> None:
    try:
        turn = conversation.say(line)
    except LakeError:
        raise
    except SceneLakeError as error:
        click.echo(f"scenelake: {error}", err=True)
        return
    if as_json:
        document = {"line": turn.line, "understood": turn.understood or None}
        click.echo(json.dumps(document | turn.asked.to_json(), ensure_ascii=False))
        return
    _print(turn)


def _print(turn: Turn) -> None:
    if turn.understood:
        click.echo(f"(understood: {turn.understood})", err=True)
    for line in turn.asked.lines():
        click.echo(line)


def _lines(first: str | None) -> Iterator[str]:
    """Lines that say something, up to one that ends it."""
    if first:
        yield first
    if sys.stdin.isatty():
        import readline  # noqa: F401  the arrow keys work once it is imported

        click.echo("Ask away; `exit` or Ctrl-D ends.", err=True)
    while (line := _read()) is not None:
        if line.casefold() in _ENDS:
            return
        if line:
            yield line


def _read() -> str | None:
    """The next line, stripped; None where there are no more."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return line.strip() if line else None
    try:
        return input(_PROMPT).strip()
    except EOFError:
        click.echo("", err=True)
        return None
