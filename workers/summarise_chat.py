"""Summaries and chapters' titles by a language model, however it is reached.

Where chapters begin is not left to the model: they are divided as without one. It sums up
each chapter and gives it a title, then it sums up the film from that (`scenelake.workers.notes`).
What it writes is kept as far as it is true (`scenelake.workers.summary_vetting`); where nothing
of it is, or the model fails, the film's own words stand in its place.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scenelake.schemas.config import SummariseConfig
from scenelake.schemas.story import Story, Summary, Told
from scenelake.workers import grounding, notes, summary_vetting
from scenelake.workers.chapters import Section, sections, vocabulary
from scenelake.workers.chat import ChatError, ChatModel, Saying
from scenelake.workers.chat_worker import ChatWorker
from scenelake.workers.grounding import content_keys, sentences
from scenelake.workers.llm import prompts_hash
from scenelake.workers.notes import NO_REPLY, Kind, Note, Prompts, read_reply
from scenelake.workers.quotes import pick
from scenelake.workers.summarise import (
    NOTHING,
    VERSION,
    chapters_of,
    n_sentences,
    put_in_order,
    summary_text,
)
from scenelake.workers.summary_vetting import Judge
from scenelake.workers.titles import most_seen

logger = logging.getLogger(__name__)

QUOTES_A_NOTE = 1
MIN_SHARED_WORDS = 2
MIN_TOLD_OF = 0.5
"""Of the chapters, a film's summary must tell of so many."""


