"""Joins windows that are scored for speech into utterances, as "cut and merge" of WhisperX.

A stretch of speech begins where the score reaches a threshold and ends where it has
stayed below a lower one long enough. Neighbouring stretches become one utterance, for a
transcriber does better with context; what grows past the limit is cut where speech is
least likely. Bain et al. 2023, arXiv:2303.00747, section 3.1.

Clips of one film divide the speech that both hear alike, wherever they began to listen: a
speech of more than two utterances is cut near fixed times of the film's own clock. Were
each cut laid by the one before it, two clips would agree after the next long silence only,
and a transcriber gives other words for another division.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from scenelake.schemas.arrays import Float64, Int16
from scenelake.schemas.config import VadConfig
from scenelake.schemas.media import Utterance

HYSTERESIS = 0.15
"""A stretch ends this far below the score at which it begins (silero-vad's own value)."""
JOIN_S = 2.0
"""Stretches further apart than this are not joined: long silence invites phantom words."""
PAUSE_S = 0.5
"""A cut is looked for where the mean score over this long is least."""
AS_QUIET = 0.02
"""Scores no further apart than this tell nothing of which pause is the better one."""
STEP, REACH = 0.7, 0.12
"""Times of the clock near which a long speech is cut, and how near, as parts of the longest
utterance: from a cut near one of them, all that is near the next lies within it."""


@dataclass(frozen=True, slots=True)
class Window:
    """A few samples, the first at `start_s`, and how likely they are speech (0..1)."""

    samples: Int16
    start_s: float
    speech: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What `VadConfig` says in seconds, in windows."""

    enter: float
    leave: float
    min_speech: int
    min_silence: int
    pad: int
    join: int
    pause: int
    longest: int
    step: int
    reach: int

    @classmethod
    def of(cls, config: VadConfig, *, window_s: float) -> Limits:
        def n(seconds: float) -> int:
            return round(seconds / window_s)

        longest = int(config.max_s / window_s)
        return cls(
            enter=config.threshold,
            leave=max(config.threshold - HYSTERESIS, 0.01),
            min_speech=n(config.min_speech_s),
            min_silence=max(n(config.min_silence_s), 1),
            pad=n(config.pad_s),
            join=max(n(JOIN_S), n(config.min_silence_s), n(config.pad_s)),
            pause=max(n(PAUSE_S), 1),
            longest=longest,
            step=round(STEP * longest),
            reach=round(REACH * longest),
        )

    @property
    def two(self) -> int:
        """What can be cut into two utterances with a choice of where."""
        return 2 * (self.longest - self.reach)


def join(
    windows: Iterable[Window], config: VadConfig, *, window_s: float, sample_rate: int
) -> Iterator[Utterance]:
    """Utterances of at most `config.max_s`, in time order, none overlapping.

    Args:
        windows: in time order, each `window_s` long but the last before a gap in time.
            Nothing is joined across a gap.
    """
    limits = Limits.of(config, window_s=window_s)
    joiner = _Joiner(limits, sample_rate, window_s)
    due_s: float | None = None
    for window in windows:
        if due_s is not None and abs(window.start_s - due_s) > window_s / 2:
            yield from joiner.finish()
            joiner = _Joiner(limits, sample_rate, window_s)
        yield from joiner.add(window)
        due_s = window.start_s + window_s
    yield from joiner.finish()


class _Joiner:
    """Windows since the last utterance, and the stretches of speech found in them.

    Positions count windows from the first one held. No more are held than make two of the
    longest utterance.
    """

    def __init__(self, limits: Limits, sample_rate: int, window_s: float) -> None:
        self._limits = limits
        self._sample_rate = sample_rate
        self._window_s = window_s
        self._held: list[Window] = []
        self._stretches: list[tuple[int, int]] = []
        self._opened: int | None = None
        self._quiet: int | None = None

    def add(self, window: Window) -> Iterator[Utterance]:
        self._held.append(window)
        self._follow(window.speech)
        if self._is_over:
            yield from self._take_all()
        elif len(self._held) >= self._limits.two:
            yield from self._take(self._cut_by_clock())
        elif self._opened is None and not self._stretches:
            self._drop_silence()

    def finish(self) -> Iterator[Utterance]:
        if self._opened is not None:
            self._close(self._voice_end())
        yield from self._take_all()

    def _follow(self, speech: float) -> None:
        """Open or close a stretch at the newest window."""
        newest = len(self._held) - 1
        if speech >= self._limits.enter:
            self._quiet = None
            if self._opened is None:
                self._opened = newest
        elif self._opened is not None and speech < self._limits.leave:
            if self._quiet is None:
                self._quiet = newest
            if newest + 1 - self._quiet >= self._limits.min_silence:
                self._close(self._quiet)

    def _close(self, end: int) -> None:
        assert self._opened is not None
        if end > 0 and end - self._opened >= self._limits.min_speech:
            self._stretches.append((max(self._opened, 0), end))
        self._opened = self._quiet = None

    def _voice_end(self) -> int:
        """Where the open stretch would end if it closed now."""
        return len(self._held) if self._quiet is None else self._quiet

    @property
    def _is_over(self) -> bool:
        """Whether nothing that is said from now on is joined to what was said."""
        if self._opened is not None or not self._stretches:
            return False
        return len(self._held) - self._stretches[-1][1] >= self._limits.join

    def _take_all(self) -> Iterator[Utterance]:
        """Give a speech that is over."""
        while self._stretches:
            end = min(self._stretches[-1][1] + self._limits.pad, len(self._held))
            yield from self._take(end if end <= self._limits.longest else self._cut(end))

    def _cut(self, end: int) -> int:
        """Where to cut a speech that ends at `end`: near its middle, if two halves will do."""
        longest = self._limits.longest
        if end > self._limits.two:
            return self._cut_by_clock()
        first = max(end // 2 - longest // 4, end - longest)
        return self._quietest(first, min(end // 2 + longest // 4, longest))

    def _cut_by_clock(self) -> int:
        """Where to cut a speech that may go on for hours: near a multiple of `step`."""
        limits = self._limits
        start = round(self._held[0].start_s / self._window_s)
        time = (start + limits.longest - limits.reach) // limits.step * limits.step - start
        return self._quietest(max(time - limits.reach, 1), time + limits.reach)

    def _quietest(self, first: int, last: int) -> int:
        """The middle one of the places that are as good as the best."""
        speech = np.array([window.speech for window in self._held[first:last]])
        means = _mean_around(speech, self._limits.pause)
        (best,) = np.nonzero(means <= means.min() + AS_QUIET)
        return first + int(best[len(best) // 2])

    def _take(self, end: int) -> Iterator[Utterance]:
        """Give the speech before `end`, keep what comes after."""
        spoken = self._stretches
        if self._opened is not None and self._opened < end:
            spoken = [*spoken, (max(self._opened, 0), self._voice_end())]
        before = [(a, b) for a, b in spoken if a < end]
        if before:
            first = max(before[0][0] - self._limits.pad, 0)
            last = min(before[-1][1] + self._limits.pad, end)
            yield self._utterance(first, last)
        self._drop(end)
        self._drop_silence()

    def _utterance(self, first: int, last: int) -> Utterance:
        samples = np.concatenate([window.samples for window in self._held[first:last]])
        return Utterance(samples, self._sample_rate, self._held[first].start_s)

    def _drop(self, n: int) -> None:
        """Forget the first `n` windows; an open stretch may begin before what is held."""
        if n <= 0:
            return
        del self._held[:n]
        self._stretches = [(max(a - n, 0), b - n) for a, b in self._stretches if b > n]
        self._opened = None if self._opened is None else self._opened - n
        self._quiet = None if self._quiet is None else self._quiet - n

    def _drop_silence(self) -> None:
        """Keep of the silence before a speech only what will pad it."""
        begun = len(self._held) if self._opened is None else self._opened
        first = self._stretches[0][0] if self._stretches else begun
        self._drop(first - self._limits.pad)


def _mean_around(values: Float64, width: int) -> Float64:
    """Mean over `width` values around each; the edges are repeated outwards."""
    before = width // 2
    padded = np.pad(values, (before, width - 1 - before), mode="edge")
    return np.convolve(padded, np.full(width, 1 / width), mode="valid")
