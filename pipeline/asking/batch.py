"""Thousands of questions to a lake: each answered once, however often the batch is begun.

Questions are taken film by film, so that a film's scenes are read once for all of them, and
a few at a time, so that a server is kept busy.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from scenelake.pipeline.asking.asked import Asked
from scenelake.pipeline.asking.ledger import Key, Ledger, Row
from scenelake.pipeline.asking.one import Asker
from scenelake.pipeline.asking.origin import Origin
from scenelake.pipeline.asking.questions import Item
from scenelake.pipeline.asking.round import ask_together
from scenelake.pipeline.steps import error_type
from scenelake.schemas.errors import SceneLakeError
from scenelake.schemas.rows import Answer, AnswerFailure
from scenelake.schemas.tables import answers_table

logger = logging.getLogger(__name__)

PART_S = 5.0
PART_ROWS = 64
"""Answers are written when so many are there, or after so long: what a kill may cost."""


@dataclass(slots=True)
class Progress:
    """How far a batch is; `n_kept` were there before."""

    n_all: int
    n_kept: int
    n_answered: int = 0
    n_not_told: int = 0
    failed: list[Answer] = field(default_factory=list)
    started_s: float = field(default_factory=time.monotonic)

    @property
    def n_done(self) -> int:
        return self.n_kept + self.n_answered + len(self.failed)

    @property
    def left_s(self) -> float | None:
        """Time left at the pace so far; None where there is none yet."""
        n_now = self.n_done - self.n_kept
        if not n_now:
            return None
        return (time.monotonic() - self.started_s) / n_now * (self.n_all - self.n_done)

    def count(self, answer: Answer) -> None:
        if answer.failure is not None:
            self.failed.append(answer)
            return
        self.n_answered += 1
        self.n_not_told += not answer.citations

    def to_json(self) -> dict[str, Any]:
        """The document that `scenelake ask --questions --json` prints, its place apart."""
        return {
            "questions": self.n_all,
            "kept": self.n_kept,
            "answered": self.n_answered,
            "not_told": self.n_not_told,
            "failed": len(self.failed),
            "wall_s": round(time.monotonic() - self.started_s, 3),
            "failures": [_failure_json(answer) for answer in self.failed],
        }


Watch = Callable[[Progress], None]


class Batch:
    """A list of questions and the table of their answers.

    Args:
        again: answer all of them, whatever is there.

    Errors:
        UsageError: the table's place holds something else.
    """

    def __init__(
        self, asker: Asker, items: Sequence[Item], ledger: Ledger, *, again: bool = False
    ) -> None:
        ledger.check(items)
        self._asker = asker
        self._items = items
        self._ledger = ledger
        self._origin = Origin.of(asker)
        there = {} if again else ledger.kept()
        self._keys = {item.question_id: self._origin.key(item) for item in items}
        self._rows: dict[Key, Row] = {k: there[k] for k in self._keys.values() if k in there}
        self._pending: list[Answer] = []
        self._written_s = time.monotonic()

    @property
    def missing(self) -> list[Item]:
        """Questions without an answer yet, those about one film together."""
        left = [item for item in self._items if self._keys[item.question_id] not in self._rows]
        return sorted(left, key=lambda item: item.question.video_id or "")

    def run(self, watch: Watch) -> Progress:
        """Answer what is missing and write the table.

        Errors:
            LakeError: the lake cannot be read, or the table not be written.
            UsageError: the configuration does not fit the lake.
        """
        missing = self.missing
        progress = Progress(len(self._items), n_kept=len(self._items) - len(missing))
        if missing:
            self._asker.setup()
        try:
            for chunk in _chunks(missing, size=self._asker.config.answer.concurrency):
                self._answer(chunk, progress)
                watch(progress)
        finally:
            self._write()
        self._ledger.finish(self._rows[self._keys[item.question_id]] for item in self._items)
        return progress

    def _answer(self, chunk: Sequence[Item], progress: Progress) -> None:
        replies = ask_together(self._asker, [item.question for item in chunk])
        for item, reply in zip(chunk, replies, strict=True):
            answer = self._row(item, reply)
            progress.count(answer)
            self._pending.append(answer)
        is_due = time.monotonic() - self._written_s >= PART_S
        if is_due or len(self._pending) >= PART_ROWS:
            self._write()

    def _write(self) -> None:
        """What is pending as a part."""
        if not self._pending:
            return
        self._ledger.add(self._pending)
        for row in answers_table(self._pending).to_pylist():
            self._rows[self._keys[row["question_id"]]] = row
        self._pending = []
        self._written_s = time.monotonic()

    def _row(self, item: Item, reply: Asked | Exception) -> Answer:
        frames_s = reply.frames_s if isinstance(reply, Asked) else ()
        row = Answer(
            question_id=item.question_id,
            question=item.question.text,
            answer=None,
            grounded=False,
            citations=(),
            provenance=self._origin.provenance(item, frames_s),
            video_id=item.question.video_id,
        )
        if not isinstance(reply, Asked):
            return replace(row, failure=_failure(item, reply))
        return replace(
            row,
            answer=reply.answer,
            grounded=reply.grounded,
            citations=reply.citations,
            choice=reply.choice,
            spans=reply.spans,
        )


def _failure(item: Item, error: Exception) -> AnswerFailure:
    if not isinstance(error, SceneLakeError):
        logger.error("question %s failed", item.question_id, exc_info=error)
    message = " ".join(str(error).split()) or type(error).__name__
    return AnswerFailure(error_type(error), message)


def _failure_json(answer: Answer) -> dict[str, Any]:
    assert answer.failure is not None
    return {
        "question_id": answer.question_id,
        "question": answer.question,
        "error_type": answer.failure.error_type,
        "message": answer.failure.message,
    }


def _chunks(items: Sequence[Item], *, size: int) -> Iterator[list[Item]]:
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk
