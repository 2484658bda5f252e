"""Summaries without a model: true, of the whole film, in its own words."""

from __future__ import annotations

import re

import pytest

from scenelake.schemas.config import SummariseConfig
from scenelake.schemas.story import Story, Summary
from scenelake.workers.summarise import NOTHING, ExtractiveSummariser
from scenelake.workers.text import MiniLm
from tests.media.topics import TOPICS

from .stories import story, talk, told


def sum_up(film: Story, **config: int) -> Summary:
    return ExtractiveSummariser(SummariseConfig.model_validate(config)).summarise(film)


def quoted(text: str) -> list[str]:
    """Sentences of a summary that are said."""
    passages = re.findall(r'Said: "(.*?)"', text)
    return [s for passage in passages for s in re.split(r"(?<=[.!?]) (?:… )?", passage)]


def titles(summary: Summary) -> list[str]:
    return [chapter.title for chapter in summary.chapters]


@pytest.fixture(scope="module")
def five_things(minilm: MiniLm) -> Summary:
    return sum_up(talk(minilm.encode)[0])


def test_a_summary_is_of_sentences_that_are_said_word_for_word(five_things: Summary) -> None:
    said = {sentence for topic in TOPICS for sentence in topic.sentences}
    assert len(quoted(five_things.text)) >= 5
    assert set(quoted(five_things.text)) <= said
    assert not five_things.grounded


def test_a_summary_tells_of_each_thing_that_the_film_is_about(five_things: Summary) -> None:
    for topic in TOPICS:
        assert set(quoted(five_things.text)) & set(topic.sentences), topic.photograph


def test_titles_name_what_their_chapters_are_about(five_things: Summary) -> None:
    for topic, title in zip(TOPICS, titles(five_things), strict=True):
        assert topic.names & set(re.findall(r"\w+", title.casefold())), title


def test_a_summary_is_no_longer_than_it_may_be(minilm: MiniLm) -> None:
    film, _ = talk(minilm.encode, repeats=10)
    assert len(quoted(sum_up(film, max_sentences=3).text)) == 3
    assert len(sum_up(film).text.split()) < 300


def test_a_summary_says_nothing_twice(minilm: MiniLm) -> None:
    film, _ = talk(minilm.encode, repeats=10)
    told_ = quoted(sum_up(film).text)
    assert len(told_) == len(set(told_))


def test_sentences_that_cross_scenes_are_whole() -> None:
    film = story(
        [
            told(0, 10, "The old bridge over the river was built by"),
            told(10, 20, "monks from Cluny. Ships with masts could not pass the bridge."),
        ]
    )
    assert "The old bridge over the river was built by monks from Cluny." in sum_up(film).text


def test_a_film_in_which_nothing_is_said_tells_what_is_seen_and_written() -> None:
    film = story(
        [
            told(0, 20, labels=["espresso"], lines=["Roasted in Ethiopia"], seen=[1, 0]),
            told(20, 50, labels=["tabby"], seen=[0, 1]),
        ]
    )
    summary = sum_up(film)
    assert summary.text == 'Seen: tabby, espresso. On screen: "Roasted in Ethiopia".'
    assert titles(summary) == ["Espresso", "Tabby"]


def test_what_a_model_has_told_of_silent_scenes_is_taken_as_told() -> None:
    told_by_a_model = 'A woman in a red coat crosses the square. Seen: coat. On screen: "Café".'
    title = "A woman crosses the square"
    film = story([told(0, 20, description=told_by_a_model, grounded=True, title=title)])
    assert sum_up(film).text == "A woman in a red coat crosses the square."
    assert titles(sum_up(film)) == ["A woman crosses the square"]


def test_of_a_film_in_which_nothing_is_recognised_that_is_said() -> None:
    summary = sum_up(story([told(0, 20), told(20, 40)]))
    assert (summary.text, summary.chapters) == (NOTHING, ())


def test_a_film_of_one_scene_is_one_chapter() -> None:
    summary = sum_up(story([told(0, 8, "Here is a cat called Chelsea.")]))
    assert [(c.start_s, c.end_s, c.title) for c in summary.chapters] == [
        (0.0, 8.0, "Here is a cat called Chelsea")
    ]


def test_a_chapter_of_which_nothing_is_known_is_called_by_its_number() -> None:
    film = story([told(0, 30, labels=["tabby"], seen=[1, 0]), told(30, 60, seen=[0, 1])])
    assert titles(sum_up(film)) == ["Tabby", "Part 2"]


def test_a_heading_on_screen_is_a_chapters_title(minilm: MiniLm) -> None:
    film, _ = talk(minilm.encode, per_scene=8)
    headings = ["Chapter 1: Beans", "Rocket", "Lesson 3: Pets", "hunting mice.", "Concert Hall"]
    shown = [
        told(s.start_s, s.end_s, s.speech, vector=s.text_embedding, lines=["Our Channel", heading])
        for s, heading in zip(film.scenes, headings, strict=True)
    ]
    found = titles(sum_up(story(shown)))
    assert found[:3] == ["Chapter 1: Beans", "Rocket", "Lesson 3: Pets"]
    assert "hunting mice." not in found
    assert "Our Channel" not in found


def test_no_two_chapters_have_the_same_title() -> None:
    film = story(
        [told(30 * i, 30 * i + 30, labels=["tabby"], seen=[i == 0, i == 1]) for i in (0, 1)]
    )
    assert titles(sum_up(film)) == ["Tabby", "Part 2"]


def test_a_summary_in_another_language_leaves_its_function_words_out_of_titles(
    minilm: MiniLm,
) -> None:
    said = (
        "Der Kaffee kommt aus dem Hochland von Äthiopien. Der Kaffee wird in der Mühle gemahlen. "
        "Dann wird der Kaffee mit dem Wasser in der Maschine gekocht. Auch die Mühle ist alt."
    )
    film = story([told(0, 20, said, vector=minilm.encode([said])[0])], language="de")
    (title,) = titles(sum_up(film))
    assert {"Kaffee", "mühle"} <= set(re.findall(r"\w+", title)) | {"mühle"}
    assert not {"der", "die", "wird", "dem", "dann", "auch"} & set(title.casefold().split())


@pytest.mark.parametrize("speech", ["", "...", "no full stop and no capital", "¿?", "a " * 500])
def test_odd_speech_is_no_trouble(speech: str) -> None:
    film = story([told(0, 10, speech, title=""), told(10, 20, "Hm.")])
    assert sum_up(film).text
