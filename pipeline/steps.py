"""How an item goes through a step, whichever engine runs it.

An item travels in a `Parcel` with the address it came from. An error of one item turns
into a `Failure` here, in one place, and the parcel goes on to the end with it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from scenelake.schemas.errors import InputError, LakeError, SceneLakeError, UsageError
from scenelake.schemas.flow import Receipt, Skipped
from scenelake.schemas.rows import Failure
from scenelake.workers.stage import Resources, Stage

logger = logging.getLogger(__name__)

_ENDS = (Failure, Skipped, Receipt)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the list: its name and how a worker of it is made."""

    name: str
    make: Callable[[], Stage[Any, Any]]
    resources: Resources


@dataclass(frozen=True, slots=True)
class Parcel:
    """An item on its way, and the seconds that each step was busy with it."""

    uri: str
    run_id: str
    item: Any
    video_id: str | None = None
    busy_s: tuple[tuple[str, float], ...] = ()

    @property
    def ended(self) -> bool:
        return isinstance(self.item, _ENDS)


@dataclass(frozen=True, slots=True)
class Event:
    """A step takes up an input, or is done with it."""

    uri: str
    step: str
    kind: Literal["started", "finished"]


class Worker:
    """A step at work: sets its stage up at the first item that needs it."""

    def __init__(self, step: Step, report: Callable[[Event], None]) -> None:
        self._step = step
        self._report = report
        self._stage: Stage[Any, Any] | None = None

    def advance(self, parcel: Parcel) -> Iterator[Parcel]:
        """Take a parcel one step further; one that has ended passes through.

        Errors:
            UsageError, LakeError: the whole run cannot go on.
        """
        if parcel.ended:
            yield parcel
            return
        self._report(Event(parcel.uri, self._step.name, "started"))
        if self._stage is None:
            stage = self._step.make()
            stage.setup()
            self._stage = stage
        yield from self._process(self._stage, parcel)
        self._report(Event(parcel.uri, self._step.name, "finished"))

    def _process(self, stage: Stage[Any, Any], parcel: Parcel) -> Iterator[Parcel]:
        outputs: Iterator[Any] = stage.process(parcel.item)
        while True:
            start_s = time.perf_counter()
            try:
                item = next(outputs, None)
            except (UsageError, LakeError):
                raise
            except Exception as error:
                item = self._failure(parcel, error)
                outputs = iter(())
            if item is None:
                return
            busy = (self._step.name, time.perf_counter() - start_s)
            yield replace(
                parcel,
                item=item,
                video_id=_video_id(item) or parcel.video_id,
                busy_s=(*parcel.busy_s, busy),
            )

    def _failure(self, parcel: Parcel, error: Exception) -> Failure:
        if not isinstance(error, SceneLakeError):
            logger.error("%s: %s failed", parcel.uri, self._step.name, exc_info=error)
        return Failure(
            uri=parcel.uri,
            video_id=parcel.video_id,
            stage=self._step.name,
            error_type=error.error_type if isinstance(error, InputError) else type(error).__name__,
            message=" ".join(str(error).split()) or type(error).__name__,
            run_id=parcel.run_id,
            at=datetime.now(UTC),
        )


def _video_id(item: Any) -> str | None:
    """The film that an item belongs to, as far as the item says."""
    if isinstance(item, Skipped | Receipt | Failure):
        return item.video_id
    source = getattr(item, "source", None)
    return source.video_id if source is not None else None
