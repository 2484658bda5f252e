"""Counts of a run while it goes: films by verdict, work done, pace, time left.

Work is measured in seconds of film. Each step after `plan` that is done with a clip has
done its share of it, so a film of ten hours moves the pace long before it is committed.
Memory does not grow with the films that have come to their end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from scenelake.pipeline.parcels import Event
from scenelake.pipeline.watching.watcher import Verdict
from scenelake.schemas.flow import Receipt, Skipped

_FIRST = "plan"
_WORKING_STEPS = 9
"""Steps after `plan`."""

_SETTLING_S = 10.0
_N_RECENT = 256

State = TypeVar("State")


class Ledger(Generic[State]):
    """State of the films in hand, dropped at their verdict.

    An event that comes in late must not open a film again: the last few that were closed
    are remembered.
    """

    def __init__(self, make: Callable[[], State]) -> None:
        self._make = make
        self._open: dict[str, State] = {}
        self._closed: deque[str] = deque(maxlen=_N_RECENT)

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[tuple[str, State]]:
        return iter(self._open.items())

    def find(self, uri: str) -> State | None:
        """The film's state, new if the film is; None if it has come to its end."""
        if uri not in self._open:
            if uri in self._closed:
                return None
            self._open[uri] = self._make()
        return self._open[uri]

    def close(self, uri: str) -> State:
        self._closed.append(uri)
        state = self._open.pop(uri, None)
        return self._make() if state is None else state


@dataclass(slots=True)
class FilmState:
    """A film in hand.

    Attributes:
        media_s: its duration, once known.
        done: share of its work that is done, 0 to 1.
        begun: a step after `plan` has taken it up.
        at_work: the last event of each step and clip that is being worked on.
    """

    media_s: float | None = None
    done: float = 0.0
    begun: bool = False
    at_work: dict[tuple[str, int | None], Event] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return self.begun or bool(self.at_work)


class Pace:
    """Seconds of film a second, over the latest half to three quarters of the run.

    So a slow start (models that load, workers that are still to come) is forgotten.
    """

    def __init__(self) -> None:
        self._start_s: float | None = None
        self._from = (0.0, 0.0)
        self._next: tuple[float, float] | None = None

    def start(self, now_s: float) -> None:
        """The first work begins; what went before was no work."""
        if self._start_s is None:
            self._start_s = now_s
            self._from = (now_s, 0.0)

    def add(self, now_s: float, total_s: float) -> None:
        self.start(now_s)
        age_s = now_s - (self._start_s or 0.0)
        if self._next is None:
            if age_s >= _SETTLING_S:
                self._next = (now_s, total_s)
        elif age_s >= 2 * (self._next[0] - (self._start_s or 0.0)):
            self._from, self._next = self._next, (now_s, total_s)

    def rate(self, now_s: float, total_s: float) -> float:
        """0 where nothing can be said yet."""
        elapsed_s = now_s - self._from[0]
        if self._start_s is None or elapsed_s <= 0:
            return 0.0
        return (total_s - self._from[1]) / elapsed_s


class Tally:
    """Counts a run. Not locked: who is called from several threads locks around it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.n_inputs = self.n_committed = self.n_skipped = self.n_failed = self.n_running = 0
        self.committed_s = 0.0
        self.films: Ledger[FilmState] = Ledger(FilmState)
        self._pace = Pace()
        self._worked_s = 0.0
        self._n_open_known, self._open_s, self._open_done_s = 0, 0.0, 0.0
        self._open_shares = 0.0
        self._n_known, self._known_s = 0, 0.0
        self.start_s = clock()

    def begin(self, n_inputs: int) -> None:
        self.n_inputs = n_inputs
        self.start_s = self._clock()

    @property
    def n_ended(self) -> int:
        return self.n_committed + self.n_skipped + self.n_failed

    @property
    def share(self) -> float:
        """Of the films that is done, 0 to 1; of films in hand what is done of them."""
        return min(1.0, (self.n_ended + self._open_shares) / max(1, self.n_inputs))

    @property
    def elapsed_s(self) -> float:
        return self._clock() - self.start_s

    @property
    def realtime_factor(self) -> float:
        """Seconds of film, those of films in hand as far as they are done, a second of run."""
        elapsed_s = self.elapsed_s
        done_s = max(0.0, self.committed_s + self._open_done_s)
        return done_s / elapsed_s if elapsed_s > 0 else 0.0

    def left_s(self) -> float | None:
        """Time left at the present pace, films not seen yet taken for average ones.

        None as long as it cannot be known. Films not seen yet are taken for work, not for
        some that will be skipped.
        """
        rate = self._pace.rate(self._clock(), self._worked_s)
        if rate <= 0 or not self._n_known:
            return None
        n_unseen = self.n_inputs - self.n_ended - self._n_open_known
        unseen_s = n_unseen * self._known_s / self._n_known
        return max(0.0, self._open_s - self._open_done_s + unseen_s) / rate

    def count_event(self, event: Event) -> None:
        film = self.films.find(event.uri)
        if film is None:
            return
        was_running = film.running
        if film.media_s is None and event.media_s is not None:
            self._learn(film, event.media_s)
        self._move(film, event)
        self.n_running += film.running - was_running

    def count_verdict(self, uri: str, item: Verdict) -> None:
        film = self.films.close(uri)
        self.n_running -= film.running
        self._open_shares -= film.done
        if film.media_s is not None:
            self._n_open_known -= 1
            self._open_s -= film.media_s
            self._open_done_s -= film.media_s * film.done
        elif isinstance(item, Receipt):
            self._meet(item.media_s)
        self._judge(film, item)

    def _learn(self, film: FilmState, media_s: float) -> None:
        film.media_s = media_s
        self._n_open_known += 1
        self._open_s += media_s
        self._open_done_s += media_s * film.done
        self._meet(media_s)

    def _meet(self, media_s: float) -> None:
        self._n_known += 1
        self._known_s += media_s

    def _move(self, film: FilmState, event: Event) -> None:
        key = (event.step, event.clip)
        if event.kind == "started":
            film.at_work[key] = event
            if event.step != _FIRST:
                film.begun = True
                self._pace.start(self._clock())
            return
        film.at_work.pop(key, None)
        if event.step != _FIRST:
            self._work(film, 1 / _WORKING_STEPS / (event.n_clips or 1))

    def _work(self, film: FilmState, share: float) -> None:
        share = min(share, 1.0 - film.done)
        film.done += share
        self._open_shares += share
        if film.media_s is not None:
            self._open_done_s += film.media_s * share
            self._worked_s += film.media_s * share
            self._pace.add(self._clock(), self._worked_s)

    def _judge(self, film: FilmState, item: Verdict) -> None:
        if isinstance(item, Receipt):
            self.n_committed += 1
            self.committed_s += item.media_s
            self._worked_s += item.media_s * (1.0 - film.done)
            self._pace.add(self._clock(), self._worked_s)
        elif isinstance(item, Skipped):
            self.n_skipped += 1
        else:
            self.n_failed += 1
