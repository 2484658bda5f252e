"""One set of truths for all engines that answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scenelake.schemas.config import AnswerConfig
from scenelake.schemas.errors import SceneLakeError
from scenelake.workers import registry
from scenelake.workers.engines import Answerer, Query, Reply
from scenelake.workers.telling import NOT_TOLD
from tests.media import tiny_vlm
from tests.workers.asking import assert_citations_hold, passage
from tests.workers.telling import frame

FILM = (
    passage(0, "The captain is Martha Reeves.", frames=[frame(4.0)]),
    passage(1, "A ticket costs nine pounds.", screen=["PORT OF LINDHOLM"], frames=[frame(14.0)]),
)
QUERIES = [
    Query("Who is the captain?", FILM),
    Query("What does a ticket cost?", FILM, options=("two euros", "nine pounds")),
    Query("What is it about?", FILM, is_whole=True),
    Query("Who is the captain?", ()),
]
SMALL = {"max_tokens": 380, "context_tokens": 2600, "device": "cpu", "max_frames": 1}


def _tiny(tmp: Path) -> AnswerConfig:
    model = str(tiny_vlm.qwen3_vl(tmp / "qwen"))
    return AnswerConfig(engine="transformers", model=model, **SMALL)


CONFIGS: dict[str, Callable[[Path], AnswerConfig]] = {
    "extractive": lambda _: AnswerConfig(),
    "smollm2": lambda _: AnswerConfig(engine="smollm2"),
    "llama-cpp": lambda _: AnswerConfig(engine="llama-cpp", **SMALL),
    "transformers": _tiny,
}


_SLOW = {"llama-cpp"}
"""Forty seconds on one core."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(n, marks=pytest.mark.slow if n in _SLOW else ()) for n in CONFIGS],
)
def answerer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answerer:
    config = CONFIGS[request.param](tmp_path_factory.mktemp("models"))
    made: Answerer = registry.make("answer", config)
    assert "@" in made.model
    assert made.prompt_hash
    made.setup()
    return made


def test_every_question_gets_a_reply_that_holds_or_an_error_of_one_line(
    answerer: Answerer,
) -> None:
    replies = answerer.answer(QUERIES)
    assert len(replies) == len(QUERIES)
    for reply in replies:
        if isinstance(reply, Reply):
            assert_citations_hold(reply, FILM)
            assert reply.grounded or reply.answer == NOT_TOLD
        else:
            assert isinstance(reply, SceneLakeError)
            assert "\n" not in str(reply)
    nothing = replies[3]
    assert isinstance(nothing, Reply)
    assert nothing.answer == NOT_TOLD


def test_no_question_is_no_work(answerer: Answerer) -> None:
    assert answerer.answer([]) == []
