"""Descriptions and titles of scenes, by SmolLM2-135M and from the scene's own evidence.

What is seen and what is written on screen is told as it was recognised. What is said is
summed up in one sentence by the model; that sentence is kept if it is grounded (see
`scenelake.workers.grounding`), and otherwise the beginning of the speech stands in its
place. The model is not asked about pictures: from two labels it makes up a story.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.rows import Scene
from scenelake.workers import evidence, weights
from scenelake.workers.evidence import compose, tells, told_speech
from scenelake.workers.grounding import (
    MIN_CONTENT_SHARE,
    MIN_PAIR_SHARE,
    is_grounded,
    sentences,
)
from scenelake.workers.llm import SMOLLM2, LocalLlm, load_smollm2, prompts_hash, read_prompt

_PROMPTS = ("describe_system", "describe")


class SmolLmDescriber:
    """Describes a scene; the same scene always gets the same words.

    `grounded` is True where a sentence of the model was kept, False where the text is
    the evidence alone: nothing said, or nothing true made of it.
    """

    def __init__(self, config: DescribeConfig) -> None:
        self._config = config
        self._llm: LocalLlm | None = None

    @property
    def model(self) -> str:
        return weights.identity(SMOLLM2)

    @property
    def weights(self) -> tuple[str, ...]:
        return (SMOLLM2,)

    @property
    def prompt_hash(self) -> str:
        """Hash of the prompts and of all numbers that shape a description."""
        settings = {
            "max_tokens": self._config.max_tokens,
            "grounding": (MIN_CONTENT_SHARE, MIN_PAIR_SHARE, evidence.MIN_CONTENT),
            "labels": (evidence.MIN_LABEL_SCORE, evidence.MAX_LABELS),
            "screen": (evidence.MAX_SCREEN_LINES, evidence.MAX_SCREEN_CHARS),
            "speech": (
                evidence.MAX_SPEECH_WORDS,
                evidence.MAX_QUOTE_WORDS,
                evidence.MAX_TITLE_WORDS,
            ),
        }
        return prompts_hash(_PROMPTS, settings=settings)

    def setup(self) -> None:
        """Load the model.

        Errors:
            MissingWeightsError: it is not on this machine.
        """
        self._llm = load_smollm2()

    def describe(self, scenes: Sequence[Scene]) -> tuple[Scene, ...]:
        """The scenes with `title`, `description`, `grounded` and `frames_s` filled in."""
        return tuple(compose(s, summary=self._summary(told_speech(s))) for s in scenes)

    def _summary(self, speech: str) -> str:
        """The first sentence of the model's that says something and is grounded, or ""."""
        if not speech:
            return ""
        if self._llm is None:
            raise RuntimeError("setup() must come before describe()")
        prompt = Template(read_prompt("describe")).substitute(speech=speech)
        reply = self._llm.chat(
            read_prompt("describe_system"), prompt, max_tokens=self._config.max_tokens
        )
        telling = (part for part in sentences(reply) if tells(part))
        first = next(telling, "")
        return first if is_grounded(first, [speech]) else ""
