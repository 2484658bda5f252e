"""Shows a run while it goes: a live display in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TextIO

from scenelake.pipeline.job import Watcher
from scenelake.pipeline.steps import Event
from scenelake.schemas.flow import Receipt, Skipped
from scenelake.schemas.rows import Failure

if TYPE_CHECKING:
    from rich.progress import Progress

_MAX_NAME = 40
_MAX_SHOWN = 3


class _Counting(Watcher):
    """What both displays count."""

    def __init__(self) -> None:
        self.n_inputs = 0
        self.n_done = 0
        self.media_s = 0.0
        self.start_s = time.monotonic()

    def begin(self, uris: list[str]) -> None:
        self.n_inputs = len(uris)
        self.start_s = time.monotonic()

    def count(self, item: Receipt | Skipped | Failure) -> None:
        self.n_done += 1
        if isinstance(item, Receipt):
            self.media_s += item.media_s

    def pace(self) -> str:
        """Real-time factor and time left, as far as they can be known."""
        elapsed_s = time.monotonic() - self.start_s
        parts = []
        if self.media_s:
            parts.append(f"{self.media_s / elapsed_s:.1f}x real time")
        if 0 < self.n_done < self.n_inputs:
            left_s = elapsed_s / self.n_done * (self.n_inputs - self.n_done)
            parts.append(f"about {clock(left_s)} left")
        return ", ".join(parts)


class Lines(_Counting):
    """One line for each input that has come to its end."""

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self._out = out

    def begin(self, uris: list[str]) -> None:
        super().begin(uris)
        films = "film" if self.n_inputs == 1 else "films"
        self._say(f"{self.n_inputs} {films} to look at")

    def verdict(self, uri: str, item: Receipt | Skipped | Failure) -> None:
        self.count(item)
        pace = self.pace()
        tail = f" ({pace})" if pace else ""
        self._say(f"[{self.n_done}/{self.n_inputs}] {sentence(uri, item)}{tail}")

    def _say(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


class Live(_Counting):
    """A bar for the run, the films at work with their steps, lines for what went wrong."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress
        self._task = progress.add_task("films", total=None, at_work="")
        self._at_work: dict[str, str] = {}

    def begin(self, uris: list[str]) -> None:
        super().begin(uris)
        self._progress.update(self._task, total=self.n_inputs)

    def event(self, event: Event) -> None:
        if event.kind == "started":
            self._at_work[event.uri] = event.step
            self._show()

    def verdict(self, uri: str, item: Receipt | Skipped | Failure) -> None:
        self.count(item)
        self._at_work.pop(uri, None)
        if isinstance(item, Failure):
            self._progress.console.print(sentence(uri, item), markup=False, highlight=False)
        self._progress.update(self._task, completed=self.n_done)
        self._show()

    def _show(self) -> None:
        shown = [f"{short(uri)}: {step}" for uri, step in self._at_work.items()][:_MAX_SHOWN]
        more = len(self._at_work) - len(shown)
        lines = [*shown, f"and {more} more"] if more > 0 else shown
        text = "  ".join(filter(None, [self.pace(), " | ".join(lines)]))
        self._progress.update(self._task, at_work=text)


@contextmanager
def watching(out: TextIO, *, quiet: bool = False) -> Iterator[Watcher]:
    """The display that fits where the text goes."""
    if quiet:
        yield Watcher()
    elif not out.isatty():
        yield Lines(out)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        columns = (
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            Elapsed(),
            TextColumn("{task.fields[at_work]}", markup=False),
        )
        with Progress(*columns, console=Console(file=out), transient=True) as progress:
            yield Live(progress)


def sentence(uri: str, item: Receipt | Skipped | Failure) -> str:
    """What became of an input."""
    if isinstance(item, Receipt):
        scenes = "scene" if item.n_scenes == 1 else "scenes"
        return f"{short(uri)}: committed, {item.n_scenes} {scenes}, {clock(item.media_s)}"
    if isinstance(item, Skipped):
        return f"{short(uri)}: skipped, {item.reason}"
    return f"{short(uri)}: failed in {item.stage} ({item.error_type}): {item.message}"


def short(uri: str) -> str:
    """A film's name, its end if it is long."""
    name = PurePosixPath(uri).name or uri
    return name if len(name) <= _MAX_NAME else "…" + name[-_MAX_NAME + 1 :]


def clock(seconds: float) -> str:
    """Seconds as ``1:02:03`` or ``2:03``."""
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"
