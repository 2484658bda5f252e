"""The benchmark's script and questions: what a seed promises."""

from __future__ import annotations

import pytest

from scenelake.pipeline.evaluation.own import queries as searches
from scenelake.pipeline.evaluation.own import questions as asking
from scenelake.pipeline.evaluation.own.questions import KINDS, Asked
from scenelake.pipeline.evaluation.own.script import Script, scripts, slots
from scenelake.pipeline.evaluation.own.truth import FilmTruth, Said, SceneTruth
from scenelake.pipeline.evaluation.own.world import HALVES, Half, world

SEEDS = [("development", 0), ("fresh", 1), ("fresh", 2)]


def told(script: Script) -> FilmTruth:
    """The truth of a film in which every sentence lasts three seconds."""
    scenes, at_s = [], 0.0
    for scene in script.scenes:
        said = tuple(
            Said(text, at_s + 3 * i, at_s + 3 * i + 2.5) for i, text in enumerate(scene.said)
        )
        end_s = said[-1].end_s + 1
        scenes.append(
            SceneTruth(
                start_s=at_s,
                end_s=end_s,
                picture=scene.picture.name,
                shows=scene.picture.shows,
                topic=scene.passage.topic,
                said=said,
                screen_text=scene.screen_text,
                sound=scene.sound or "",
                dissolves=scene.dissolves,
            )
        )
        at_s = end_s
    form = script.form
    return FilmTruth(
        name=script.name,
        file=script.file,
        script="",
        town=script.town.written,
        duration_s=at_s,
        fps=float(form.fps),
        size=form.size,
        voice=script.voice.name,
        scenes=tuple(scenes),
    )


def made(
    half: Half, seed: int, *, n_films: int = 4, n_scenes: int = 6
) -> tuple[list[Script], list[FilmTruth], list[Asked]]:
    plan = scripts(half, seed=seed, n_films=n_films, n_scenes=n_scenes)
    films = [told(script) for script in plan]
    return plan, films, asking.questions(plan, films, half=half, seed=seed)


def contains(text: str, part: str) -> bool:
    return part.lower() in text.lower()


def evidence(film: FilmTruth) -> str:
    return " ".join([film.text, *(scene.screen_text for scene in film.scenes)])


def test_the_same_seed_films_and_asks_the_same() -> None:
    assert made("fresh", 7) == made("fresh", 7)


def test_another_seed_films_and_asks_other_things() -> None:
    (_, films, asked), (_, others, other_asked) = made("fresh", 7), made("fresh", 8)
    assert not {film.text for film in films} & {film.text for film in others}
    assert {one.answers for one in asked} != {one.answers for one in other_asked}


def test_more_films_leave_the_first_ones_as_they_are() -> None:
    few, many = (scripts("fresh", seed=3, n_films=n, n_scenes=4) for n in (2, 5))
    assert many[:2] == few


def test_the_halves_share_no_topic_no_picture_no_sentence_and_no_value() -> None:
    one, two = (world(half) for half in HALVES)
    assert not {p.topic for p in one.passages} & {p.topic for p in two.passages}
    assert not {p.file for p in one.pictures} & {p.file for p in two.pictures}
    assert not {s for p in one.pictures for s in p.search} & {
        s for p in two.pictures for s in p.search
    }
    assert not {s for p in one.passages for s in p.said} & {s for p in two.passages for s in p.said}
    for slot, values in one.values.items():
        assert not set(values) & set(two.values[slot]), slot


@pytest.mark.parametrize("half", HALVES)
def test_every_answer_is_one_slot_that_the_passage_says(half: Half) -> None:
    for passage in world(half).passages:
        said = {slot for line in passage.said for slot in slots(line)}
        templates = [fact.answer for fact in passage.facts] + [passage.yes_no]
        for template in templates:
            (slot,) = slots(template)
            assert slot in said, template
        for query in passage.search:
            assert slots(query), query
            assert set(slots(query)) <= said, query


@pytest.mark.parametrize(("half", "seed"), SEEDS)
def test_what_is_answered_is_said_or_shown_where_the_spans_are(half: Half, seed: int) -> None:
    _, films, asked = made(half, seed)
    by_file = {film.file: film for film in films}
    for one in asked:
        if one.kind not in ("spoken_fact", "screen_text"):
            continue
        film = by_file[one.video]
        for start_s, end_s in one.spans:
            shown = [s.screen_text for s in film.scenes if (s.start_s, s.end_s) == (start_s, end_s)]
            said = [
                s.text
                for scene in film.scenes
                for s in scene.said
                if (s.start_s, s.end_s) == (start_s, end_s)
            ]
            assert any(contains(t, answer) for t in shown + said for answer in one.answers), one


@pytest.mark.parametrize(("half", "seed"), SEEDS)
def test_what_is_unanswerable_is_told_nowhere_in_its_film(half: Half, seed: int) -> None:
    """Its topic is of other films, or the person is never named, or it is left open."""
    plan, films, asked = made(half, seed)
    here = world(half)
    untold = {text for passage in here.passages for text in passage.untold}
    people = {value.written for value in here.values["person"]}
    for script, film in zip(plan, films, strict=True):
        answerable = {f.ask for scene in script.scenes for f in scene.passage.facts}
        for one in asked:
            if one.kind != "unanswerable" or one.video != film.file or one.question in untold:
                continue
            named = [person for person in people if person in one.question]
            assert one.question not in answerable
            assert not any(contains(evidence(film), person) for person in named)
            assert not one.spans


@pytest.mark.parametrize(("half", "seed"), SEEDS)
def test_a_false_yes_no_and_the_wrong_options_name_nothing_of_the_film(
    half: Half, seed: int
) -> None:
    _, films, asked = made(half, seed)
    by_file = {film.file: film for film in films}
    wrong = [
        (one, option)
        for one in asked
        if one.kind == "multiple_choice"
        for letter, option in zip("ABCD", one.options, strict=False)
        if letter != one.choice
    ]
    assert wrong
    names = {value.written for value in world(half).values["person"]}
    for one, option in wrong:
        if option in names:
            assert not contains(evidence(by_file[one.video]), option), one


def test_every_kind_is_asked_and_each_question_once_a_film() -> None:
    _, _, asked = made("fresh", 5)
    assert {one.kind for one in asked} == set(KINDS)
    assert len({one.question_id for one in asked}) == len(asked)
    assert len({(one.video, one.kind, one.question) for one in asked}) == len(asked)


def test_a_long_film_that_comes_back_to_a_topic_takes_every_answer() -> None:
    """With more scenes than passages, the question fits two places and both are right."""
    plan, films, asked = made("fresh", 5, n_films=1, n_scenes=40)
    twice = [one for one in asked if one.kind == "spoken_fact" and len(one.spans) > 1]
    assert twice
    assert all(any(contains(films[0].text, a) for a in one.answers) for one in twice)
    assert len(plan[0].scenes) == 40


def test_a_picture_that_is_shown_twice_is_right_in_both_places() -> None:
    plan, films, _ = made("development", 0, n_films=6)
    found = [q for q in searches.queries(plan, films) if q.kind == "seen"]
    shown = [(s.picture, film.file) for film in films for s in film.scenes]
    by_text = {text: p.name for p in world("development").pictures for text in p.search}
    for query in found:
        times = sum(name == by_text[query.query] for name, _ in shown)
        assert len(query.targets) == times, query