class ChatSummariser(ChatWorker):
    """Sums up by a `ChatModel`.

    Errors:
        UsageError: too few tokens for a prompt and its reply.
    """

    def __init__(self, config: SummariseConfig, chat: ChatModel) -> None:
        super().__init__(chat)
        self._config = config
        self._prompts = Prompts(config)

    @property
    def prompt_hash(self) -> str:
        """Hash of the prompts and of all numbers that shape a summary."""
        keys = {"max_tokens", "context_tokens", "max_sentences", "max_chapters"}
        settings = {
            "config": self._config.model_dump(include=keys),
            "schema": self._prompts.schema("chapter"),
            "own words": VERSION,
            "grounding": (grounding.MIN_CONTENT_SHARE, grounding.MIN_PAIR_SHARE),
            "vetting": (summary_vetting.MAX_REPEATED, summary_vetting.MAX_TITLE_WORDS),
            "film": (QUOTES_A_NOTE, MIN_SHARED_WORDS, MIN_TOLD_OF),
        }
        return prompts_hash(notes.PROMPTS, settings=settings)

    def summarise(self, story: Story) -> Summary:
        """A summary in the model's words, as far as they are true; else in the film's own.

        Errors:
            TransientError: the model cannot be reached at all, for now.
        """
        parts = sections(story, max_chapters=self._config.max_chapters)
        own = summary_text(story, parts, max_sentences=self._config.max_sentences)
        if own == NOTHING:
            return Summary(NOTHING, ())
        told = self._chapters(story, parts)
        titled = zip(chapters_of(story, parts), told, strict=True)
        chapters = tuple(replace(c, title=note.title or c.title) for c, note in titled)
        text = self._film(story, told)
        return Summary(text or own, chapters, grounded=bool(text))

    def _chapters(self, story: Story, parts: Sequence[Section]) -> list[Note]:
        """A note for each chapter: of one prompt, or of one over those of its stretches."""
        stretches = [self._prompts.stretches(part.scenes) for part in parts]
        asked = [
            _Asked("chapter" if len(own) == 1 else "stretch", *stretch)
            for own in stretches
            for stretch in own
        ]
        made = iter(self._noted(story, asked))
        own_notes = [[next(made) for _ in own] for own in stretches]
        long = [self._folded(story, found) for found in own_notes if len(found) > 1]
        joined = iter(self._noted(story, [_asked_of("chapter", found) for found in long]))
        return [
            next(joined) if len(found) > 1 else next(iter(found), Note(part.scenes, ""))
            for part, found in zip(parts, own_notes, strict=True)
        ]

    def _film(self, story: Story, chapters: Sequence[Note]) -> str:
        """The film in the model's words, or "" where none of them is true of it.

        Where what is true tells of a small part of the film only, chapters are told instead.
        """
        if not any(note.is_told for note in chapters):
            return ""
        if len(chapters) == 1:
            return chapters[0].text
        known = [note for note in chapters if note.text]
        (film,) = self._noted(story, [_asked_of("film", self._folded(story, known))])
        told_of = sum(_tells_of(film.text, note) for note in known)
        if film.is_told and told_of >= MIN_TOLD_OF * len(known):
            return film.text
        return _by_chapters(known, count=n_sentences(story.duration_s))

    def _folded(self, story: Story, found: Sequence[Note]) -> Sequence[Note]:
        """Notes, summed up until they fit one prompt."""
        groups = self._prompts.groups(found)
        while len(groups) > 1:
            found = self._noted(story, [_asked_of("stretch", group) for group in groups])
            groups = self._prompts.groups(found)
        return found

    def _noted(self, story: Story, asked: Sequence[_Asked]) -> list[Note]:
        """What the model makes of stretches, all of them at once."""
        replies = self._say([self._prompts.of(a.kind, a.text) for a in asked]) if asked else []
        return [self._note(story, a, reply) for a, reply in zip(asked, replies, strict=True)]

    def _note(self, story: Story, asked: _Asked, said: Saying | ChatError) -> Note:
        judge = Judge.of(asked.scenes)
        try:
            reply = read_reply(said)
        except ChatError as error:
            where = f"{story.video_id} from {asked.scenes[0].start_s:.0f} s"
            logger.warning("%s: %s; summed up in its own words", where, error)
            reply = NO_REPLY
        kept, title = judge.kept(reply.summary), judge.title(reply.title)
        if kept:
            return Note(asked.scenes, " ".join(kept), is_told=True, title=title)
        return Note(asked.scenes, _own_words(asked.scenes, story.language), title=title)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the model is to sum up: the text it is told, and the scenes which that is of."""

    kind: Kind
    scenes: tuple[Told, ...]
    text: str


def _asked_of(kind: Kind, found: Sequence[Note]) -> _Asked:
    scenes = tuple(scene for note in found for scene in note.scenes)
    return _Asked(kind, scenes, "\n".join(note.text for note in found))


def _own_words(scenes: tuple[Told, ...], language: str | None) -> str:
    part = Section(scenes)
    quotes = pick([part], vocabulary([part], language=language), count=QUOTES_A_NOTE)
    return put_in_order(quotes) or ", ".join(most_seen([part]))


def _tells_of(text: str, note: Note) -> bool:
    """Whether a summary has words of a chapter's in it, more than one may be by chance."""
    return len(set(content_keys(text)) & set(content_keys(note.text))) >= MIN_SHARED_WORDS


def _by_chapters(known: Sequence[Note], *, count: int) -> str:
    """The first sentence of each chapter; of some, evenly over the film, where they are many.

    What is said in a chapter stands in for a model's words that were not true of it.
    """
    count = min(len(known), count)
    some = [known[i * len(known) // count] for i in range(count)]
    return " ".join(sentences(note.text)[0] if note.is_told else note.text for note in some)


def by_server(config: SummariseConfig) -> ChatSummariser:
    """Sums up by an OpenAI-compatible server."""
    from scenelake.workers.chat_server import ServerChat

    return ChatSummariser(config, ServerChat(config, sees=False))


def by_llama(config: SummariseConfig) -> ChatSummariser:
    """Sums up by a GGUF model in this process."""
    from scenelake.workers.chat_llama import LlamaChat

    return ChatSummariser(config, LlamaChat(config))


def by_transformers(config: SummariseConfig) -> ChatSummariser:
    """Sums up by a model of transformers in this process."""
    from scenelake.workers.chat_transformers import TransformersChat

    return ChatSummariser(config, TransformersChat(config))
