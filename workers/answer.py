"""Answers from retrieved scenes: found first, then worded by SmolLM2-135M, then checked.

The question decides what is looked for (`questions`), MiniLM and the words themselves
which sentence holds it (`candidates`), and only where one does is the language model
asked to word it. Its wording is kept if that sentence and those just before it support
it (`grounding`) and it names a thing of the kind asked for; otherwise the sentence is the
answer. Either way the citation is the sentence, with the time at which it is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from scenelake.schemas.config import AnswerConfig, TextConfig
from scenelake.workers import registry, weights
from scenelake.workers.candidates import Ranked, candidates, rank
from scenelake.workers.engines import Passage, Reply, TextEncoder
from scenelake.workers.grounding import denies, is_grounded, sentences, tokens
from scenelake.workers.llm import SMOLLM2, LocalLlm, load_smollm2, prompts_hash, read_prompt
from scenelake.workers.questions import Question, read_question
from scenelake.workers.sightings import answer_from_labels
from scenelake.workers.vectors import Vectors

NOT_TOLD = "The film does not tell."

MIN_COVERAGE = 0.7
MIN_YES_NO_COVERAGE = 0.9
MIN_SIMILARITY = 0.15

_PROMPTS = ("answer_system", "answer")


class SmolLmAnswerer:
    """Answers a question from passages; equal questions get equal answers.

    Args:
        text: the encoder to compare meanings with; None: the registry's ``text.minilm``.
    """

    def __init__(self, config: AnswerConfig, text: TextEncoder | None = None) -> None:
        self._config = config
        self._text = text
        self._vectors: Vectors | None = None
        self._llm: LocalLlm | None = None

    @property
    def model(self) -> str:
        return weights.identity(SMOLLM2)

    @property
    def weights(self) -> tuple[str, ...]:
        return (SMOLLM2, *registry.make("text", TextConfig()).weights)

    @property
    def prompt_hash(self) -> str:
        """Hash of the prompts and of all numbers that shape an answer."""
        bars = (MIN_COVERAGE, MIN_YES_NO_COVERAGE, MIN_SIMILARITY)
        return prompts_hash(
            _PROMPTS, settings={"max_tokens": self._config.max_tokens, "bars": bars}
        )

    def setup(self) -> None:
        """Load the models.

        Errors:
            MissingWeightsError: one is not on this machine.
        """
        if self._text is None:
            self._text = registry.ready("text", TextConfig())
        self._vectors = Vectors(self._text)
        self._llm = load_smollm2()

    def answer(self, question: str, passages: Sequence[Passage]) -> Reply:
        """The answer with its citation, or `NOT_TOLD` without one."""
        if self._vectors is None or self._llm is None:
            raise RuntimeError("setup() must come before answer()")
        asked = read_question(question)
        seen = answer_from_labels(asked, passages, self._vectors)
        if seen is not None:
            return seen
        ranked = rank(question, asked.asked, candidates(passages), self._vectors)
        best = next((r for r in ranked if _answers(asked, r)), None)
        if best is None:
            return Reply(answer=NOT_TOLD, grounded=False, citations=())
        wording = self._wording(asked, best) or best.candidate.text
        return Reply(answer=wording, grounded=True, citations=(best.candidate.citation(),))

    def _wording(self, question: Question, best: Ranked) -> str:
        """The model's short answer, or "" where it is not to be trusted with one."""
        sentence, window = best.candidate.text, best.candidate.window
        if self._llm is None or question.kind == "yes-no" or _is_ambiguous(question, sentence):
            return ""
        prompt = Template(read_prompt("answer")).substitute(evidence=window, question=question.text)
        reply = self._llm.chat(
            read_prompt("answer_system"), prompt, max_tokens=self._config.max_tokens
        )
        first = next(iter(sentences(reply)), "")
        return first if _is_kept(first, question, sentence, window) else ""


def _answers(question: Question, found: Ranked) -> bool:
    """Whether the film tells: all that is asked is spoken of, and the right kind is there."""
    bar = MIN_YES_NO_COVERAGE if question.kind == "yes-no" else MIN_COVERAGE
    return (
        found.coverage >= bar
        and found.similarity >= MIN_SIMILARITY
        and found.names_known
        and question.fits(found.candidate.text)
    )


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
        and question.fits(wording)
        and _tells_of(wording, sentence, question)
        and denies(wording) == denies(sentence)
    )


def _tells_of(wording: str, sentence: str, question: Question) -> bool:
    """Whether what is new in the wording stands in the cited sentence, not only before it."""
    cited = {t.key for t in tokens(sentence)}
    asked = {t.key for t in tokens(question.text)}
    new = [t for t in tokens(wording) if (t.is_content or t.is_number) and t.key not in asked]
    return bool(new) and any(t.key in cited for t in new)
