"""Shows a run while it goes: a live display in a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, TextIO

from scenelake.pipeline.names import Names, printable, short
from scenelake.pipeline.parcels import Event
from scenelake.pipeline.watching.tally import FilmState, Tally
from scenelake.pipeline.watching.watcher import QueueState, Verdict, Watcher
from scenelake.schemas.flow import Receipt, Skipped
from scenelake.schemas.rows import Failure

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_FEW = 50
"""Films up to which each is worth a line of its own."""

_MAX_ALIKE = 20
"""Failures of one type that are shown; a disk that went away would fill the screen."""

_MAX_ROWS = 5
_MAX_CLIPS = 4
_SUMMARY_S = (10.0, 60.0)


class _Display(Watcher):
    """What both displays have: the counts, the films' names, a lock around them."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self.tally = Tally(clock=now)
        self._lock = threading.Lock()
        self._names: Callable[[str], str] = short
        self._n_alike: Counter[str] = Counter()

    def begin(self, uris: list[str]) -> None:
        self._names = Names(uris)
        self.tally.begin(len(uris))

    def event(self, event: Event) -> None:
        with self._lock:
            self.tally.count_event(event)

    def verdict(self, uri: str, item: Verdict) -> None:
        with self._lock:
            self.tally.count_verdict(uri, item)

    def sentence(self, uri: str, item: Verdict) -> str:
        return sentence(self._names(uri), item)

    def failure(self, uri: str, item: Failure) -> str | None:
        """A line for a failure, None where enough like it have been shown."""
        kind = item.error_type
        self._n_alike[kind] += 1
        if self._n_alike[kind] > _MAX_ALIKE + 1:
            return None
        if self._n_alike[kind] == _MAX_ALIKE + 1:
            return f"more failures of type {kind} are only counted here; the lake has them all"
        return self.sentence(uri, item)

    def counts(self) -> str:
        tally = self.tally
        return (
            f"{tally.n_committed:,} done, {tally.n_running:,} running, "
            f"{tally.n_failed:,} failed, {tally.n_skipped:,} skipped"
        )

    def pace(self) -> str:
        """Real-time factor and time left, as far as they can be known."""
        parts = []
        if factor := self.tally.realtime_factor:
            parts.append(f"{factor:,.1f}x real time")
        left_s = self.tally.left_s()
        if left_s is not None and self.tally.n_ended < self.tally.n_inputs:
            parts.append(f"about {clock(left_s)} left")
        return ", ".join(parts)

    def at_work(self, n_rows: int) -> list[str]:
        """A line for each of the first films that are being worked on."""
        busy = ((uri, film) for uri, film in self.tally.films if film.at_work)
        return [f"{self._names(uri)}{_steps(film)}" for uri, film in islice(busy, n_rows)]


