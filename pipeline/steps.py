"""How an item goes through a step, whichever engine runs it.

A step takes items of its own types; others pass by. An error of one item turns into a
`Failure` here, in one place, and the parcel goes on to the end with it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from scenelake.pipeline.parcels import Event, Parcel
from scenelake.schemas.config import DescribeConfig, PoolConfig
from scenelake.schemas.errors import (
    InputError,
    LakeError,
    SceneLakeError,
    TransientError,
    UsageError,
)
from scenelake.schemas.rows import Failure
from scenelake.workers.devices import release_memory
from scenelake.workers.stage import Resources, Stage

logger = logging.getLogger(__name__)

_BACK_OFF_S = 1.0
_LONG_S = 1.0
"""An item that took longer has used memory worth giving back."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the list.

    Attributes:
        make: how a worker of it is made.
        takes: the types of item that it works on.
        families: the column families it makes; a clip that needs none of them is skipped.
        attempts: at an item that meets a transient error.
        admits: light items come out of it heavy; those wait for room among all on their way.
        model: before it, items go through Ray Data's own processor, which runs this model.
    """

    name: str
    make: Callable[[], Stage[Any, Any]]
    resources: Resources
    takes: tuple[type, ...]
    families: frozenset[str] = frozenset()
    pool: PoolConfig = field(default_factory=PoolConfig)
    attempts: int = 1
    admits: bool = False
    model: DescribeConfig | None = None

    @property
    def is_light(self) -> bool:
        """Whether it takes next to nothing, and nobody has said how many workers it is to have."""
        resources, takes_core = self.resources, self.resources.cpus >= 1
        is_own = self.pool != PoolConfig() or self.model is not None
        return not (takes_core or resources.gpus or resources.memory_bytes or is_own)


class Worker:
    """A step at work: sets its stage up at the first item that needs it."""

    def __init__(self, step: Step, report: Callable[[Event], None]) -> None:
        self._step = step
        self._report = report
        self._stage: Stage[Any, Any] | None = None
        self._is_set_up = False

    @property
    def admits(self) -> bool:
        return self._step.admits

    @property
    def together(self) -> int:
        """Parcels that it is given at once, at most."""
        return self._step.pool.together

    def concerns(self, parcel: Parcel) -> bool:
        """Whether the step has work to do on a parcel."""
        if parcel.ended or not isinstance(parcel.item, self._step.takes):
            return False
        clip = parcel.clip
        return not self._step.families or clip is None or bool(clip.makes & self._step.families)

    def advance(self, parcel: Parcel) -> Iterator[Parcel]:
        """Take a parcel one step further, or let it pass by.

        Errors:
            UsageError, LakeError: the whole run cannot go on.
        """
        if parcel.ended or not isinstance(parcel.item, self._step.takes):
            yield parcel
        elif self.concerns(parcel):
            yield from self._work(parcel)
        else:
            stage: Any = self._made()
            yield replace(parcel, item=stage.skip(parcel.item))

    def advance_all(self, parcels: Sequence[Parcel]) -> Iterator[Parcel]:
        """Take parcels of any films one step further, side by side where the stage can.

        Where that fails, each is taken by itself, so that what is bad fails alone.

        Errors:
            UsageError, LakeError: the whole run cannot go on.
        """
        mine = [parcel for parcel in parcels if self.concerns(parcel)]
        done = self._side_by_side(mine) if len(mine) > 1 else None
        yield from done or ()
        for parcel in parcels:
            if done is None or not self.concerns(parcel):
                yield from self.advance(parcel)

    def close(self) -> None:
        """Let go of what the stage holds besides memory."""
        close = getattr(self._stage, "close", None)
        if close is not None:
            close()

    def event(self, parcel: Parcel, kind: Literal["started", "finished"]) -> Event:
        """An event of this step on a parcel, with what its item knows of the film."""
        index, count = parcel.position
        source = parcel.source
        return Event(
            uri=parcel.uri,
            step=self._step.name,
            kind=kind,
            clip=index,
            n_clips=count,
            media_s=None if source is None else source.duration_s,
        )

    def failed(self, parcel: Parcel, error: Exception) -> Parcel:
        """The end of a parcel that a worker died of."""
        return replace(parcel, item=self._failure(parcel, error))

    def _made(self) -> Stage[Any, Any]:
        if self._stage is None:
            self._stage = self._step.make()
        return self._stage

    def _ready(self) -> Stage[Any, Any]:
        stage = self._made()
        if not self._is_set_up:
            stage.setup()
            self._is_set_up = True
        return stage

    def _side_by_side(self, parcels: Sequence[Parcel]) -> list[Parcel] | None:
        """The parcels a step further; None where the stage cannot take them together."""
        process_all = getattr(self._made(), "process_all", None)
        if process_all is None:
            return None
        for parcel in parcels:
            self._report(self.event(parcel, "started"))
        stage = self._ready()
        start_s = time.perf_counter()
        try:
            items = process_all([parcel.item for parcel in parcels])
        except (UsageError, LakeError):
            raise
        except Exception as error:
            logger.warning(
                "%s: %d clips side by side: %s; now one by one",
                self._step.name,
                len(parcels),
                error,
            )
            return None
        busy_s = (time.perf_counter() - start_s) / len(parcels)
        counts = _counts(stage)
        for parcel in parcels:
            self._report(replace(self.event(parcel, "finished"), busy_s=busy_s, counts=counts))
            counts = {}
        release_memory()
        return [parcel.carrying(item) for parcel, item in zip(parcels, items, strict=True)]

    def _work(self, parcel: Parcel) -> Iterator[Parcel]:
        self._report(self.event(parcel, "started"))
        stage = self._ready()
        busy_s, media_s = 0.0, None
        outputs = self._outputs(stage, parcel)
        while True:
            start_s = time.perf_counter()
            output = next(outputs, None)
            busy_s += time.perf_counter() - start_s
            if output is None:
                break
            source = output.source
            media_s = source.duration_s if source is not None else media_s
            yield output
        if busy_s > _LONG_S:
            release_memory()
        done = self.event(parcel, "finished")
        media_s = done.media_s or media_s
        self._report(replace(done, busy_s=busy_s, media_s=media_s, counts=_counts(stage)))

    def _outputs(self, stage: Stage[Any, Any], parcel: Parcel) -> Iterator[Parcel]:
        try:
            for item in self._attempted(stage, parcel.item):
                yield parcel.carrying(item)
        except (UsageError, LakeError):
            raise
        except Exception as error:
            yield self.failed(parcel, error)

    def _attempted(self, stage: Stage[Any, Any], item: Any) -> Iterator[Any]:
        """What the stage makes of an item; a transient error is waited out, ever longer."""
        for attempt in range(1, self._step.attempts + 1):
            given = False
            try:
                for output in stage.process(item):
                    given = True
                    yield output
                return
            except TransientError as error:
                if given or attempt == self._step.attempts:
                    raise
                logger.warning("%s: attempt %d: %s", self._step.name, attempt, error)
                time.sleep(_BACK_OFF_S * 2 ** (attempt - 1))

    def _failure(self, parcel: Parcel, error: Exception) -> Failure:
        if not isinstance(error, SceneLakeError):
            logger.error("%s: %s failed", parcel.place, self._step.name, exc_info=error)
        message = " ".join(str(error).split()) or type(error).__name__
        return Failure(
            uri=parcel.uri,
            video_id=parcel.video_id,
            stage=self._step.name,
            error_type=error_type(error),
            message=message if isinstance(error, InputError) else f"{parcel.place}: {message}",
            run_id=parcel.run_id,
            at=datetime.now(UTC),
        )


def _counts(stage: Stage[Any, Any]) -> Mapping[str, float]:
    take = getattr(stage, "take_counts", dict[str, float])
    counts: Mapping[str, float] = take()
    return counts


def error_type(error: Exception) -> str:
    """What a row of `failures` calls an error."""
    if isinstance(error, InputError):
        return error.error_type
    return "transient" if isinstance(error, TransientError) else type(error).__name__
