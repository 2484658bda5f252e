"""Answers worded by SmolLM2-135M: the sentence is found first, then worded, then checked.

Its wording is kept if that sentence and those just before it support it (`grounding`) and it
names a thing of the kind asked for; otherwise the sentence is the answer. The citation is the
sentence either way.
"""

from __future__ import annotations

from string import Template

from scenelake.schemas.config import AnswerConfig
from scenelake.workers import weights
from scenelake.workers.answer import ExtractiveAnswerer
from scenelake.workers.engines import TextEncoder
from scenelake.workers.grounding import denies, is_grounded, sentences, tokens
from scenelake.workers.kinds import fits
from scenelake.workers.llm import SMOLLM2, LocalLlm, load_smollm2, prompts_hash, read_prompt
from scenelake.workers.questions import Question
from scenelake.workers.ranking import Ranked
from scenelake.workers.telling import bars

MAX_WORDING_TOKENS = 60

_PROMPTS = ("answer_system", "answer")


class SmolLmAnswerer(ExtractiveAnswerer):
    """An `ExtractiveAnswerer` whose sentences a small language model words as an answer."""

    def __init__(self, config: AnswerConfig, text: TextEncoder | None = None) -> None:
        super().__init__(config, text)
        self._llm: LocalLlm | None = None

    @property
    def model(self) -> str:
        return f"{weights.identity(SMOLLM2)}+{super().model}"

    @property
    def weights(self) -> tuple[str, ...]:
        return (SMOLLM2, *super().weights)

    @property
    def _max_tokens(self) -> int:
        return min(self._config.max_tokens, MAX_WORDING_TOKENS)

    @property
    def prompt_hash(self) -> str:
        """Hash of the prompts and of all numbers that shape an answer."""
        settings = {"max_tokens": self._max_tokens, **bars()}
        return prompts_hash(_PROMPTS, settings=settings)

    def setup(self) -> None:
        """Load the models.

        Errors:
            MissingWeightsError: one is not on this machine.
        """
        super().setup()
        self._llm = load_smollm2()

    def _wording(self, question: Question, best: Ranked) -> str:
        """The model's short answer; the sentence where it is not to be trusted with one."""
        sentence, window = best.candidate.text, best.candidate.window
        if self._llm is None or _is_ambiguous(question, sentence):
            return sentence
        prompt = Template(read_prompt("answer")).substitute(evidence=window, question=question.text)
        reply = self._llm.chat(read_prompt("answer_system"), prompt, max_tokens=self._max_tokens)
        first = next(iter(sentences(reply)), "")
        return first if _is_kept(first, question, sentence, window) else sentence


def _is_ambiguous(question: Question, sentence: str) -> bool:
    """Whether a number is asked for and the sentence holds several: the model mixes them up."""
    is_quantity = question.kind in ("number", "when")
    return is_quantity and sum(t.is_number for t in tokens(sentence)) > 1


def _is_kept(wording: str, question: Question, sentence: str, window: str) -> bool:
    """Whether a wording is true to its sentence, complete, and tells what was asked."""
    if not wording or wording[-1] not in '.!"' or len(wording.split()) > len(window.split()):
        return False
    return (
        is_grounded(wording, [window])
        and fits(question, wording)
        and _tells_of(wording, sentence, question)
        and denies(wording) == denies(sentence)
    )


def _tells_of(wording: str, sentence: str, question: Question) -> bool:
    """Whether what is new in the wording stands in the cited sentence, not only before it."""
    cited = {t.key for t in tokens(sentence)}
    asked = {t.key for t in tokens(question.text)}
    new = [t for t in tokens(wording) if (t.is_content or t.is_number) and t.key not in asked]
    return bool(new) and any(t.key in cited for t in new)
