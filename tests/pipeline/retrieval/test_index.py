"""The index is a cache: a search is right whatever becomes of it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scenelake.pipeline.retrieval import index, keeper, vectors
from scenelake.pipeline.retrieval.search import Query
from scenelake.pipeline.storing.folder import folder_at
from tests.media import disk
from tests.media.s3 import S3Server
from tests.pipeline import searching
from tests.pipeline.searching import Film, Told, find, ids, searcher

COLOURS = ("red", "green", "blue", "red green", "green blue", "red blue")
NOUNS = "bread water stone river window garden letter engine summer market".split()


def film(number: int, *, version: int = 0, n_scenes: int = 4) -> Film:
    """No two films and no two versions of one say the same."""
    scenes = [
        Told(
            f"film{number} version{version} {NOUNS[(number + n) % 10]} {NOUNS[(3 * n) % 10]} n{n}",
            seen=COLOURS[(number + n) % 6],
        )
        for n in range(n_scenes)
    ]
    return Film(f"f{number:03}", scenes)


@pytest.fixture(autouse=True)
def _engines() -> Iterator[None]:
    with searching.engines():
        yield


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    for number in range(6):
        film(number).commit(tmp_path / "lake")
    return tmp_path / "lake"


def answers(lake: Path, notes: list[str] | None = None) -> list[list[str]]:
    """What some questions find."""
    asked = searcher(lake, notes)
    texts = ("film3", "stone river", "red", '"version0 water"', "a summer market")
    return [ids(asked.search(Query(text), k=8)) for text in texts]


def of_a_fresh_index(lake: Path) -> list[list[str]]:
    """The same of the same films without a cache."""
    copy = lake.with_name("copy")
    shutil.copytree(lake, copy, ignore=shutil.ignore_patterns("_cache"))
    found = answers(copy)
    shutil.rmtree(copy)
    return found


def content(lake: Path) -> dict[str, bytes]:
    """All of a lake but what is ours."""
    files = (p for p in lake.rglob("*") if p.is_file() and "_cache" not in p.parts)
    return {str(p.relative_to(lake)): p.read_bytes() for p in files}


def test_a_search_changes_nothing_of_the_lake(lake: Path) -> None:
    before = content(lake)
    answers(lake)
    assert content(lake) == before


def test_new_films_are_found_replaced_ones_as_they_are_now_and_removed_ones_no_more(
    lake: Path,
) -> None:
    answers(lake)
    film(7).commit(lake)
    film(2, version=1).commit(lake)
    (lake / "videos" / "f004.parquet").unlink()
    assert ids(find(lake, "film7", k=1)) == ["f007-0"]
    assert find(lake, '"film2 version0"') == []
    assert len(find(lake, '"film2 version1"')) == 4
    assert find(lake, '"film4"') == []
    # BM25 counts what is gone until tantivy merges: ranks of near equals may differ.
    for ours, fresh in zip(answers(lake), of_a_fresh_index(lake), strict=True):
        assert len(set(ours) & set(fresh)) >= len(fresh) - 1


def test_an_open_searcher_sees_what_changes(lake: Path) -> None:
    asked = searcher(lake)
    assert asked.search(Query('"film8"')) == []
    film(8).commit(lake)
    assert len(asked.search(Query('"film8"'))) == 4
    (lake / "videos" / "f008.parquet").unlink()
    assert asked.search(Query('"film8"')) == []


def test_only_new_films_are_read(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(lake)
    film(9).commit(lake)
    read: list[str] = []
    really = keeper.films.read
    monkeypatch.setattr(
        keeper.films, "read", lambda folder, name: (read.append(name), really(folder, name))[1]
    )
    answers(lake)
    answers(lake)
    assert read == ["f009"]


def test_a_lake_that_grows_film_by_film_keeps_few_segments(lake: Path) -> None:
    for number in range(10, 40):
        film(number).commit(lake)
        find(lake, "bread")
    folders = list((lake / "_cache" / "search").glob("segment-*"))
    assert len(folders) <= 2 * index._TIER_SEGMENTS
    assert answers(lake) == of_a_fresh_index(lake)


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _scribble(path: Path) -> None:
    path.write_bytes(bytes(255 - byte for byte in path.read_bytes()))


@pytest.mark.parametrize("harm", [_truncate, _scribble, Path.unlink])
@pytest.mark.parametrize(
    "what", ["catalogue.json", "segment-*/rows.arrow", "segment-*/told.npy", "words-*/*.idx"]
)
def test_a_damaged_index_is_made_anew(lake: Path, what: str, harm: Callable[[Path], None]) -> None:
    expected = answers(lake)
    harm(next((lake / "_cache" / "search").glob(what)))
    notes: list[str] = []
    assert answers(lake, notes) == expected
    if not (what == "catalogue.json" and harm is Path.unlink):
        assert notes == ["the search index is damaged or of another version: it is made anew"]
    again: list[str] = []
    assert answers(lake, again) == expected
    assert again == []


def test_an_index_may_be_thrown_away(lake: Path) -> None:
    expected = answers(lake)
    shutil.rmtree(lake / "_cache")
    assert answers(lake) == expected


def _search_for_ever(lake: Path) -> None:
    with searching.engines():
        while True:
            shutil.rmtree(lake / "_cache" / "search", ignore_errors=True)
            find(lake, "bread")


@pytest.mark.parametrize("after_s", [0.05, 0.2, 0.5])
def test_a_build_that_is_killed_leaves_nothing_wrong(lake: Path, after_s: float) -> None:
    process = multiprocessing.get_context("fork").Process(target=_search_for_ever, args=(lake,))
    process.start()
    time.sleep(after_s)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert answers(lake) == of_a_fresh_index(lake)
    named = {p.name.partition("-")[0] for p in (lake / "_cache" / "search").iterdir()}
    assert named == {"catalogue.json", "lock", "segment", "words"}
    assert len(list((lake / "_cache" / "search").glob("words-*"))) == 1


def test_several_searches_at_once_build_one_index_and_find_the_same(lake: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(answers, [lake] * 6))
    assert all(one == found[0] for one in found)
    assert len(list((lake / "_cache" / "search").glob("segment-*"))) == 1


def test_a_lake_that_cannot_be_written_keeps_its_index_in_the_users_cache(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lake / "_cache").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(lake.with_name("home")))
    notes: list[str] = []
    assert answers(lake, notes) == of_a_fresh_index(lake)
    assert notes == []
    assert len(list(lake.with_name("home").rglob("catalogue.json"))) >= 1


def test_a_lake_in_a_bucket_is_searched_by_an_index_on_this_machine(
    s3_user: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    lake = s3_user.uri(f"lakes/{tmp_path.name}")
    film(1).commit(lake)
    assert ids(find(lake, "film1", k=1)) == ["f001-0"]
    film(2).commit(lake)
    read: list[str] = []
    really = keeper.films.read
    monkeypatch.setattr(
        keeper.films, "read", lambda folder, name: (read.append(name), really(folder, name))[1]
    )
    assert ids(find(lake, "film2", k=1)) == ["f002-0"]
    assert read == ["f002"]
    assert folder_at(lake).folders() == ["scenes", "videos"]


def test_where_no_index_can_be_kept_every_film_is_read_and_that_is_said(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = of_a_fresh_index(lake)
    blocked = lake.with_name("blocked")
    blocked.write_text("in the way")
    (lake / "_cache").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    notes: list[str] = []
    assert answers(lake, notes) == expected
    assert "the search index cannot be kept" in notes[0]


def test_a_full_disk_costs_the_index_not_the_answer(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = of_a_fresh_index(lake)
    monkeypatch.setenv("XDG_CACHE_HOME", str(lake.with_name("home")))
    notes: list[str] = []
    with disk.files_up_to(1000):
        found = answers(lake, notes)
    assert found == expected
    assert "the search index cannot be kept" in notes[0]
    assert answers(lake) == expected


def test_a_film_that_cannot_be_read_is_named_and_the_others_are_found(lake: Path) -> None:
    (lake / "scenes" / "f003.parquet").write_bytes(b"not a table")
    notes: list[str] = []
    found = searcher(lake, notes).search(Query("bread"), k=40)
    assert {hit.video_id for hit in found} == {f"f{n:03}" for n in (0, 1, 2, 4, 5)}
    assert notes[0].startswith("left out of the search: ")
    assert "f003.parquet" in notes[0]


def test_films_that_are_committed_during_searches_are_found_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    lake = tmp_path / "lake"
    film(0, n_scenes=5).commit(lake)
    asked = searcher(lake, fold_within_s=-1)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(_commit_all, lake, range(1, 30))
        while not writing.done():
            before = {path.stem for path in (lake / "videos").glob("*.parquet")}
            hits = asked.search(Query("bread water stone river"), k=500)
            found = [hit.video_id for hit in hits]
            assert before <= set(found)
            assert {found.count(video_id) for video_id in found} == {5}
    writing.result()
    assert len(asked.search(Query("bread"), k=500)) == 30 * 5


def _commit_all(lake: Path, numbers: range) -> None:
    for number in numbers:
        film(number, n_scenes=5).commit(lake)


def test_a_large_segment_is_searched_by_lists_with_filters_before_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Film("big", [Told(f"n{n} {NOUNS[n % 10]} {NOUNS[n // 10 % 10]}") for n in range(900)])
    whole.commit(tmp_path)
    settings = {"weights": {"words": 0, "told": 1, "seen": 0}}
    exact = {text: ids(find(tmp_path, text, k=5, **settings)) for text in NOUNS}
    shutil.rmtree(tmp_path / "_cache")
    monkeypatch.setattr(vectors, "EXACT_ROWS", 100)
    monkeypatch.setattr(vectors, "_N_PROBES", 1000)
    by_lists = {text: ids(find(tmp_path, text, k=5, **settings)) for text in NOUNS}
    assert list((tmp_path / "_cache" / "search").glob("segment-*/told.lists"))
    agreed = sum(len(set(exact[t]) & set(by_lists[t])) for t in NOUNS) / (5 * len(NOUNS))
    assert agreed > 0.9
    narrow = searching.Filters(start_s=100, end_s=2000)
    hits = find(tmp_path, "engine", k=50, filters=narrow, **settings)
    assert len(hits) == 50
    assert all(hit.end_s >= 100 and hit.start_s < 2000 for hit in hits)
