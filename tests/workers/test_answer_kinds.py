"""Options, yes and no, times in the film, and films as wholes, without a language model."""

from __future__ import annotations

import pytest

from scenelake.schemas.config import AnswerConfig
from scenelake.workers.answer import NOT_TOLD, ExtractiveAnswerer
from tests.workers.asking import ask, assert_citations_hold, passage

FILM = (
    passage(0, "Good evening. The new ferry to Lindholm left the harbour on Tuesday."),
    passage(1, "The mayor, Thomas Bell, cut a green ribbon. The captain is Martha Reeves."),
    passage(2, "A ticket costs nine pounds, and children travel free. Dogs are not allowed"),
    passage(3, "on the upper deck. Fishermen complained about the noise of the engine."),
    passage(4, screen=["Sailing at 7:30"], labels=["lighthouse", "seashore"]),
)


@pytest.fixture(scope="module")
def answerer() -> ExtractiveAnswerer:
    made = ExtractiveAnswerer(AnswerConfig())
    made.setup()
    return made


@pytest.mark.parametrize(
    ("question", "options", "choice"),
    [
        ("What colour was the ribbon?", ("red", "blue", "green", "white"), "C) green"),
        ("Who is the captain?", ("Thomas Bell", "Martha Reeves", "Ann"), "B) Martha Reeves"),
        (
            "What does a ticket cost?",
            ("seven pounds", "nine pounds", "two euros"),
            "B) nine pounds",
        ),
        ("What is to be seen?", ("a lighthouse", "a motorcycle"), "A) a lighthouse"),
        ("Who baked the cake?", ("an aunt", "a sailor", "the film does not say"), None),
    ],
)
def test_the_option_that_the_film_supports_is_chosen(
    answerer: ExtractiveAnswerer, question: str, options: tuple[str, ...], choice: str | None
) -> None:
    reply = ask(answerer, question, FILM, options=options)
    assert reply.choice == (choice or "C) the film does not say")
    assert_citations_hold(reply, FILM)


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("Was the ribbon green?", "Yes"),
        ("Was the ribbon red?", "No"),
        ("Is the captain Martha Reeves?", "Yes"),
        ("Does a ticket cost twelve pounds?", "No"),
        ("Are dogs allowed on the upper deck?", "No"),
        ("Did the ferry leave on Friday?", "No"),
    ],
)
def test_yes_or_no_comes_first_with_the_sentence_that_says_so(
    answerer: ExtractiveAnswerer, question: str, begins: str
) -> None:
    reply = ask(answerer, question, FILM)
    assert reply.answer.startswith(f"{begins}: ")
    assert_citations_hold(reply, FILM)


def test_neither_yes_nor_no_where_the_film_is_silent(answerer: ExtractiveAnswerer) -> None:
    assert ask(answerer, "Was the library painted?", FILM).answer == NOT_TOLD


def test_a_sentence_over_a_cut_is_cited_from_both_scenes(answerer: ExtractiveAnswerer) -> None:
    reply = ask(answerer, "Where are dogs not allowed?", FILM)
    assert reply.answer == "Dogs are not allowed on the upper deck."
    assert [c.scene_id for c in reply.citations] == [FILM[2].scene_id, FILM[3].scene_id]
    assert_citations_hold(reply, FILM)


def test_when_something_is_spoken_of_is_told_in_the_films_time(
    answerer: ExtractiveAnswerer,
) -> None:
    reply = ask(answerer, "When do they talk about the noise of the engine?", FILM)
    (span,) = reply.spans
    assert 30.0 <= span.start_s < span.end_s <= 40.0
    assert "0:3" in reply.answer
    assert_citations_hold(reply, FILM)


def test_when_something_is_seen_is_told_in_the_films_time(answerer: ExtractiveAnswerer) -> None:
    reply = ask(answerer, "When is a lighthouse to be seen?", FILM)
    assert [(span.start_s, span.end_s) for span in reply.spans] == [(40.0, 50.0)]


def test_a_date_is_answered_with_the_date_and_where_it_is_told(
    answerer: ExtractiveAnswerer,
) -> None:
    reply = ask(answerer, "When did the ferry leave the harbour?", FILM)
    assert "Tuesday" in reply.answer
    assert reply.spans


def test_a_film_as_a_whole_is_told_from_all_over_it(answerer: ExtractiveAnswerer) -> None:
    topics = ("bees make honey in the hive", "the castle has a tower", "bread is baked hot")
    film = [passage(i, f"Now you hear that {topics[i // 20]}, part {i}.") for i in range(60)]
    reply = ask(answerer, "Summarise the film.", film, is_whole=True)
    assert all(word in reply.answer for word in ("honey", "castle", "bread"))
    assert_citations_hold(reply, film)
    brief = ask(answerer, "What is it about?", film, is_whole=True)
    assert len(brief.answer.split()) <= 25
    assert_citations_hold(brief, film)


def test_where_a_film_is_set_is_told_by_its_opening(answerer: ExtractiveAnswerer) -> None:
    film = [passage(0, "Good evening from Bristol. The bridge is closed."), *FILM[1:]]
    reply = ask(answerer, "In which city is the film set?", film, is_whole=True)
    assert reply.answer == "Good evening from Bristol."


def test_screen_text_is_read_though_its_words_were_run_together(
    answerer: ExtractiveAnswerer,
) -> None:
    film = [passage(0, "Good evening.", screen=["Speedlimit92", "Camera:LauraBrooks"]), *FILM[1:]]
    speed = ask(answerer, "What speed limit is written on the screen?", film)
    assert speed.answer == "Speedlimit 92"
    camera = ask(answerer, "Who is named on the screen for the camera?", film)
    assert camera.answer == "Camera: Laura Brooks"
    assert camera.citations[0].quote == "Camera:LauraBrooks"
    assert_citations_hold(camera, film)


def test_a_films_own_summary_is_told_where_scenes_bear_it_out(
    answerer: ExtractiveAnswerer,
) -> None:
    summary = "The new ferry to Lindholm left the harbour on Tuesday."
    reply = ask(answerer, "Summarise the film.", FILM, is_whole=True, summary=summary)
    assert reply.answer == summary
    assert [c.scene_id for c in reply.citations] == [FILM[0].scene_id]


def test_voices_are_counted_where_they_were_told_apart(answerer: ExtractiveAnswerer) -> None:
    film = [
        passage(0, "Good evening to you.", speaker="A"),
        passage(1, "And good evening to you.", speaker="B"),
        passage(2, "Here I am again.", speaker="A"),
    ]
    question = "How many people speak?"
    assert ask(answerer, question, film, is_whole=True).answer == "2 people speak."
    assert ask(answerer, question, FILM, is_whole=True).answer == NOT_TOLD


def test_nothing_said_is_told_from_what_is_seen(answerer: ExtractiveAnswerer) -> None:
    silent = [passage(i, labels=["lighthouse"]) for i in range(3)]
    reply = ask(answerer, "What is the film about?", silent, is_whole=True)
    assert "lighthouse" in reply.answer
    assert reply.citations
