"""Answers from retrieved scenes, in the film's own words: found, never made up.

The question decides what is looked for (`questions`); MiniLM and the words themselves which
sentence holds it (`candidates`). Where one does, that sentence is the answer and its citation;
where none does, the film does not tell. Other kinds of question have files of their own:
options (`choosing`), yes or no (`verdicts`), times in the film (`film_times`, `sightings`),
films as a whole (`overview`).
"""

from __future__ import annotations

from collections.abc import Sequence

from scenelake.schemas.config import AnswerConfig, TextConfig
from scenelake.schemas.errors import SceneLakeError
from scenelake.workers import registry
from scenelake.workers.candidates import candidates
from scenelake.workers.choosing import choose
from scenelake.workers.engines import Passage, Query, Reply, TextEncoder
from scenelake.workers.film_times import answer_with_times, with_spans
from scenelake.workers.llm import prompts_hash
from scenelake.workers.overview import tell_whole
from scenelake.workers.questions import Question, read_question
from scenelake.workers.ranking import Ranked, rank
from scenelake.workers.sightings import answer_from_labels
from scenelake.workers.telling import NOT_TOLD, bars, not_told, tells
from scenelake.workers.vectors import Vectors
from scenelake.workers.verdicts import answer_yes_no

__all__ = ["NOT_TOLD", "ExtractiveAnswerer"]

_VERSION = 1


class ExtractiveAnswerer:
    """Answers with a sentence that is said or stands on screen; equal questions alike.

    Args:
        text: the encoder to compare meanings with; None: the registry's ``text.minilm``.
    """

    sees = False
    joins_scenes = True

    def __init__(self, config: AnswerConfig, text: TextEncoder | None = None) -> None:
        self._config = config
        self._text = text
        self._vectors: Vectors | None = None

    @property
    def model(self) -> str:
        return f"extractive@{_VERSION}+{self._encoder.model}"

    @property
    def weights(self) -> tuple[str, ...]:
        return tuple(getattr(self._encoder, "weights", ()))

    @property
    def prompt_hash(self) -> str:
        """Hash of all numbers that shape an answer; there is no prompt."""
        return prompts_hash((), settings=bars())

    def setup(self) -> None:
        """Load the encoder.

        Errors:
            MissingWeightsError: it is not on this machine.
        """
        if self._text is None:
            self._text = registry.ready("text", TextConfig())
        self._vectors = Vectors(self._text)

    def answer(self, queries: Sequence[Query]) -> list[Reply | SceneLakeError]:
        """A reply to each query, in their order."""
        return [self._reply(query) for query in queries]

    @property
    def _encoder(self) -> TextEncoder:
        encoder: TextEncoder = self._text or registry.make("text", TextConfig())
        return encoder

    def _reply(self, query: Query) -> Reply:
        if self._vectors is None:
            raise RuntimeError("setup() must come before answer()")
        if query.is_whole:
            return tell_whole(query, self._vectors)
        asked = read_question(query.text)
        if query.options:
            return choose(asked, query, self._vectors)
        seen = answer_from_labels(asked, query.passages, self._vectors)
        return seen or self._from_words(asked, query.passages, self._vectors)

    def _from_words(self, asked: Question, passages: Sequence[Passage], vectors: Vectors) -> Reply:
        ranked = rank(asked, candidates(passages), vectors)
        if asked.kind == "yes-no":
            return answer_yes_no(asked, ranked)
        best = next((r for r in ranked if tells(asked, r)), None)
        if best is None:
            return answer_with_times(asked, ranked) or not_told()
        reply = Reply(
            answer=self._wording(asked, best),
            grounded=True,
            citations=best.candidate.citations,
        )
        return with_spans(reply) if asked.kind == "when" else reply

    def _wording(self, question: Question, best: Ranked) -> str:
        """The sentence itself; an engine that words it anew overrides this."""
        return best.candidate.text
