"""A conversation about a lake: each line is understood in the light of those before it.

With a language model, it rewrites a follow-up; without one, rules do (`follow_up`, `onward`).
Once an answer stands in one film, what refers back to it is asked of that film.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from scenelake.pipeline.asking.asked import Asked
from scenelake.pipeline.asking.follow_up import standing_alone, stands_alone
from scenelake.pipeline.asking.one import Asker, Question
from scenelake.pipeline.asking.onward import (
    Direction,
    asks_where,
    beside,
    direction,
    refers_to_place,
    said_there,
    where_it_stands,
)
from scenelake.schemas.errors import SceneLakeError
from scenelake.workers.telling import NOT_TOLD, not_told

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """A line, what it was understood to ask, and the reply.

    Attributes:
        understood: "" where the line was taken as it is.
    """

    line: str
    question: str
    asked: Asked
    understood: str = ""


class Conversation:
    """Lines and replies in order.

    Args:
        video_id: the only film to talk about; None: the lake.
    """

    def __init__(self, asker: Asker, *, video_id: str | None = None) -> None:
        self._asker = asker
        self._video_id = video_id
        self.turns: list[Turn] = []

    def say(self, line: str) -> Turn:
        """The reply to the next line.

        Errors:
            SceneLakeError: the answerer gave none; the conversation can go on.
        """
        last = self._last_told()
        if refers_to_place(line):
            turn = self._about_place(line, last) if last else self._lost(line)
        else:
            turn = self._question(line, last)
        self.turns.append(turn)
        return turn

    def _lost(self, line: str) -> Turn:
        """The reply to a line about an answer's place where no answer stands anywhere."""
        nothing = self._asker.asked(not_told("There is no answer yet to go on from."))
        return Turn(line, line, nothing)

    def _last_told(self) -> Turn | None:
        return next((turn for turn in reversed(self.turns) if turn.asked.is_told), None)

    def _about_place(self, line: str, last: Turn) -> Turn:
        """The reply to a line about where the last answer stands, and what is beside it."""
        way = direction(line)
        if way is not None and not asks_where(line):
            return self._beside(line, last, way)
        return Turn(line, last.question, where_it_stands(last.asked), "where that is")

    def _beside(self, line: str, last: Turn, way: Direction) -> Turn:
        film = last.asked.citations[-1 if way == "next" else 0].video_id
        found = beside(last.asked, self._asker.film(film), way)
        what = "what is said next" if way == "next" else "what is said before that"
        if found is None:
            nothing = replace(last.asked, answer=NOT_TOLD, grounded=False, citations=(), uris=())
            return Turn(line, last.question, replace(nothing, choice=None, spans=()), what)
        asked = said_there(found, last.asked, self._asker.uris)
        return Turn(line, last.question, asked, f"{what} in {self._name(film)}")

    def _question(self, line: str, last: Turn | None) -> Turn:
        if not self.turns or stands_alone(line):
            question = Question(line, self._video_id)
            return Turn(line, line, self._asker.ask(question))
        text = self._condensed(line)
        film = self._video_id or (_only_film(last.asked) if last else None)
        asked = self._asker.ask(Question(text, film))
        scope = f" in {self._name(film)}" if film and film != self._video_id else ""
        return Turn(line, text, asked, f"{text}{scope}")

    def _condensed(self, line: str) -> str:
        condense = getattr(self._asker.answerer, "condense", None)
        if condense is not None:
            try:
                told = [(turn.question, turn.asked.answer) for turn in self.turns]
                return str(condense(told, line))
            except SceneLakeError as error:
                logger.warning("a follow-up is understood by rules: %s", error)
        before = self.turns[-1]
        answer = before.asked.answer if before.asked.is_told else ""
        return standing_alone(line, question=before.question, answer=answer)

    def _name(self, video_id: str) -> str:
        return PurePosixPath(self._asker.uris[video_id]).name


def _only_film(asked: Asked) -> str | None:
    """The film that all of an answer stands in."""
    films = {citation.video_id for citation in asked.citations}
    return films.pop() if len(films) == 1 else None
