"""Where Ray's actors report what they do; it knows of what they died.

Deaths are counted by what was begun and not finished. Where one step's work goes on inside
another's, in one actor, the outer work rests meanwhile: it is not to blame.
"""

from __future__ import annotations

from collections import Counter

import ray

from scenelake.pipeline.parcels import Event

Key = tuple[str, ...]


@ray.remote
class Board:
    """Collects what workers report, for the driver to fetch; knows what they died of."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._begun: Counter[Key] = Counter()

    def begin(self, key: Key, event: Event, within: Key | None = None) -> int:
        """A worker takes an item up: how often one has without getting done with it.

        Args:
            within: what it has in hand too, and leaves alone until it is done with this.
        """
        self._events.append(event)
        self._begun[key] += 1
        if within is not None:
            self._begun[within] -= 1
        return self._begun[key]

    def n_begun(self, key: Key) -> int:
        """How often an item was taken up that nobody has got done with."""
        return self._begun[key]

    def finish(self, key: Key, events: list[Event], within: Key | None = None) -> None:
        """A worker is done with an item, well or not, and turns to what it left alone."""
        del self._begun[key]
        if within is not None:
            self._begun[within] += 1
        self._events.extend(events)

    def drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events
