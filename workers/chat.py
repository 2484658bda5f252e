"""What is said to a language model, and what comes back, whichever way it is reached.

A prompt is texts and pictures in the order in which the model should see them. A model is
given many at once: a server answers them side by side, a model in this process in batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from scenelake.schemas.errors import SceneLakeError
from scenelake.workers.engines import Engine


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a prompt: JPEG bytes, and its presentation time in the film."""

    jpeg: bytes
    time_s: float


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request.

    Attributes:
        system: what the model is to do.
        parts: texts and pictures, in order.
        max_tokens: of the reply.
        json_schema: the reply is to be a JSON document of this schema.
    """

    system: str
    parts: tuple[str | Image, ...]
    max_tokens: int
    json_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What replies have cost; adds up.

    Attributes:
        n_prompts: prompts that were answered or given up.
        n_prompt_tokens, n_reply_tokens: as the model counts them.
        n_retries: requests made again after a server's refusal or a broken connection.
        n_repairs: replies that were not what was asked for, and asked for once more.
        n_failed: prompts without a usable reply.
        wait_s: from the sending of a prompt to its reply, summed over prompts.
    """

    n_prompts: int = 0
    n_prompt_tokens: int = 0
    n_reply_tokens: int = 0
    n_retries: int = 0
    n_repairs: int = 0
    n_failed: int = 0
    wait_s: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, n) + getattr(other, n) for n in self.__slots__))


@dataclass(frozen=True, slots=True)
class Saying:
    """What a model says to one prompt, stripped, and what that cost."""

    text: str
    usage: Usage = field(default_factory=Usage)


class ChatError(SceneLakeError):
    """One prompt got no usable reply; others may. `usage` is what the attempts cost."""

    def __init__(self, message: str, *, usage: Usage | None = None) -> None:
        super().__init__(message)
        self.usage = usage or Usage(n_prompts=1, n_failed=1)


class ChatModel(Engine, Protocol):
    """A language model, with eyes or without."""

    @property
    def sees(self) -> bool:
        """Whether it takes pictures. Known before `setup`; without, prompts hold none."""
        ...

    def say(self, prompts: Sequence[Prompt]) -> list[Saying | ChatError]:
        """A reply or an error for each prompt, in their order; one fails alone.

        Greedy: equal prompts get equal replies as far as the model can do that. A reply to
        a prompt with a schema is JSON of that schema, after one attempt at repair.

        Errors:
            TransientError: the model cannot be reached at all, for now.
        """
        ...
