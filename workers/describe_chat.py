"""Descriptions of scenes by a language model, with eyes or without, however it is reached.

The policy (`scenelake.workers.fusion`) decides how the model is told of a scene, and what
it writes is kept as far as it is true of the scene (`scenelake.workers.vetting`). Where
nothing of it is, or the model fails, the scene's evidence stands in its place.

The labels of a scene are left as the visual encoder gave them: they carry probabilities,
and a language model gives none. What it names besides, and what it reads on screen and the
text reader confirms, ends the description, as ``Seen: …`` and ``On screen: "…"``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.rows import Scene
from scenelake.workers import budget, evidence, fusion, grounding, moments, readings, shown, vetting
from scenelake.workers.chat import ChatError, ChatModel
from scenelake.workers.chat_worker import ChatWorker
from scenelake.workers.evidence import compose, put_together
from scenelake.workers.fusion import Policy, Telling, policy_named
from scenelake.workers.llm import prompts_hash
from scenelake.workers.moments import Material, materials
from scenelake.workers.reply import read_reply, schema

logger = logging.getLogger(__name__)


class ChatDescriber(ChatWorker):
    """Describes scenes by a `ChatModel`.

    `grounded` is True where a sentence of the model was kept, False where the text is the
    evidence alone. `frames_s` are the pictures behind the text that stands: those that the
    model was shown or told of, or those behind the evidence.

    Args:
        policy: how scenes are told to the model; None: as the configuration names it.

    Errors:
        UsageError: no such policy, or too few tokens for a prompt and its reply.
    """

    def __init__(
        self,
        config: DescribeConfig,
        chat: ChatModel,
        *,
        policy: Callable[[DescribeConfig], Policy] | None = None,
    ) -> None:
        super().__init__(chat)
        self._config = config
        self._policy = (policy or policy_named(config.policy))(config)

    @property
    def prompt_hash(self) -> str:
        """Hash of the prompts and of all numbers that shape a description."""
        keys = "policy max_tokens context_tokens max_frames frame_side_px same_frame dull_side_px"
        config = self._config.model_dump(include={*keys.split(), "n_neighbours"})
        settings = {"config": config, "sees": self.sees, "numbers": _numbers()}
        settings["schema"] = schema(self._config.max_tokens)
        return prompts_hash(self._policy.prompts, settings=settings)

    def describe(self, scenes: Sequence[Scene]) -> tuple[Scene, ...]:
        """The scenes with what was written of them; the model is told of all of them at once.

        Errors:
            TransientError: the model cannot be reached at all, for now.
        """
        known = materials(scenes, self._config, sees=self.sees)
        tellings = iter(self._policy.tell([m for m in known if not m.is_empty], self._say))
        return tuple(
            compose(m.scene) if m.is_empty else self._written(m, next(tellings)) for m in known
        )

    def _written(self, material: Material, telling: Telling) -> Scene:
        try:
            return self._as_told(material, telling)
        except ChatError as error:
            scene_id = material.scene.scene_id
            logger.warning("%s: %s; described by its evidence alone", scene_id, error)
            return compose(material.scene)

    def _as_told(self, material: Material, telling: Telling) -> Scene:
        """The scene in the model's words, as far as they are true; else in its evidence's.

        Errors:
            ChatError: there is no usable reply.
        """
        if isinstance(telling.reply, ChatError):
            raise telling.reply
        told = telling.material
        saw = self.sees and any(m.kind == "seen" for m in told.moments)
        reply = read_reply(telling.reply.text)
        vetted = vetting.vet(reply, material.scene, foreign=_foreign(material, told), saw=saw)
        if vetted is None:
            return compose(material.scene)
        return replace(
            material.scene,
            title=vetted.title,
            description=put_together(vetted.description, labels=vetted.labels, lines=vetted.lines),
            mood=vetted.mood,
            grounded=True,
            frames_s=told.times_s,
        )


def _foreign(known: Material, told: Material) -> tuple[str, ...]:
    """What neighbours say, and what a model has made of it: it may have put names in."""
    return (*known.foreign, *(n.text for n in told.around if n.offset == 0))


def by_server(config: DescribeConfig) -> ChatDescriber:
    """Describes by an OpenAI-compatible server."""
    from scenelake.workers.chat_server import ServerChat

    return ChatDescriber(config, ServerChat(config, sees=config.sees))


def by_llama(config: DescribeConfig) -> ChatDescriber:
    """Describes by a GGUF model in this process."""
    from scenelake.workers.chat_llama import LlamaChat

    return ChatDescriber(config, LlamaChat(config))


def by_transformers(config: DescribeConfig) -> ChatDescriber:
    """Describes by a model of transformers in this process."""
    from scenelake.workers.chat_transformers import TransformersChat

    return ChatDescriber(config, TransformersChat(config))


def _numbers() -> dict[str, object]:
    """What is not configured and shapes a description all the same."""
    return {
        "told": (evidence.MIN_LABEL_SCORE, evidence.MAX_LABELS, evidence.MAX_SCREEN_LINES),
        "evidence": (evidence.MAX_QUOTE_WORDS, evidence.MAX_TITLE_WORDS, evidence.MIN_CONTENT),
        "moments": (moments.PAUSE_S, moments.MAX_UTTERANCE_WORDS, moments.MAX_AROUND_WORDS),
        "shown": (shown.DULL_LIKENESS, shown.JPEG_QUALITY),
        "budget": (budget.CHARS_PER_TOKEN, budget.PATCH_PX, budget.MIN_PICTURE_TOKENS),
        "stages": (fusion.MAX_CAPTION_TOKENS, fusion.MAX_SUMMARY_TOKENS),
        "grounding": (grounding.MIN_CONTENT_SHARE, grounding.MIN_PAIR_SHARE),
        "readings": (readings.MIN_ALIKE, readings.MAX_JOINED_LINES),
        "vetting": (vetting.MIN_REPORTED_SHARE, vetting.MIN_MOOD_CHARS, vetting.MAX_MOOD_WORDS),
    }
