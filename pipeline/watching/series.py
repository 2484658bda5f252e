"""A record over time of bounded length: when it is full, neighbours are merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scenelake.pipeline.watching.watcher import QueueState


@dataclass(frozen=True, slots=True)
class Sample:
    """A stretch of a run that ends at `time_s`.

    What only grows is as it stood at the end; memory and queues are the stretch's peak, so
    that merging loses neither a total nor a peak.

    Attributes:
        time_s: seconds since the run began.
        media_s: seconds of film committed so far.
        committed, failed, skipped: films so far.
        cpu_s: seconds of CPU that the processes of the run have used so far.
        memory_bytes: what they held together, 0 where it cannot be known.
        queues: what waited in front of each step.
    """

    time_s: float
    media_s: float = 0.0
    committed: int = 0
    failed: int = 0
    skipped: int = 0
    cpu_s: float = 0.0
    memory_bytes: int = 0
    queues: Mapping[str, QueueState] = field(default_factory=dict)

    def merge(self, later: Sample) -> Sample:
        return Sample(
            time_s=later.time_s,
            media_s=later.media_s,
            committed=later.committed,
            failed=later.failed,
            skipped=later.skipped,
            cpu_s=later.cpu_s,
            memory_bytes=max(self.memory_bytes, later.memory_bytes),
            queues=peaks(self.queues, later.queues),
        )


class Series:
    """At most `max_points` samples, evenly spread over the run however long it is.

    The first are `interval_s` apart; each time the series is full, neighbours are merged
    and the interval doubles.
    """

    def __init__(self, *, interval_s: float = 1.0, max_points: int = 600) -> None:
        if max_points < 2:
            raise ValueError(f"max_points is {max_points}, expected 2 or more")
        self.interval_s = interval_s
        self._max_points = max_points
        self._points: list[Sample] = []
        self._open_since_s = 0.0

    def add(self, sample: Sample) -> None:
        if self._points and sample.time_s - self._open_since_s < self.interval_s:
            self._points[-1] = self._points[-1].merge(sample)
            return
        if len(self._points) >= self._max_points:
            self._halve()
        self._points.append(sample)
        self._open_since_s = sample.time_s

    def points(self) -> list[Sample]:
        return list(self._points)

    def _halve(self) -> None:
        points = self._points
        pairs = [a.merge(b) for a, b in zip(points[::2], points[1::2], strict=False)]
        self._points = pairs + points[2 * len(pairs) :]
        self.interval_s *= 2


def peaks(
    first: Mapping[str, QueueState], second: Mapping[str, QueueState]
) -> dict[str, QueueState]:
    """The larger of both for every step."""
    merged = dict(first)
    for step, state in second.items():
        before = merged.get(step, state)
        merged[step] = QueueState(
            max(before.n_items, state.n_items), max(before.n_bytes, state.n_bytes)
        )
    return merged
