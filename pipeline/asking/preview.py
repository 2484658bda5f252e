"""What a batch will cost: scenes, tokens and hours, from a first handful of its questions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scenelake.pipeline.asking.one import Asker
from scenelake.pipeline.asking.questions import Item
from scenelake.pipeline.asking.round import ask_together
from scenelake.pipeline.asking.whole_film import asks_about_whole
from scenelake.workers.chat import Usage
from scenelake.workers.shown import spread

N_TRIED = 3
"""Of each sort: those that a few scenes answer, and those about films as wholes."""


@dataclass(frozen=True, slots=True)
class Sort:
    """Questions that cost about the same, and what some of them cost.

    Attributes:
        n_left: questions of this sort that have no answer yet.
        n_tried: of which so many were answered to see.
    """

    n_left: int
    n_tried: int
    n_scenes: float
    n_prompt_tokens: float
    n_reply_tokens: float
    wall_s: float

    def all(self, tried: float) -> float:
        """What all of them come to."""
        return tried / self.n_tried * self.n_left if self.n_tried else 0.0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a batch will cost, as far as a few of its questions tell."""

    n_questions: int
    n_kept: int
    n_films: int
    model: str
    sorts: tuple[Sort, ...]

    @property
    def n_tried(self) -> int:
        return sum(sort.n_tried for sort in self.sorts)

    def total(self, what: str) -> float:
        return sum(sort.all(getattr(sort, what)) for sort in self.sorts)

    def to_json(self) -> dict[str, Any]:
        return {
            "questions": self.n_questions,
            "kept": self.n_kept,
            "films": self.n_films,
            "model": self.model,
            "scenes": round(self.total("n_scenes")),
            "prompt_tokens": round(self.total("n_prompt_tokens")),
            "reply_tokens": round(self.total("n_reply_tokens")),
            "hours": self.total("wall_s") / 3600,
            "measured_on": self.n_tried,
        }

    def lines(self) -> Iterator[str]:
        left = self.n_questions - self.n_kept
        yield f"{self.n_questions} questions about {_films(self.n_films)}, {self.n_kept} answered"
        if not left:
            yield "nothing is left to do"
            return
        yield f"{left} to answer with {self.model}:"
        yield f"  {self.total('n_scenes'):,.0f} scenes to read, some of them more than once"
        prompt, reply = self.total("n_prompt_tokens"), self.total("n_reply_tokens")
        yield (
            f"  {prompt:,.0f} tokens of prompts and {reply:,.0f} of replies"
            if prompt
            else "  no tokens: no language model is asked"
        )
        yield f"  {_hours(self.total('wall_s'))}"
        yield f"measured on {self.n_tried} of them, just now on this machine; nothing was written"


def preview(asker: Asker, items: Sequence[Item], missing: Sequence[Item]) -> Preview:
    """Answer a few of the missing questions, and tell what all of them will cost.

    Errors:
        UsageError, LakeError: as the batch itself would meet.
    """
    if missing:
        asker.setup()
    wholes = [item for item in missing if _is_whole(item)]
    plain = [item for item in missing if not _is_whole(item)]
    films = {item.question.video_id for item in items}
    return Preview(
        n_questions=len(items),
        n_kept=len(items) - len(missing),
        n_films=len(asker.uris) if None in films else len(films),
        model=asker.answerer.model,
        sorts=tuple(_tried(asker, sort) for sort in (plain, wholes) if sort),
    )


def _is_whole(item: Item) -> bool:
    return not item.question.options and asks_about_whole(item.question.text)


def _tried(asker: Asker, items: Sequence[Item]) -> Sort:
    chosen = spread(items, N_TRIED)
    n_scenes = sum(_n_scenes(asker, item) for item in chosen)
    take_usage = getattr(asker.answerer, "take_usage", Usage)
    take_usage()
    started_s = time.monotonic()
    ask_together(asker, [item.question for item in chosen])
    wall_s = time.monotonic() - started_s
    usage: Usage = take_usage()
    return Sort(
        n_left=len(items),
        n_tried=len(chosen),
        n_scenes=n_scenes,
        n_prompt_tokens=usage.n_prompt_tokens,
        n_reply_tokens=usage.n_reply_tokens,
        wall_s=wall_s,
    )


def _n_scenes(asker: Asker, item: Item) -> int:
    """Also warms the models and the film's scenes, which a long batch pays for once."""
    return len(asker.query(item.question).passages)


def _films(count: int) -> str:
    return "1 film" if count == 1 else f"{count:,} films"


def _hours(wall_s: float) -> str:
    if wall_s < 60:
        return f"about {max(1.0, wall_s):.0f} seconds"
    return (
        f"about {wall_s / 60:.0f} minutes" if wall_s < 5400 else f"about {wall_s / 3600:.1f} hours"
    )
