"""Who is told how a run goes: displays, the monitor, or several of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scenelake.pipeline.parcels import Event
from scenelake.schemas.flow import Receipt, Skipped
from scenelake.schemas.rows import Failure

Verdict = Receipt | Skipped | Failure


@dataclass(frozen=True, slots=True)
class QueueState:
    """What waits in front of a step."""

    n_items: int
    n_bytes: int


class Watcher:
    """Is told how a run goes; this one does not care. A display overrides what it needs.

    Events may come from several threads at once, and late ones after the verdict on their
    film: on a cluster the two travel by different ways.
    """

    def begin(self, uris: list[str]) -> None:
        """The run starts on these inputs."""

    def event(self, event: Event) -> None:
        """A step takes up an input, or is done with it."""

    def flow(self, queues: Mapping[str, QueueState]) -> None:
        """About once a second: what waits in front of each step, as far as it is known."""

    def verdict(self, uri: str, item: Verdict) -> None:
        """An input has come to its end."""

    def say(self, text: str) -> None:
        """Something that the user should know now, in one sentence."""


class Watchers(Watcher):
    """Passes on to several, in their order."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def begin(self, uris: list[str]) -> None:
        for watcher in self._watchers:
            watcher.begin(uris)

    def event(self, event: Event) -> None:
        for watcher in self._watchers:
            watcher.event(event)

    def flow(self, queues: Mapping[str, QueueState]) -> None:
        for watcher in self._watchers:
            watcher.flow(queues)

    def verdict(self, uri: str, item: Verdict) -> None:
        for watcher in self._watchers:
            watcher.verdict(uri, item)

    def say(self, text: str) -> None:
        for watcher in self._watchers:
            watcher.say(text)
