"""Descriptions whose prompts are put to a model elsewhere, one scene a row.

Ray Data's own processor (`ray.data.llm`) takes one prompt a row and deals rows into batches
as it likes, so that what belongs to one part of a film comes out scattered. Nothing is
gathered again: each scene goes on by itself, as a part of one scene, and carries all that is
needed to judge its reply. A worker that dies holds nothing but the rows in its hand.

A reply that is not of its schema is not asked for a second time: the processor asks once.
Only policies that ask once can do with that.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.flow import Part
from scenelake.schemas.rows import Scene
from scenelake.workers import weights
from scenelake.workers.chat import ChatError, Prompt, Saying
from scenelake.workers.chat_json import settle
from scenelake.workers.chat_server import ServerChat, unusable
from scenelake.workers.chat_session import Reply
from scenelake.workers.chat_trouble import GaveUpError
from scenelake.workers.describe_chat import ChatDescriber
from scenelake.workers.evidence import compose
from scenelake.workers.fusion import OneRound, Policy, Telling, policy_named, untold
from scenelake.workers.moments import Material, materials
from scenelake.workers.reply import schema

logger = logging.getLogger(__name__)

_LIBRARIES = {"vllm": ("vllm", "aiohttp"), "http": ("aiohttp",)}
_EXTRAS = {"vllm": "vllm", "http": "cluster"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A scene and what is asked about it.

    Attributes:
        part: the scene alone, as one part of as many as its film has scenes.
        material: what of the scene is in the prompt.
    """

    part: Part
    material: Material
    prompt: Prompt

    def sent(self) -> Asked:
        """Without pictures and words for the model, which nobody looks at any more."""
        moments = tuple(replace(moment, image=None) for moment in self.material.moments)
        return Asked(
            self.part,
            replace(self.material, moments=moments),
            replace(self.prompt, system="", parts=()),
        )


@dataclass(frozen=True, slots=True)
class Told:
    """A scene and what came of its prompt."""

    asked: Asked
    reply: Reply

    @property
    def part(self) -> Part:
        return self.asked.part


class RowDescriber(ChatDescriber):
    """Makes the prompts of scenes, and descriptions of the replies; asks nobody itself.

    Errors:
        UsageError: `describe.policy` asks more than once for a scene; no model, or no address.
    """

    by_row = True

    def __init__(self, config: DescribeConfig) -> None:
        super().__init__(config, ElsewhereChat(config), policy=_one_round)
        self._schema = schema(config.max_tokens)

    def check(self) -> None:
        """See that the processor's libraries are installed here.

        Errors:
            UsageError: says what to install.
        """
        self._chat.setup()

    def ask(self, part: Part, *, done: Collection[int]) -> Iterator[Part | Asked]:
        """What is to be asked about a part's scenes; scenes that need no asking as they are.

        Args:
            done: indices of scenes that are described already; they are neighbours only.
        """
        known = materials(part.scenes, self._config, sees=self.sees)
        wanted = [m for m in known if m.scene.index not in done]
        yield from (_alone(part, compose(m.scene)) for m in wanted if m.is_empty)
        for material, prompt in self._questions([m for m in wanted if not m.is_empty]):
            scene = material.scene
            if prompt is None:
                yield _alone(part, self._written(material, Telling(material, untold())))
            else:
                yield Asked(_alone(part, scene), material, prompt)

    def hear(self, told: Told) -> Part:
        """A scene with what is true of its reply; its evidence where nothing is.

        Errors:
            TransientError: the server cannot be reached at all, for now.
            UsageError: the server turns away the key, does not know the model, or takes no
                `response_format`.
        """
        if isinstance(told.reply, UsageError):
            raise told.reply
        if isinstance(told.reply, GaveUpError) and told.reply.is_server_wide:
            raise unusable(self._config, told.reply)
        reply = settle(told.reply, self._schema)
        self._usage += reply.usage
        material = told.asked.material
        return replace(told.part, scenes=(self._written(material, Telling(material, reply)),))

    def _questions(self, known: Sequence[Material]) -> list[tuple[Material, Prompt | None]]:
        assert isinstance(self._policy, OneRound)
        return self._policy.questions(known)


class ElsewhereChat:
    """A `ChatModel` that is known here and asked elsewhere.

    Errors:
        UsageError: no model or, for a server, no address is configured.
    """

    def __init__(self, config: DescribeConfig) -> None:
        self._config = config
        self._at_server = config.ray.processor == "http"
        self._model = ServerChat(config).model if self._at_server else config.model
        if not self._model:
            raise UsageError("model is empty, expected a folder or a hub's owner/name@revision")

    @property
    def model(self) -> str:
        """As engine "server" has it, or ``name@revision``."""
        return self._model if self._at_server else weights.identity(self._model)

    @property
    def weights(self) -> tuple[str, ...]:
        return () if self._at_server else (self._model,)

    @property
    def sees(self) -> bool:
        return self._config.sees

    def setup(self) -> None:
        """See that the libraries of Ray's processor are installed here; loads none.

        Errors:
            UsageError: says what to install.
        """
        processor = self._config.ray.processor
        missing = [name for name in _LIBRARIES[processor] if find_spec(name) is None]
        if missing:
            raise UsageError(
                f"describe.ray.processor {processor} needs {missing[0]}, which is not installed "
                f"here: pip install 'scenelake[{_EXTRAS[processor]}]'"
            )

    def say(self, prompts: Sequence[Prompt]) -> list[Saying | ChatError]:
        """Refuse.

        Errors:
            UsageError: always.
        """
        raise UsageError("describe.engine ray-llm runs within Ray Data only: --engine ray")


def _alone(part: Part, scene: Scene) -> Part:
    return replace(part, index=scene.index, count=part.facts.n_scenes, scenes=(scene,))


def _one_round(config: DescribeConfig) -> Policy:
    policy = policy_named(config.policy)(config)
    if not isinstance(policy, OneRound):
        raise UsageError(
            f"describe.policy {config.policy} asks more than once for a scene, and engine ray-llm "
            "asks once: use policy early, or engine server"
        )
    return policy
