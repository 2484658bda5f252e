"""Questions about a whole film put to a language model: map and reduce over all its scenes.

Map: the scenes in parts that fit a prompt, of each some notes with quotes, which are checked.
Reduce: where there are too many notes for one prompt, notes of the notes. Then the answer,
from the notes that are left. No step holds more than its prompt may, however long the film.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from string import Template

from scenelake.schemas.config import AnswerConfig
from scenelake.schemas.rows import Citation
from scenelake.workers.answer_prompt import fixed_tokens, question_text, scene_head
from scenelake.workers.answer_reply import (
    MAX_NOTES,
    Notes,
    Whole,
    notes_schema,
    read,
    whole_schema,
)
from scenelake.workers.answer_vetting import texts_of
from scenelake.workers.budget import cut_middle, text_tokens
from scenelake.workers.chat import ChatError, Prompt, Saying
from scenelake.workers.engines import Passage, Query, Reply
from scenelake.workers.grounding import sentences, unsupported
from scenelake.workers.llm import read_prompt
from scenelake.workers.moments import brief
from scenelake.workers.quoting import locate
from scenelake.workers.telling import not_told
from scenelake.workers.vetting import COMMON

logger = logging.getLogger(__name__)

PROMPTS = ("notes_system", "whole_system")
MAX_LEVELS = 8

Say = Callable[[Sequence[Prompt]], Sequence[Saying | ChatError]]
"""Says prompts to the model: a reply or an error for each, in their order."""


@dataclass(frozen=True, slots=True)
class Item:
    """A scene, or a note on one, as a prompt tells it."""

    text: str
    passage: Passage
    citation: Citation | None = None


class WholeFilm:
    """Answers one query about a film as a whole."""

    def __init__(self, query: Query, config: AnswerConfig, say: Say) -> None:
        self._query = query
        self._config = config
        self._say = say
        self._room = config.context_tokens - config.max_tokens - fixed_tokens()
        self._room -= text_tokens(question_text(query))

    def reply(self) -> Reply:
        """The answer and the quotes of the notes that it rests on.

        Errors:
            ChatError: the model gave no usable reply to any part, or to the last question.
        """
        items = [Item(_told(p), p) for p in self._query.passages if brief(p.scene)]
        notes = self._notes(items) if items else []
        for _ in range(MAX_LEVELS):
            if len(list(self._parts(notes))) <= 1:
                break
            notes = self._notes(notes)
        return self._answer(notes[: len(next(self._parts(notes), []))]) if notes else not_told()

    def _notes(self, items: Sequence[Item]) -> list[Item]:
        """Notes on all items, part by part; a part that the model fails on is left out."""
        parts = list(self._parts(items))
        replies = self._say([self._notes_prompt(part) for part in parts])
        failed = [reply for reply in replies if isinstance(reply, ChatError)]
        if len(failed) == len(parts):
            raise failed[0]
        for error in failed:
            logger.warning("a part of a film is left out of an answer: %s", error)
        pairs = zip(parts, replies, strict=True)
        return [n for part, r in pairs if isinstance(r, Saying) for n in _checked(part, r)]

    def _parts(self, items: Sequence[Item]) -> Iterator[list[Item]]:
        """Items in runs that fit a prompt; each run has more items than notes come of it."""
        part: list[Item] = []
        used = 0
        for item in items:
            cost = text_tokens(item.text) + 4
            if used + cost > self._room and len(part) > MAX_NOTES:
                yield part
                part, used = [], 0
            part.append(item)
            used += cost
        if part:
            yield part

    def _notes_prompt(self, part: Sequence[Item]) -> Prompt:
        return Prompt(
            system=Template(read_prompt("notes_system")).substitute(most=MAX_NOTES),
            parts=(self._listed(part),),
            max_tokens=self._config.max_tokens,
            json_schema=notes_schema(len(part)),
        )

    def _listed(self, items: Sequence[Item]) -> str:
        """Numbered items and the question; each cut to its share where they are too long."""
        share = self._room // len(items) - 4
        told = "\n".join(f"{i}. {cut_middle(t.text, room_tokens=share)}" for i, t in _count(items))
        return f"{told}\n\n{question_text(self._query)}"

    def _answer(self, notes: Sequence[Item]) -> Reply:
        listed = self._listed(notes)
        if self._query.summary:
            summary = cut_middle(self._query.summary, room_tokens=self._room // 4)
            listed = f"Summary of the film: {summary}\n\n{listed}"
        prompt = Prompt(
            system=read_prompt("whole_system"),
            parts=(listed,),
            max_tokens=self._config.max_tokens,
            json_schema=whole_schema(len(notes)),
        )
        (reply,) = self._say([prompt])
        if isinstance(reply, ChatError):
            raise reply
        return self._vetted(read(Whole, reply.text), notes)

    def _vetted(self, whole: Whole, notes: Sequence[Item]) -> Reply:
        """The sentences whose names and numbers the film knows; else the quotes themselves."""
        numbers = [n for n in dict.fromkeys(whole.numbers) if 1 <= n <= len(notes)]
        used = [notes[n - 1] for n in numbers]
        citations = tuple(dict.fromkeys(n.citation for n in used if n.citation))
        if not citations or not whole.answer:
            return not_told()
        known = [self._query.text, self._query.summary, *(t for n in notes for t in _known(n))]
        kept = [s for s in sentences(whole.answer) if not unsupported(s, known, common=COMMON)]
        answer = " ".join(kept) or " ".join(c.quote for c in citations)
        return Reply(answer=answer, grounded=True, citations=citations)


def _told(passage: Passage) -> str:
    """A scene in some lines: its times, what it says and shows."""
    said = passage.scene.transcript
    lines = [f'on screen: "{line}"' for line in dict.fromkeys(passage.screen_text)]
    seen = f"seen: {', '.join(passage.labels)}" if passage.labels else ""
    head = scene_head(passage.scene.index + 1, passage)
    return " ".join(
        part for part in (head, f'said: "{said}"' if said else "", seen, *lines) if part
    )


def _checked(part: Sequence[Item], reply: Saying) -> Iterator[Item]:
    """Notes whose quotes stand in their scenes, in time order."""
    try:
        notes = read(Notes, reply.text).notes
    except ChatError as error:
        logger.warning("a part of a film is left out of an answer: %s", error)
        return
    for note in sorted(notes, key=lambda n: n.number):
        if 1 <= note.number <= len(part):
            passage = part[note.number - 1].passage
            citation = locate(note.quote, passage)
            if citation is not None:
                yield Item(f'{note.note} ("{citation.quote}")', passage, citation)


def _known(item: Item) -> tuple[str, ...]:
    return texts_of(item.passage)


def _count(items: Sequence[Item]) -> Iterator[tuple[int, Item]]:
    return enumerate(items, start=1)
