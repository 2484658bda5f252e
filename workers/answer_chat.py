"""Answers by a language model, with eyes or without, however it is reached.

The model is shown the retrieved scenes' pictures and words in time order and asked for JSON
(`answer_prompt`); what it says is kept as far as the scenes that it cites bear it out
(`answer_vetting`). Questions about a film as a whole go over all its scenes (`answer_film`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scenelake.schemas.config import AnswerConfig
from scenelake.schemas.errors import SceneLakeError
from scenelake.workers import answer_film, answer_prompt, budget, quoting
from scenelake.workers.answer_film import WholeFilm
from scenelake.workers.answer_prompt import Posed, check_budget, pose
from scenelake.workers.answer_reply import (
    Condensed,
    Said,
    answer_schema,
    condensed_schema,
    read,
)
from scenelake.workers.answer_vetting import vet_answer
from scenelake.workers.chat import ChatError, ChatModel, Prompt, Saying
from scenelake.workers.chat_worker import ChatWorker
from scenelake.workers.engines import Query, Reply
from scenelake.workers.film_times import with_spans
from scenelake.workers.llm import prompts_hash, read_prompt
from scenelake.workers.questions import read_question
from scenelake.workers.telling import not_told

MAX_TURNS = 4
"""Of a conversation, that a follow-up may refer to."""


class ChatAnswerer(ChatWorker):
    """Answers by a `ChatModel`.

    Errors:
        UsageError: too few tokens for a prompt and its reply.
    """

    joins_scenes = False

    def __init__(self, config: AnswerConfig, chat: ChatModel) -> None:
        check_budget(config)
        super().__init__(chat)
        self._config = config

    @property
    def prompt_hash(self) -> str:
        """Hash of the prompts and of all numbers that shape an answer."""
        keys = "n_scenes max_tokens context_tokens max_frames frame_side_px same_frame dull_side_px"
        settings = {
            "config": self._config.model_dump(include=set(keys.split())),
            "sees": self.sees,
            "schema": answer_schema(9, "ABCD"),
            "budget": (budget.CHARS_PER_TOKEN, budget.PATCH_PX, answer_prompt.MIN_SCENE_TOKENS),
            "quoting": (quoting.MIN_LIKENESS, quoting.MIN_CHARS, quoting.MIN_FUZZY_CHARS),
        }
        return prompts_hash((*answer_prompt.PROMPTS, *answer_film.PROMPTS), settings=settings)

    def answer(self, queries: Sequence[Query]) -> list[Reply | SceneLakeError]:
        """A reply or an error for each query, in their order; the model is told of all at once.

        Errors:
            TransientError: the model cannot be reached at all, for now.
        """
        posed = {i: self._posed(q) for i, q in enumerate(queries) if _is_plain(q)}
        said = iter(self._say([p.prompt for p in posed.values()]) if posed else [])
        replies: list[Reply | SceneLakeError] = []
        for i, query in enumerate(queries):
            if i in posed:
                replies.append(_settled(_vetted, query, posed[i], next(said)))
            else:
                replies.append(_settled(self._otherwise, query))
        return replies

    def condense(self, turns: Sequence[tuple[str, str]], line: str) -> str:
        """What is said next in a conversation, as a question that stands alone.

        Args:
            turns: questions and their answers so far.

        Errors:
            ChatError: no usable reply.
        """
        told = "\n".join(f"User: {q}\nAnswer: {a}" for q, a in turns[-MAX_TURNS:])
        prompt = Prompt(
            system=read_prompt("condense_system"),
            parts=(f"{told}\n\nThe user says next: {line}",),
            max_tokens=self._config.max_tokens,
            json_schema=condensed_schema(),
        )
        (reply,) = self._say([prompt])
        if isinstance(reply, ChatError):
            raise reply
        return read(Condensed, reply.text).question or line

    def _posed(self, query: Query) -> Posed:
        return pose(query, self._config, sees=self.sees)

    def _otherwise(self, query: Query) -> Reply:
        if not query.passages:
            return not_told()
        return WholeFilm(query, self._config, self._say).reply()


def by_server(config: AnswerConfig) -> ChatAnswerer:
    """Answers by an OpenAI-compatible server."""
    from scenelake.workers.chat_server import ServerChat

    return ChatAnswerer(config, ServerChat(config, sees=config.sees))


def by_llama(config: AnswerConfig) -> ChatAnswerer:
    """Answers by a GGUF model in this process."""
    from scenelake.workers.chat_llama import LlamaChat

    return ChatAnswerer(config, LlamaChat(config))


def by_transformers(config: AnswerConfig) -> ChatAnswerer:
    """Answers by a model of transformers in this process."""
    from scenelake.workers.chat_transformers import TransformersChat

    return ChatAnswerer(config, TransformersChat(config))


def _is_plain(query: Query) -> bool:
    return bool(query.passages) and not query.is_whole


def _vetted(query: Query, posed: Posed, said: Saying | ChatError) -> Reply:
    if isinstance(said, ChatError):
        raise said
    reply = vet_answer(read(Said, said.text), query, posed)
    asks_when = read_question(query.text).kind == "when"
    return with_spans(reply) if asks_when else reply


def _settled(make: Callable[..., Reply], *what: object) -> Reply | SceneLakeError:
    """A reply, or the error that this one query met."""
    try:
        return make(*what)
    except ChatError as error:
        return error