class Lines(_Display):
    """A line for each input that has come to its end; with many, for those that failed.

    Now and then a line on the whole, every 10 s at first, every minute in a long run.
    """

    def __init__(self, out: TextIO, *, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(now=now)
        self._out = out
        self._said_s = 0.0

    def begin(self, uris: list[str]) -> None:
        super().begin(uris)
        films = "film" if len(uris) == 1 else "films"
        self._say(f"{len(uris):,} {films} to look at")

    def event(self, event: Event) -> None:
        super().event(event)
        self._summarise()

    def flow(self, queues: Mapping[str, QueueState]) -> None:
        self._summarise()

    def verdict(self, uri: str, item: Verdict) -> None:
        super().verdict(uri, item)
        with self._lock:
            self._tell(uri, item)
        self._summarise()

    def say(self, text: str) -> None:
        self._say(text)

    def close(self) -> None:
        """The last word on many films."""
        if self._many and self.tally.n_ended:
            self._say(self._summary())

    @property
    def _many(self) -> bool:
        return self.tally.n_inputs > _FEW

    def _tell(self, uri: str, item: Verdict) -> None:
        line = self.failure(uri, item) if isinstance(item, Failure) else None
        if not self._many:
            line = line or self.sentence(uri, item)
            pace = self.pace()
            line += f" ({pace})" if pace else ""
        if line:
            self._say(f"[{self.tally.n_ended:,}/{self.tally.n_inputs:,}] {line}")

    def _summarise(self) -> None:
        with self._lock:
            shortest_s, longest_s = _SUMMARY_S
            elapsed_s = self.tally.elapsed_s
            if elapsed_s - self._said_s >= min(longest_s, max(shortest_s, elapsed_s / 100)):
                self._say(self._summary())

    def _summary(self) -> str:
        rows = [] if self._many else self.at_work(1)
        parts = filter(None, [self.counts(), self.pace(), *rows])
        return f"[{self.tally.n_ended:,}/{self.tally.n_inputs:,}] {'; '.join(parts)}"

    def _say(self, text: str) -> None:
        self._said_s = self.tally.elapsed_s
        self._out.write(text + "\n")
        self._out.flush()


class Screen(_Display):
    """A bar, the counts, the pace, some films at work; lines above for what went wrong.

    Drawn when it is looked at, a few times a second, not when something happens.
    """

    def __init__(self, console: Console, *, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(now=now)
        self._console = console

    def verdict(self, uri: str, item: Verdict) -> None:
        super().verdict(uri, item)
        line = self.failure(uri, item) if isinstance(item, Failure) else None
        if line:
            # Outside of the lock: whoever draws holds the console's and waits for ours.
            self._console.print(line, markup=False, highlight=False)

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        with self._lock:
            lines = [self.counts(), self.pace(), *self._rows()]
            head = self._head()
        return Group(head, *(Text(line, no_wrap=True, overflow="ellipsis") for line in lines))

    def _head(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        tally = self.tally
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_row(
            ProgressBar(total=1.0, completed=tally.share, width=28),
            f"{int(100 * tally.share)}%",
            f"{tally.n_ended:,} of {tally.n_inputs:,} films",
            clock(tally.elapsed_s),
        )
        return row

    def _rows(self) -> list[str]:
        """Always as many, so that nothing jumps."""
        n_rows = min(_MAX_ROWS, self.tally.n_inputs)
        rows = self.at_work(n_rows)
        more = self.tally.n_running - len(rows) + 1
        if len(rows) == n_rows and more > 1:
            rows[-1] = f"and {more:,} more"
        return [f"  {row}" for row in rows] + [""] * (n_rows - len(rows))


@contextmanager
def watching(out: TextIO, *, quiet: bool = False) -> Iterator[Watcher]:
    """The display that fits where the text goes."""
    if quiet:
        yield Watcher()
    elif not out.isatty():
        lines = Lines(out)
        yield lines
        lines.close()
    else:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=out)
        screen = Screen(console)
        with Live(screen, console=console, transient=True, refresh_per_second=4):
            yield screen


def sentence(name: str, item: Verdict) -> str:
    """What became of an input."""
    if isinstance(item, Receipt):
        scenes = "scene" if item.n_scenes == 1 else "scenes"
        return f"{name}: committed, {item.n_scenes} {scenes}, {clock(item.media_s)}"
    if isinstance(item, Skipped):
        return f"{name}: skipped, {printable(item.reason)}"
    return f"{name}: failed in {item.stage} ({item.error_type}): {printable(item.message)}"


def clock(seconds: float) -> str:
    """Seconds as ``1:02:03`` or ``2:03``."""
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"


def _steps(film: FilmState) -> str:
    """``: speech``, or ``clip 4/12: speech, 5/12: decode``."""
    events = film.at_work.values()
    clips = [event for event in events if event.clip is not None and (event.n_clips or 1) > 1]
    if not clips:
        return ": " + ", ".join(event.step for event in events)
    steps = [f"{(e.clip or 0) + 1}/{e.n_clips}: {e.step}" for e in clips[:_MAX_CLIPS]]
    return " clip " + ", ".join(steps + ["…"] * (len(clips) > _MAX_CLIPS))
