"""What a step is. A step knows nothing of the engine that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


@dataclass(frozen=True, slots=True)
class Resources:
    """What one worker of a step occupies. `cpus` and `gpus` may be fractions."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0


class Stage(Protocol[In, Out]):
    """One step: made cheaply anywhere, set up once per worker, fed one item at a time.

    A stage that makes column families names them in `families`, and has a method `skip`
    that gives the next item, without `setup`, from what is known of a clip already. A
    stage that takes items of several films side by side has `process_all`, which gives one
    output for each, in their order. A stage that holds more than memory has `close`; one
    that counts more than its items has `take_counts`, which gives what it counted since it
    was last asked, by name.
    """

    resources: Resources

    def setup(self) -> None:
        """Load weights, once per worker, before the first item."""

    def process(self, item: In) -> Iterator[Out]:
        """Turn one item into any number of the next kind, in bounded memory.

        Errors:
            InputError: this item cannot be used.
        """
        ...
