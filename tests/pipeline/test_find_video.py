"""A film is found by its id or by its name, whatever else is in the lake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scenelake.pipeline import Lake
from scenelake.pipeline.storing.folder import folder_at
from scenelake.pipeline.storing.store import Store
from scenelake.schemas.errors import UsageError
from tests.pipeline.test_store import DIMS, scenes, video

IDS = ("d4fc0961d80324883098", "d4fc77771111aaaabbbb", "00aa0961d80324883098")
NAMES = ("harbour.mp4", "market day.mkv", "d4fc")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Three films; the third one's file is named as the ids of the others begin."""
    root = tmp_path_factory.mktemp("lake")
    store = Store(folder_at(root))
    store.prepare()
    for video_id, name in zip(IDS, NAMES, strict=True):
        film = replace(video(video_id), uri=f"/films/{name}")
        store.commit(film, scenes(video_id), **DIMS)
    return Lake(root)


@pytest.mark.parametrize(
    ("name", "video_id"),
    [
        (IDS[0], IDS[0]),
        (IDS[0][:8], IDS[0]),
        ("d4fc7", IDS[1]),
        ("00", IDS[2]),
        ("harbour.mp4", IDS[0]),
        ("/films/market day.mkv", IDS[1]),
        ("d4fc", IDS[2]),
    ],
)
def test_a_film_is_found_by_id_beginning_of_id_name_and_address(
    lake: Lake, name: str, video_id: str
) -> None:
    row = lake.find_video(name)
    assert row["video_id"] == video_id
    assert row == next(r for r in lake.videos().to_pylist() if r["video_id"] == video_id)


@pytest.mark.parametrize(
    ("name", "count"),
    [("d4f", "2 films"), ("harbour", "no film"), ("ffff0000", "no film"), ("*", "no film")],
)
def test_what_names_no_film_or_several_is_told(lake: Lake, name: str, count: str) -> None:
    with pytest.raises(UsageError) as caught:
        lake.find_video(name)
    assert str(caught.value) == (
        f"{lake.folder.uri}: {count} named {name!r}; `scenelake show` lists them"
    )


def test_a_lake_without_films_has_none_of_that_name(tmp_path: Path) -> None:
    Store(folder_at(tmp_path / "lake")).prepare()
    (tmp_path / "lake" / "failures").mkdir()
    (tmp_path / "lake" / "failures" / "x.parquet").write_bytes(b"")
    with pytest.raises(UsageError, match="no film named"):
        Lake(tmp_path / "lake").find_video("harbour.mp4")


def test_a_film_asked_for_by_its_id_is_found_though_another_is_damaged(
    lake: Lake, tmp_path: Path
) -> None:
    """Its own file is all that is read."""
    store = Store(folder_at(tmp_path))
    for video_id in IDS[:2]:
        store.commit(video(video_id), scenes(video_id), **DIMS)
    (tmp_path / "videos" / f"{IDS[1]}.parquet").write_bytes(b"not Parquet")
    assert Lake(tmp_path).find_video(IDS[0])["video_id"] == IDS[0]
