"""Questions about a film that the answerer's rules were not tuned on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from scenelake.schemas.arrays import Float32
from scenelake.schemas.config import AnswerConfig
from scenelake.workers.answer import NOT_TOLD, ExtractiveAnswerer
from scenelake.workers.answer_smollm2 import SmolLmAnswerer
from scenelake.workers.engines import Passage, Reply
from scenelake.workers.grounding import unsupported
from tests.workers.asking import ask, assert_citations_hold, passage

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

    answerer: ExtractiveAnswerer
    passages: tuple[Passage, ...]
    replies: dict[str, Reply]


def _passage(index: int, said: str) -> Passage:
    """One in three: the scenes between are not found, so that sentences have no neighbours."""
    return passage(3 * index, said, screen=SCREEN.get(index, ()), labels=LABELS.get(index, ()))


@pytest.fixture(scope="module")
def asked() -> Asked:
    answerer = ExtractiveAnswerer(AnswerConfig())
    answerer.setup()
    passages = tuple(_passage(i, said) for i, said in enumerate(SAID))
    questions = [*(question for question, _, _ in TOLD), *NOT_IN_THE_FILM]
    replies = {question: ask(answerer, question, passages) for question in questions}
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


def test_a_quote_stands_in_the_scene_that_is_cited(asked: Asked) -> None:
    assert any(reply.citations for reply in asked.replies.values())
    for reply in asked.replies.values():
        assert_citations_hold(reply, asked.passages)


def test_an_answer_has_no_name_or_number_that_its_scene_has_not(asked: Asked) -> None:
    said = {p.scene_id: [" ".join(w.text for w in p.words), *p.screen_text] for p in asked.passages}
    for reply in asked.replies.values():
        for citation in reply.citations:
            assert unsupported(reply.answer, said[citation.scene_id]) == []


def test_what_is_only_seen_is_answered_with_the_time_it_is_seen(asked: Asked) -> None:
    reply = ask(asked.answerer, "When do we see a goldfish?", asked.passages)
    assert "4:30" in reply.answer
    assert "goldfish" in reply.answer
    assert [(c.start_s, c.end_s, c.quote) for c in reply.citations] == [(270.0, 280.0, "")]
    assert [(span.start_s, span.end_s) for span in reply.spans] == [(270.0, 280.0)]
    assert reply.grounded


def test_what_is_never_seen_is_not_told(asked: Asked) -> None:
    reply = ask(asked.answerer, "When do we see an elephant?", asked.passages)
    assert reply.answer == NOT_TOLD


def test_a_name_that_speech_recognition_misheard_is_still_found(asked: Asked) -> None:
    misheard = _passage(0, "Our dog is called Charly. He was found at the harbour.")
    reply = ask(asked.answerer, "Where was Charlie found?", [misheard])
    assert "harbour" in reply.answer


def test_no_passages_tell_nothing(asked: Asked) -> None:
    assert ask(asked.answerer, "Who won the marathon?", []).answer == NOT_TOLD


def test_the_same_question_gets_the_same_answer_after_others(asked: Asked) -> None:
    question = TOLD[0][0]
    assert ask(asked.answerer, question, asked.passages) == asked.replies[question]


def test_a_language_model_words_the_sentence_and_adds_nothing(asked: Asked) -> None:
    worded = SmolLmAnswerer(AnswerConfig(max_tokens=30))
    worded.setup()
    for question, index, wanted in (TOLD[2], TOLD[4], TOLD[15]):
        reply = ask(worded, question, asked.passages)
        assert re.search(wanted, reply.answer, re.IGNORECASE)
        assert unsupported(reply.answer, [SAID[index]]) == []
        assert_citations_hold(reply, asked.passages)
    assert ask(worded, NOT_IN_THE_FILM[0], asked.passages).answer == NOT_TOLD
    assert worded.prompt_hash != SmolLmAnswerer(AnswerConfig(max_tokens=20)).prompt_hash


def test_another_encoder_may_be_given() -> None:
    class AllAlike:
        """Finds all texts alike, so that only the words themselves decide."""

        model = "alike@1"
        dim = 2

        def setup(self) -> None:
            return None

        def encode(self, texts: Sequence[str]) -> Float32:
            return np.tile(np.array([1.0, 0.0], np.float32), (len(texts), 1))

    answerer = ExtractiveAnswerer(AnswerConfig(), AllAlike())
    answerer.setup()
    reply = ask(answerer, "How long is the cheese kept?", [_passage(5, SAID[5])])
    assert re.search("(eleven|11) months", reply.answer)


def _told(asked: Asked) -> str:
    return "\n".join(f"{question} -> {r.answer}" for question, r in asked.replies.items())
