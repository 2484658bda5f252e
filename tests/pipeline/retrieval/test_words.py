"""Which scene comes first by the words it has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scenelake.schemas.config import RankingWeights
from tests.pipeline import searching
from tests.pipeline.searching import Film, Told, find, ids

WORDS = {"words": 1, "told": 0, "seen": 0}
DEFAULT = RankingWeights().model_dump()
FILLING = [Told(f"Number {n} of the stories that we have with the people of the town.") for n in
           range(12)]  # fmt: skip


@pytest.fixture(autouse=True)
def _engines() -> Iterator[None]:
    with searching.engines():
        yield


def first(folder: Path, query: str, *scenes: Told, **search: object) -> int | None:
    """Which of the scenes comes first, among a dozen that are about nothing."""
    Film("aaa", [*scenes, *FILLING]).commit(folder)
    found = ids(find(folder, query, **{"weights": WORDS, **search}))
    return int(found[0].removeprefix("aaa-")) // 10_000 if found else None


def test_a_long_scene_with_all_words_is_before_a_short_one_with_some(tmp_path: Path) -> None:
    long = "then let the dough rest for 88 minutes under a cloth " + "and talk on of the town " * 8
    short = "let it rest for 70 minutes"
    assert first(tmp_path, "let it rest for 88 minutes", Told(short), Told(long)) == 1


def test_words_without_content_do_not_outvote_one_with(tmp_path: Path) -> None:
    with_copper = "You see the library, will it store some copper?"
    with_glass = "You see the library with its doors, of those that are of glass"
    told = first(tmp_path, "library with one of copper", Told(with_glass), Told(with_copper))
    assert told == 1


def test_what_a_description_repeats_counts_once(tmp_path: Path) -> None:
    told_twice = Told("wait until the glue is dry", description="wait until the glue is dry")
    told_once = Told("wait 94 seconds until the glue is dry")
    assert first(tmp_path, "wait 94 seconds for the glue", told_twice, told_once) == 1


@pytest.mark.parametrize("heard", ["towers", "towre", "twoer", "tover"])
def test_a_word_with_another_ending_or_a_letter_misheard_is_found(
    tmp_path: Path, heard: str
) -> None:
    assert first(tmp_path, "tower", Told("nothing else"), Told(f"the {heard} on a hill")) == 1


@pytest.mark.parametrize(
    ("asked", "there"),
    [("tower", "towers"), ("cats", "cat"), ("strawberries", "strawberry"), ("box", "boxes")],
)
def test_the_singular_finds_the_plural_and_back_nearly_as_well_as_the_word_itself(
    tmp_path: Path, asked: str, there: str
) -> None:
    """Half the words as they stand are less than all of them in another number."""
    half, whole = Told(f"the {asked} on a hill"), Told(f"the {there} with 72 windows")
    assert first(tmp_path, f"{asked} with 72 windows", half, whole) == 1
    assert first(tmp_path / "alone", asked, Told("nothing else"), whole) == 1


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        ("Laura Brooks", "Camera:LauraBrooks"),
        ("closed on Tuesday", "Closed onTuesday"),
        ("tickets 68 euros", "Tickets68 euros"),
        ("YouTube", "YouTube"),
    ],
)
def test_screen_text_is_found_where_its_reader_lost_the_spaces(
    tmp_path: Path, asked: str, read: str
) -> None:
    one_word = Told("Laura closed the tickets", shown="68 tickets, Laura")
    told = first(tmp_path, asked, one_word, Told("nothing", shown=read))
    assert told == 1


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("84 euros", "eighty-four euros"),
        ("eighty-four euros", "84 euros"),
        ("sold for 14 million dollars", "sold for $14 million"),
        ("built in 1995", "built in nineteen ninety-five"),
        ("7 kilos of honey", "seven kilos of honey"),
        ("20 percent", "twenty % of it"),
    ],
)
def test_a_number_is_found_however_it_is_written(tmp_path: Path, asked: str, there: str) -> None:
    without = asked.translate(str.maketrans("0123456789", "3333333333")).replace("four", "five")
    assert first(tmp_path, asked, Told(without), Told(there)) == 1


def test_a_small_number_in_words_is_a_word(tmp_path: Path) -> None:
    """Who looks for two wheels does not ask for the figure 2."""
    figure, words = Told("platform 2, then 2 again"), Told("on two wheels")
    assert first(tmp_path, "two wheels", figure, words) == 1


def test_an_s_that_is_no_plural_stays(tmp_path: Path) -> None:
    assert first(tmp_path, "gas", Told("the glass on a hill"), Told("it is no gap")) is None


def test_the_word_itself_is_before_one_that_is_nearly_it(tmp_path: Path) -> None:
    assert first(tmp_path, "tower", Told("the towel on a hill"), Told("the tower on a hill")) == 1


@pytest.mark.parametrize(("asked", "there"), [("94", "95"), ("1984", "1985"), ("cat", "car")])
def test_numbers_and_short_words_have_no_near_ones(tmp_path: Path, asked: str, there: str) -> None:
    assert first(tmp_path, asked, Told(f"the {there} on a hill")) is None


def test_explain_shows_the_word_that_stood_for_another(tmp_path: Path) -> None:
    Film("aaa", [Told("the towers on a hill"), *FILLING]).commit(tmp_path)
    (hit,) = find(tmp_path, "tower", weights=WORDS)
    assert hit.why[0].matched["said"] == ("towers",)


def test_where_a_scene_has_all_words_likeness_does_not_put_another_before_it(
    tmp_path: Path,
) -> None:
    """The second one looks like the query and tells most of it again and again."""
    exact = Told("the green door opens in march " + "and so on with the people of the town " * 5)
    alike = Told("the green door the green door opens", seen="green")
    assert first(tmp_path, "green door in march", exact, alike, weights=DEFAULT) == 0
