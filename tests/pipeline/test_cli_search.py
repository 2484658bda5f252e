"""`scenelake search` as a user types it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenelake.pipeline.cli import execute
from tests.pipeline import searching
from tests.pipeline.searching import Film, Told

MODELS = ("--set", "text.engine=bag", "--set", "visual.engine=colours")
Search = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _engines() -> Iterator[None]:
    with searching.engines():
        yield


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    Film(
        "aaa",
        [
            Told("The rocket flew at dawn.", seen="blue", label="space shuttle", speaker="Ann"),
            Told("Bread is baked at night.", seen="red", shown="Open daily"),
            Told("Bread is baked at night.", seen="red", shown="Open daily"),
            Told("Das Brot ist warm.", language="de"),
        ],
    ).commit(tmp_path / "lake")
    return tmp_path / "lake"


@pytest.fixture
def search(
    lake: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Search:
    """``search("bread", "-k", 2)``: exit code, stdout, stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scenelake", "search", str(lake), *map(str, words)])
        code = execute()
        return code, *capsys.readouterr()

    return run


def test_hits_say_film_time_and_the_sentence_and_how_many_are_the_same(search: Search) -> None:
    code, out, err = search("baked bread", "-k", 1, *MODELS)
    first, second = out.splitlines()
    assert (code, err) == (0, "")
    assert first.endswith("aaa.mp4  0:10-0:20  (+1 the same)")
    assert second.strip() == "Bread is baked at ni: Bread is baked at night."


def test_explain_names_rankings_places_and_words(search: Search) -> None:
    _, out, _ = search("rocket at dawn", "-k", 1, "--explain", *MODELS)
    lines = [line.strip() for line in out.splitlines()]
    assert "scene aaa-0" in lines
    assert any(
        line.startswith("words #1, rarity") and "said: rocket, at, dawn" in line for line in lines
    )
    assert any(line.startswith("told #1, likeness 0.") for line in lines)


def test_json_tells_why_when_asked_to(search: Search) -> None:
    _, plain, _ = search("rocket", "--json", *MODELS)
    _, told, _ = search("rocket", "--json", "--explain", *MODELS)
    assert "why" not in json.loads(plain)[0]
    why = json.loads(told)[0]["why"][0]
    assert set(why) == {"ranking", "rank", "score", "matched"}


@pytest.mark.parametrize(
    ("options", "scene_ids"),
    [
        (("--language", "de"), {"aaa-30000"}),
        (("--label", "shuttle"), {"aaa-0"}),
        (("--speaker", "ann"), {"aaa-0"}),
        (("--from", "0:30"), {"aaa-30000"}),
        (("--to", "5"), {"aaa-0"}),
        (("--video", "aaa.mp4", "--from", "0:00:31"), {"aaa-30000"}),
        (("--since", "2026-12-01"), set()),
        (("--until", "2026-12-01T00:00+00:00", "--to", "5"), {"aaa-0"}),
    ],
)
def test_options_narrow_the_search(
    search: Search, options: tuple[str, ...], scene_ids: set[str]
) -> None:
    code, out, _ = search("rocket bread brot", "--json", *options, *MODELS)
    assert code == 0
    assert {hit["scene_id"] for hit in json.loads(out)} == scene_ids


def test_where_nothing_fits_stdout_is_empty_and_stderr_says_so(search: Search) -> None:
    assert search('"flew bread"', *MODELS) == (0, "", "scenelake: no scene fits\n")
    assert search('"flew bread"', "--json", *MODELS)[1] == "[]\n"


def test_scenes_like_another_need_no_text(search: Search) -> None:
    code, out, _ = search("--like", "aaa-10000", "--json")
    assert code == 0
    assert json.loads(out)[0]["scene_id"] == "aaa-20000"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the text is empty"),
        (("bread", "--from", "soon"), "'soon' is not a time like 95, 1:35 or 0:01:35"),
        (("bread", "--from", "nan"), "'nan' is not a time"),
        (("bread", "--from", "20", "--to", "10"), "nothing lies between 20.0 s and 10.0 s"),
        (("bread", "--since", "yesterday"), "'yesterday' is not a date like 2026-11-22"),
        (("bread", "--video", "nope.mp4"), "no film named 'nope.mp4'"),
        (("--image", "nope.jpg"), "nope.jpg"),
        (("--image", __file__), "not a picture that can be read"),
        (("--like", "aaa-1"), "no scene 'aaa-1' in this lake"),
        (("bread",), "text vectors come from bag@1"),
        (("bread", "--set", "search.weights.smelled=1"), "search.weights"),
    ],
)
def test_what_cannot_be_searched_is_exit_2_with_the_place_and_the_remedy(
    search: Search, words: tuple[str, ...], message: str
) -> None:
    models = MODELS if words not in {("bread",)} else ("--set", "visual.engine=colours")
    code, out, err = search(*words, *models)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err
