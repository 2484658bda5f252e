"""What a model writes of a scene is held to the scene itself, not to its neighbours."""

from __future__ import annotations

import json

import pytest

from scenelake.schemas.rows import Scene, ScreenText
from scenelake.workers.readings import confirmed
from scenelake.workers.reply import MIN_DESCRIPTION_CHARS, Reply
from scenelake.workers.vetting import vet

from .telling import frame, reply, scene

POTTER = scene(
    said="The potter wets her hands. She has made bowls in Delft since 1972.",
    screen=[(2.0, "Open from 9 to 17")],
    frames=[frame(2.0, label="potter's wheel")],
    sounds=["Water"],
)
NEXT_DOOR = ("This cat is called Garfield and eats 14 pizzas in Rome.", "CAFE ROMA")


def told(
    description: str, *, of: Scene = POTTER, saw: bool = True, foreign: tuple[str, ...] = NEXT_DOOR
) -> str:
    """What is kept of a description."""
    made = Reply.model_validate_json(reply(description))
    vetted = vet(made, of, foreign=foreign, saw=saw)
    return vetted.description if vetted else ""


@pytest.mark.parametrize(
    "sentence",
    [
        "A woman in an apron leans over a spinning wheel.",
        "Children play in the street.",
        "The potter has made bowls in Delft since 1972.",
        'A sign says "open from 9".',
        "A woman explains that she has made bowls since 1972.",
        "A man is talking to the camera in a studio.",
        "The room is dark, and nobody moves.",
    ],
)
def test_what_can_be_seen_and_what_is_said_here_may_be_told(sentence: str) -> None:
    assert told(sentence) == sentence


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("A cat called Garfield lies on a chair.", "a neighbour's name"),
        ("A cat called garfield lies on a chair.", "a neighbour's name without its capital"),
        ("Garfield lies on a chair.", "a name at the start"),
        ("A table with 14 plates is set.", "a neighbour's number"),
        ("Two people sit at a table.", "a count that nobody has checked"),
        ('A sign reads "CAFE ROMA".', "a neighbour's screen text"),
        ("A man in Paris walks by.", "a name from nowhere"),
        ("This cat is called and eats pizzas.", "a neighbour's sentence without its name"),
        ("A woman explains how she lost her money at the races.", "speech that nobody said"),
        ('A man shouts "help me".', "a quotation of nothing said"),
        ("It is.", "nothing"),
        ("", "nothing at all"),
    ],
)
def test_what_nothing_in_the_scene_bears_out_is_not_told(sentence: str, why: str) -> None:
    assert told(sentence) == "", why


@pytest.mark.parametrize(
    ("sentence", "kept"),
    [
        ("The potter wets her hands.", True),
        ("The potter has made bowls since 1972.", True),
        ("A woman in an apron leans over a spinning wheel.", False),
        ("Garfield eats pizzas in Rome.", False),
    ],
)
def test_a_model_that_saw_nothing_may_only_tell_what_others_recognised(
    sentence: str, kept: bool
) -> None:
    assert bool(told(sentence, saw=False)) == kept


def test_only_the_sentences_that_are_not_true_are_left_out() -> None:
    description = "A woman wets her hands. Garfield watches her. The bowls dry on a shelf."
    assert told(description) == "A woman wets her hands. The bowls dry on a shelf."


def test_a_model_that_repeats_itself_is_heard_once() -> None:
    once = "A woman wets her hands."
    assert told(f"{once} A woman wets her hands. She wets her hands. It dries.") == (
        f"{once} It dries."
    )


def test_a_name_that_both_scenes_say_may_be_told() -> None:
    assert told("The potter works in Delft.", foreign=("They met in Delft.",))


def test_a_headline_next_door_does_not_forbid_its_common_words() -> None:
    assert told("A cup of coffee stands on a table.", foreign=("Fresh Coffee And Cake",))


def test_what_is_said_in_the_scenes_translation_is_its_own() -> None:
    spoken = scene(said="Der Topfer wohnt in Delft.")
    translated = Scene(
        **{n: getattr(spoken, n) for n in ("video_id", "index", "start_s", "end_s", "shots")},
        words=spoken.words,
        translated_words=scene(said="The potter lives in Delft.").words,
    )
    assert told("The potter lives in Delft.", of=translated, saw=False)
    assert not told("The potter lives in Delft.", of=spoken, saw=False)


def test_a_description_that_breaks_off_is_kept_to_its_last_full_sentence() -> None:
    long = "A woman wets her hands and turns a bowl on a wheel in a room with a window. " * 2
    assert told(f"{long}A man comes in and sit").endswith("with a window.")
    only = f"A woman {'slowly ' * 30}turns a bo"
    assert len(only) > MIN_DESCRIPTION_CHARS
    assert told(only).endswith("turns a…")


def _vetted(saw: bool = True, **fields: object) -> dict[str, object]:
    document = {**json.loads(reply("The potter wets her hands.")), **fields}
    vetted = vet(Reply.model_validate(document), POTTER, foreign=NEXT_DOOR, saw=saw)
    assert vetted is not None
    return {name: getattr(vetted, name) for name in ("title", "labels", "lines", "mood")}


def test_a_title_that_is_not_true_gives_way_to_the_description() -> None:
    assert _vetted(title="A potter at work")["title"] == "A potter at work"
    assert _vetted(title="Garfield at work")["title"] == "The potter wets her hands"


def test_labels_that_are_new_and_not_a_neighbours_are_kept() -> None:
    labels = ("hands", "apron", "garfield", "12 bowls", "apron")
    assert _vetted(labels=labels)["labels"] == ("apron",)
    assert _vetted(labels=labels, saw=False)["labels"] == ()
    assert _vetted(labels=("potter's wheel",), saw=False)["labels"] == ("potter's wheel",)


@pytest.mark.parametrize(
    ("mood", "kept"),
    [
        ("Calm.", "calm"),
        ("quietly busy", "quietly busy"),
        ("like Garfield", ""),
        ("8 of 10", ""),
        ("l", ""),
        ("the scene", ""),
        ("as if nothing had happened", ""),
    ],
)
def test_a_mood_is_a_word_or_two_without_facts(mood: str, kept: str) -> None:
    assert _vetted(mood=mood)["mood"] == kept


READ = [ScreenText(text, 0.9, 1.0) for text in ("Roasted in", "Ethlopia", "Open 9-17", "EXIT")]


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("Roasted in", True),
        ("Roasted in Ethiopia", True),
        ("exit", True),
        ("Open 9-17", True),
        ("Open 9-18", False),
        ("Fresh every day", False),
        ("", False),
    ],
)
def test_a_models_reading_counts_where_the_text_reader_read_something_alike(
    line: str, counts: bool
) -> None:
    assert bool(confirmed([line], READ, exactly=False)) == counts


def test_a_model_that_was_only_told_the_text_may_not_improve_on_it() -> None:
    assert confirmed(["Ethiopia", "ethlopia"], READ, exactly=True) == ("ethlopia",)


def test_a_confirmed_reading_may_be_told_of_and_quoted() -> None:
    coffee = scene(screen=[(1.0, "Roasted in Ethlopia")], frames=[frame(1.0)])
    document = reply("A cup from Ethiopia stands there.", visible_text=["Roasted in Ethiopia"])
    vetted = vet(Reply.model_validate_json(document), coffee, foreign=(), saw=True)
    assert vetted is not None
    assert vetted.lines == ("Roasted in Ethiopia",)
    assert not told("A cup from Ethiopia stands there.", of=coffee)
