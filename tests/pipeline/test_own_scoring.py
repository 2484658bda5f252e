"""The benchmark's scores: full marks for who knows all, none for who knows nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scenelake.pipeline.evaluation.own import queries as searches
from scenelake.pipeline.evaluation.own.judging import Cited, Given, is_right, topics
from scenelake.pipeline.evaluation.own.questions import Asked
from scenelake.pipeline.evaluation.own.scoring import place, score
from scenelake.pipeline.evaluation.own.trial import Trial

from .test_own_script import made

NOTHING = Given(answer="The film does not tell.", is_told=False, cited=())


def oracle(question: Asked) -> Given:
    if question.kind == "unanswerable":
        return NOTHING
    cited = tuple(
        Cited(question.video, span, "as it is said", ("all as it is said here",))
        for span in question.spans
    )
    return Given(
        answer=", ".join(question.answers[: None if question.kind == "whole_film" else 1]),
        is_told=True,
        cited=cited,
        choice=question.choice,
        spans=tuple((question.video, span) for span in question.spans),
    )


@pytest.fixture(scope="module")
def asked() -> Asked:
    return Asked(
        question_id="q",
        kind="spoken_fact",
        question="How tall is the lighthouse?",
        video="a.mp4",
        answers=("22 metres", "twenty-two metres", "22"),
        spans=((10.0, 14.0),),
    )


def told(answer: str, *cited: Cited) -> Given:
    return Given(answer=answer, is_told=True, cited=cited)


def test_who_knows_all_has_full_marks_and_who_knows_nothing_none() -> None:
    plan, films, questions = made("fresh", 4, n_films=3, n_scenes=4)
    queries = searches.queries(plan, films)
    perfect = Trial(
        heard=tuple(film.text for film in films),
        cuts_s=tuple(film.cuts_s for film in films),
        found=tuple(query.targets for query in queries),
        given=tuple(map(oracle, questions)),
    )
    empty = Trial(
        heard=("",) * len(films),
        cuts_s=((),) * len(films),
        found=((),) * len(queries),
        given=tuple(replace(NOTHING, is_told=True, answer="") for _ in questions),
    )
    best, worst = (
        score(trial, films=films, queries=queries, questions=questions, n_resamples=10)
        for trial in (perfect, empty)
    )
    values = {name: metric.value for name, metric in best.whole.metrics.items()}
    assert values.pop("wer") == 0.0
    assert values == dict.fromkeys(values, 1.0)
    none = {name: metric.value for name, metric in worst.whole.metrics.items()}
    assert none.pop("wer") == 1.0
    assert none == dict.fromkeys(none, 0.0)
    parts = {name: part.metrics for name, part in best.by["part"].items() if name != "films"}
    assert {m.value for metrics in parts.values() for m in metrics.values()} == {1.0}


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("22 metres", True),
        ("It is twenty-two meters tall, and its lamp is cleaned every Monday.", True),
        ("It is 122 metres tall.", False),
        ("Twenty-three metres.", False),
        ("22 metres " + "and so on and on " * 5, False),
    ],
)
def test_an_answer_is_right_that_holds_the_right_words_among_few(
    asked: Asked, answer: str, right: bool
) -> None:
    assert is_right(asked, told(answer)) is right


def test_what_is_not_told_is_right_only_when_it_is_said_not_to_be(asked: Asked) -> None:
    open_question = replace(asked, kind="unanswerable", spans=())
    assert is_right(open_question, NOTHING)
    assert not is_right(open_question, told("22 metres"))
    assert not is_right(asked, NOTHING)


def test_who_tells_what_a_film_is_about_names_its_topics_briefly(asked: Asked) -> None:
    question = replace(asked, kind="whole_film", answers=("ferry", "school", "hotel", "bridge"))
    answer = "A school, and the old hotel by the sea."
    assert is_right(question, told(answer))
    assert topics(question, told(answer)) == 0.5
    assert not is_right(question, told("Two houses."))
    assert not is_right(question, told(answer + " And so on." * 40))


def test_yes_is_no_answer_where_no_is_right(asked: Asked) -> None:
    question = replace(asked, kind="yes_no", answers=("no",))
    assert is_right(question, told("No, it is stone."))
    assert not is_right(question, told("Yes."))
    assert not is_right(question, told("Nobody knows."))


def test_a_citation_holds_by_its_scene_and_points_by_its_time(asked: Asked) -> None:
    evidence = ("The lighthouse is twenty-two metres tall.",)
    there = Cited("a.mp4", (12.0, 15.0), "22 meters tall", evidence)
    assert there.holds
    assert there.points(asked)
    assert not replace(there, quote="the tower is tall").holds
    assert not replace(there, span=(14.5, 15.0)).points(asked)
    assert not replace(there, video="b.mp4").points(asked)


def test_a_scene_is_found_that_shares_half_of_the_shorter() -> None:
    target = searches.Target("a.mp4", 10.0, 20.0)
    query = searches.Query("q", "said", "a lighthouse", (target,))
    elsewhere, late = searches.Target("b.mp4", 10.0, 20.0), searches.Target("a.mp4", 16.0, 30.0)
    whole = searches.Target("a.mp4", 0.0, 60.0)
    assert place(query, [elsewhere, late, whole]) == 3
    assert place(query, [target]) == 1
    assert place(query, [elsewhere, late]) is None
