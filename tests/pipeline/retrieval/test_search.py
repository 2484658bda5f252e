"""What a search finds, in which order, and what it says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from scenelake.pipeline import Lake
from scenelake.pipeline.retrieval.filters import Filters
from scenelake.pipeline.retrieval.search import Query
from scenelake.schemas.errors import UsageError
from tests.pipeline import searching
from tests.pipeline.searching import FIRST_DAY, Film, Told, find, ids, searcher

KITCHEN = Film(
    "aaa",
    [
        Told("The water for this coffee was hot.", seen="red", label="espresso", speaker="Ann"),
        Told("We roast the beans ourselves.", seen="green", shown="Roasted in Ethiopia"),
        Told("Nothing beats a quiet morning.", seen="blue", label="Egyptian cat", speaker="Bob"),
        Told("Ein Kaffee, bitte schön.", seen="red green", language="de"),
    ],
)
LAUNCH = Film(
    "bbb",
    [
        Told("This rocket flew in February.", seen="blue green", description="A launch at dawn."),
        Told("", seen="red blue", label="space shuttle"),
        Told("東京タワーはとても高いです。黒猫がいる", language="ja"),
        Told("The café in Malmö is closed on Sundays.", speaker="Ann"),
    ],
    came_at=FIRST_DAY + timedelta(days=7),
)


@pytest.fixture(autouse=True)
def _engines() -> Iterator[None]:
    with searching.engines():
        yield


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("searched")
    for film in (KITCHEN, LAUNCH):
        film.commit(path)
    return path


@pytest.mark.parametrize(
    ("text", "scene_id"),
    [
        ("how hot was the water", "aaa-0"),
        ("beans", "aaa-10000"),
        ("ethiopia", "aaa-10000"),
        ("launch at dawn", "bbb-0"),
        ("cat", "aaa-20000"),
        ("space shuttle", "bbb-10000"),
        ("東京タワー", "bbb-20000"),
        ("猫", "bbb-20000"),
        ("cafe MALMO", "bbb-30000"),
        ("schon", "aaa-30000"),
        ("something green", "aaa-10000"),
    ],
)
def test_what_is_said_shown_told_or_seen_puts_its_scene_first(
    lake: Path, text: str, scene_id: str
) -> None:
    assert ids(find(lake, text))[0] == scene_id


def test_a_quoted_phrase_must_be_there_as_it_stands(lake: Path) -> None:
    assert ids(find(lake, '"beans ourselves"')) == ["aaa-10000"]
    assert find(lake, '"ourselves beans"') == []
    assert len(find(lake, "ourselves beans")) > 1


def test_an_open_quotation_mark_is_no_phrase(lake: Path) -> None:
    assert ids(find(lake, '"hot water')) == ids(find(lake, "hot water"))


@pytest.mark.parametrize(
    ("filters", "scene_ids"),
    [
        (Filters(video_ids=("bbb",)), {"bbb-0", "bbb-10000", "bbb-20000", "bbb-30000"}),
        (Filters(languages=("DE", "ja")), {"aaa-30000", "bbb-20000"}),
        (Filters(labels=("cat",)), {"aaa-20000"}),
        (Filters(labels=("Shuttle space",)), {"bbb-10000"}),
        (Filters(speakers=("ann",)), {"aaa-0", "bbb-30000"}),
        (Filters(start_s=15, end_s=20), {"aaa-10000", "bbb-10000"}),
        (Filters(start_s=30), {"aaa-30000", "bbb-30000"}),
        (
            Filters(until=FIRST_DAY + timedelta(days=7)),
            {"aaa-0", *(f"aaa-{n}0000" for n in (1, 2, 3))},
        ),
        (Filters(since=FIRST_DAY + timedelta(days=7), speakers=("Ann",)), {"bbb-30000"}),
        (Filters(labels=("giraffe",)), set()),
        (Filters(video_ids=("aaa",), languages=("ja",)), set()),
    ],
)
def test_only_scenes_that_pass_the_filters_are_found(
    lake: Path, filters: Filters, scene_ids: set[str]
) -> None:
    everything = "rocket coffee beans morning kaffee cafe 東京 red green blue"
    assert set(ids(find(lake, everything, filters=filters))) == scene_ids
    words = {"words": 1, "told": 0, "seen": 0}
    by_words = set(ids(find(lake, everything, filters=filters, weights=words)))
    assert by_words <= scene_ids


def test_a_narrow_filter_still_gives_as_many_as_are_asked(tmp_path: Path) -> None:
    Film("big", [Told(f"hot coffee number {n}") for n in range(300)]).commit(tmp_path)
    Film("few", [Told(f"tea number {n}") for n in range(5)]).commit(tmp_path)
    hits = find(tmp_path, "hot coffee", k=5, filters=Filters(video_ids=("few",)), depth=10)
    assert {hit.video_id for hit in hits} == {"few"}
    assert len(hits) == 5


def test_a_picture_finds_what_looks_like_it(lake: Path, tmp_path: Path) -> None:
    picture = tmp_path / "green.png"
    cv2.imwrite(str(picture), np.full((40, 60, 3), (0, 200, 0), np.uint8))
    hits = searcher(lake).search(Query(image=picture))
    assert hits[0].scene_id == "aaa-10000"
    assert [found.ranking for found in hits[0].why] == ["image"]


def test_a_file_that_is_no_picture_is_named(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UsageError, match=r"notes\.txt: not a picture"):
        searcher(lake).search(Query(image=tmp_path / "notes.txt"))


def test_a_scene_finds_others_like_it_and_not_itself(tmp_path: Path) -> None:
    Film("aaa", [Told("red apples", seen="red"), Told("a quiet lake", seen="blue")]).commit(
        tmp_path
    )
    Film("bbb", [Told("green tea", seen="green"), Told("ripe red apples", seen="red")]).commit(
        tmp_path
    )
    found = ids(searcher(tmp_path).search(Query(like="aaa-0")))
    assert found[0] == "bbb-10000"
    assert "aaa-0" not in found


def test_a_scene_that_is_not_there_is_said_to_be_so(lake: Path) -> None:
    with pytest.raises(UsageError, match="no scene 'aaa-5'"):
        searcher(lake).search(Query(like="aaa-5"))


def test_scenes_seconds_apart_that_say_and_show_the_same_are_one_hit(tmp_path: Path) -> None:
    same = Told("the siren wails", seen="red")
    other = Told("calm again", seen="blue")
    Film("aaa", [same, same, same, other, other, same]).commit(tmp_path)
    hits = find(tmp_path, "siren")
    siren = [hit for hit in hits if "siren" in hit.snippet]
    assert [(hit.scene_id, set(hit.folded)) for hit in siren] == [
        ("aaa-0", {"aaa-10000", "aaa-20000"}),
        ("aaa-50000", set()),
    ]
    assert len(find(tmp_path, "siren", fold_within_s=-1)) == 6


def test_what_two_films_share_is_two_hits(tmp_path: Path) -> None:
    for video_id in ("aaa", "bbb"):
        Film(video_id, [Told("the siren wails", seen="red")]).commit(tmp_path)
    assert len(find(tmp_path, "siren")) == 2


def test_scenes_that_look_alike_and_say_different_things_stay_apart(tmp_path: Path) -> None:
    talk = [Told(text, seen="red") for text in ("bread and butter", "snow in may", "old maps")]
    Film("aaa", talk).commit(tmp_path)
    assert len(find(tmp_path, "bread snow maps red")) == 3


def test_a_hit_tells_what_found_it(lake: Path) -> None:
    hit = find(lake, "hot water, red")[0]
    why = {found.ranking: found for found in hit.why}
    assert set(why) == {"words", "told", "seen"}
    assert why["words"].rank == 1
    assert why["words"].matched == {"said": ("hot", "water"), "told": ("water",)}
    assert why["seen"].score == pytest.approx(1.0)


def test_the_line_shown_is_the_one_that_was_met(lake: Path) -> None:
    assert find(lake, "Ethiopia")[0].snippet == "Roasted in Ethiopia"


def test_words_that_no_scene_has_find_nothing_by_words(lake: Path) -> None:
    assert find(lake, "xylophone", weights={"words": 1, "told": 0, "seen": 0}) == []


@pytest.mark.parametrize("text", ["", "  \n", "\t"])
def test_an_empty_text_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the text is empty"):
        Query(text)


@pytest.mark.parametrize("text", ['"', "!!!", '""', "(a AND b", "title:x^2~", "\x00", "🎬"])
def test_no_text_is_too_odd(lake: Path, text: str) -> None:
    assert isinstance(find(lake, text), list)


def test_films_of_another_model_are_found_by_their_words_with_a_note(
    lake: Path, tmp_path: Path
) -> None:
    Film("ours", [Told("a red door", seen="red")]).commit(tmp_path)
    other = {"visual": "colours@0", "text": "bag@1"}
    Film("theirs", [Told("a door in the wall", seen="red")], models=other).commit(tmp_path)
    notes: list[str] = []
    hits = searcher(tmp_path, notes).search(Query("red door"))
    assert {hit.video_id: "seen" in [f.ranking for f in hit.why] for hit in hits} == {
        "ours": True,
        "theirs": False,
    }
    assert len(notes) == 1
    assert "1 film is not searched by what is seen: visual vectors come from colours@0" in notes[0]


def test_a_lake_of_other_models_altogether_is_refused_until_they_are_left_out(
    tmp_path: Path,
) -> None:
    other = {"visual": "colours@0", "text": "bag@0"}
    Film("theirs", [Told("a red door", seen="red")], models=other).commit(tmp_path)
    with pytest.raises(UsageError, match=r"vectors come from colours@0.*weights\.seen=0"):
        find(tmp_path, "door")
    assert ids(find(tmp_path, "door", weights={"seen": 0, "told": 0})) == ["theirs-0"]


def test_a_lake_without_films_says_so(tmp_path: Path) -> None:
    Film("aaa", [Told("gone soon")]).commit(tmp_path)
    for path in (tmp_path / "videos").iterdir():
        path.unlink()
    with pytest.raises(UsageError, match="holds no film yet"):
        find(tmp_path, "soon")


def test_lake_search_takes_filters(lake: Path) -> None:
    there = Lake(lake)
    hits = there.search(
        "coffee", k=1, config=searching.config(), filters=Filters(languages=("de",))
    )
    assert ids(hits) == ["aaa-30000"]


def test_a_ranking_of_no_weight_loads_no_model(lake: Path) -> None:
    words_only = searching.config(weights={"told": 0, "seen": 0})
    broken = words_only.model_copy(update={"text": words_only.text.model_copy(
        update={"engine": "minilm"})})  # fmt: skip
    assert ids(Lake(lake).search("rocket", config=broken)) == ["bbb-0"]
