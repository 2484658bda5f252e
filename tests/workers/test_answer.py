"""Questions about a film that the answerer's rules were not tuned on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from scenelake.schemas.config import AnswerConfig
from scenelake.schemas.flow import Float32
from scenelake.schemas.rows import Word
from scenelake.workers.answer import NOT_TOLD, SmolLmAnswerer
from scenelake.workers.engines import Passage, Reply
from scenelake.workers.grounding import quote_span, unsupported

SCENE_S = 15.0
WORD_S = 0.4

SAID = (
    "The lighthouse stands on a small island near Bergen. Ingrid has lived there since 1987.",
    "Honey bees visit about five thousand flowers a day. The queen lays her eggs in spring.",
    "The volcano erupted in the winter of 1973. Six houses were buried under the ash.",
    "My grandfather taught me how to play chess. He was a carpenter, and he made the pieces "
    "himself from walnut wood.",
    "The night train leaves Vienna at half past nine. It arrives in Venice the next morning.",
    "This cheese is kept in a cave for eleven months. It smells terrible but it tastes wonderful.",
    "Our school has a robot. The children call it Pixel, and it can carry books.",
    "The marathon was won by a nurse from Kenya. She ran with a broken shoe.",
    "The old bridge was closed because its cables were rusty. A new one will cost three million "
    "euros.",
    "",
)
LABELS: dict[int, tuple[str, ...]] = {
    0: ("beacon", "seashore"),
    1: ("bee", "daisy"),
    2: ("volcano",),
    4: ("passenger car",),
    9: ("goldfish",),
}
SCREEN: dict[int, tuple[str, ...]] = {7: ("Director: Paula Stein",)}

TOLD = (
    ("Where is the lighthouse?", 0, "island|Bergen"),
    ("Since when has Ingrid lived there?", 0, "1987"),
    ("How many flowers does a bee visit in a day?", 1, "five thousand"),
    ("When does the queen lay eggs?", 1, "spring"),
    ("When did the volcano erupt?", 2, "1973"),
    ("How many houses were buried?", 2, "six"),
    ("Who taught the speaker to play chess?", 3, "grandfather"),
    ("What were the chess pieces made of?", 3, "walnut"),
    ("When does the train leave Vienna?", 4, "half past nine"),
    ("Where does the night train arrive?", 4, "Venice"),
    ("How long is the cheese kept in the cave?", 5, "(eleven|11) months"),
    ("How does the cheese taste?", 5, "wonderful"),
    ("What is the name of the robot?", 6, "Pixel"),
    ("What can the robot carry?", 6, "books"),
    ("Who won the marathon?", 7, "nurse"),
    ("Why was the bridge closed?", 8, "rusty"),
    ("How much will the new bridge cost?", 8, "three million"),
    ("Who is the director?", 7, "Stein"),
)
NOT_IN_THE_FILM = (
    "How tall is the lighthouse?",
    "Who painted the lighthouse?",
    "What is the name of the volcano?",
    "How much does the train ticket cost?",
    "How old is the robot?",
    "Where was the queen of England born?",
    "What does the grandfather eat for breakfast?",
    "Who wrote Hamlet?",
    "When was the bridge built?",
    "What is the capital of Australia?",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """The film's scenes, and what was answered to each question."""

    answerer: SmolLmAnswerer
    passages: tuple[Passage, ...]
    replies: dict[str, Reply]


def _words(text: str, start_s: float) -> tuple[Word, ...]:
    starts = (start_s + i * WORD_S for i in range(len(text.split())))
    return tuple(
        Word(word, at, at + WORD_S, 0.9) for word, at in zip(text.split(), starts, strict=True)
    )


def _passage(index: int, said: str) -> Passage:
    start_s = index * SCENE_S
    return Passage(
        scene_id=f"film-{round(start_s * 1000)}",
        video_id="film",
        uri="film.mp4",
        start_s=start_s,
        end_s=start_s + SCENE_S,
        score=1.0 - index / 100,
        description="",
        words=_words(said, start_s),
        screen_text=SCREEN.get(index, ()),
        labels=LABELS.get(index, ()),
    )


@pytest.fixture(scope="module")
def asked() -> Asked:
    answerer = SmolLmAnswerer(AnswerConfig(max_tokens=30))
    answerer.setup()
    passages = tuple(_passage(i, said) for i, said in enumerate(SAID))
    questions = [*(question for question, _, _ in TOLD), *NOT_IN_THE_FILM]
    replies = {question: answerer.answer(question, passages) for question in questions}
    return Asked(answerer, passages, replies)


def test_most_questions_are_answered_from_the_right_scene(asked: Asked) -> None:
    right = [
        question
        for question, index, wanted in TOLD
        if [c.scene_id for c in asked.replies[question].citations]
        == [asked.passages[index].scene_id]
        and re.search(wanted, asked.replies[question].answer, re.IGNORECASE)
    ]
    assert len(right) >= 0.8 * len(TOLD), _told(asked)


def test_most_questions_that_the_film_does_not_answer_are_left_open(asked: Asked) -> None:
    left_open = [q for q in NOT_IN_THE_FILM if asked.replies[q].answer == NOT_TOLD]
    assert len(left_open) >= 0.7 * len(NOT_IN_THE_FILM), _told(asked)


def test_an_open_question_has_no_citation_and_is_not_grounded(asked: Asked) -> None:
    left_open = [reply for reply in asked.replies.values() if reply.answer == NOT_TOLD]
    assert left_open
    assert all(not reply.citations and not reply.grounded for reply in left_open)


def test_a_quote_is_said_word_for_word_at_the_time_cited(asked: Asked) -> None:
    scenes = {passage.scene_id: passage for passage in asked.passages}
    citations = [c for reply in asked.replies.values() for c in reply.citations if c.quote]
    assert citations
    for citation in citations:
        scene = scenes[citation.scene_id]
        if citation.quote in scene.screen_text:
            span: tuple[float, float] | None = (scene.start_s, scene.end_s)
        else:
            span = quote_span(citation.quote, scene.words)
        assert span == (citation.start_s, citation.end_s)


def test_an_answer_has_no_name_or_number_that_its_scene_has_not(asked: Asked) -> None:
    said = {p.scene_id: [" ".join(w.text for w in p.words), *p.screen_text] for p in asked.passages}
    for reply in asked.replies.values():
        for citation in reply.citations:
            assert unsupported(reply.answer, said[citation.scene_id]) == []


def test_what_is_only_seen_is_answered_with_the_time_it_is_seen(asked: Asked) -> None:
    reply = asked.answerer.answer("When do we see a goldfish?", asked.passages)
    assert "2:15" in reply.answer
    assert "goldfish" in reply.answer
    assert [(c.start_s, c.end_s, c.quote) for c in reply.citations] == [(135.0, 150.0, "")]
    assert reply.grounded


def test_what_is_never_seen_is_not_told(asked: Asked) -> None:
    reply = asked.answerer.answer("When do we see an elephant?", asked.passages)
    assert reply.answer == NOT_TOLD


def test_a_name_that_speech_recognition_misheard_is_still_found(asked: Asked) -> None:
    misheard = _passage(0, "Our dog is called Charly. He was found at the harbour.")
    reply = asked.answerer.answer("Where was Charlie found?", [misheard])
    assert "harbour" in reply.answer


def test_no_passages_tell_nothing(asked: Asked) -> None:
    assert asked.answerer.answer("Who won the marathon?", []).answer == NOT_TOLD


def test_the_same_question_gets_the_same_answer_after_others(asked: Asked) -> None:
    question = TOLD[0][0]
    assert asked.answerer.answer(question, asked.passages) == asked.replies[question]


def test_prompt_hash_follows_the_settings() -> None:
    short = SmolLmAnswerer(AnswerConfig(max_tokens=20)).prompt_hash
    assert short != SmolLmAnswerer(AnswerConfig(max_tokens=60)).prompt_hash
    assert short == SmolLmAnswerer(AnswerConfig(max_tokens=20)).prompt_hash


def test_another_encoder_may_be_given() -> None:
    class AllAlike:
        """Finds all texts alike, so that only the words themselves decide."""

        model = "alike@1"
        dim = 2

        def setup(self) -> None:
            return None

        def encode(self, texts: Sequence[str]) -> Float32:
            return np.tile(np.array([1.0, 0.0], np.float32), (len(texts), 1))

    answerer = SmolLmAnswerer(AnswerConfig(), AllAlike())
    answerer.setup()
    reply = answerer.answer("How long is the cheese kept?", [_passage(5, SAID[5])])
    assert re.search("(eleven|11) months", reply.answer)


def _told(asked: Asked) -> str:
    return "\n".join(f"{question} -> {r.answer}" for question, r in asked.replies.items())
