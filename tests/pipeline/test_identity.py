"""No film has another's words or pictures: each says and shows its own number."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline import Lake
from tests.media.numbered import digits, numbered_film, numbers
from tests.pipeline.killing import Command, outlive
from tests.pipeline.lakes import assert_same_lakes, unfinished

MAY_MISHEAR = 0.05
"""A small recogniser writes a digit otherwise in a few films in a hundred."""


def make_films(folder: Path, n: int) -> list[Path]:
    """Half of them of two clips, half of one."""
    folder.mkdir(parents=True)
    return [
        numbered_film(folder / f"{number}.mp4", number, duration_s=5.0 if index % 2 else 3.7)
        for index, number in enumerate(numbers(n))
    ]


def assert_each_is_itself(lake: Path, films: list[Path]) -> None:
    """In each film the screen agrees with the address, and what is said is no other film's."""
    known = {film.stem for film in films}
    found = {Path(v["uri"]).stem: _said_and_shown(lake, v) for v in Lake(lake).videos().to_pylist()}
    assert set(found) == known
    assert {name: shown for name, (_, shown) in found.items()} == {n: {n} for n in known}
    misheard = {name: said for name, (said, _) in found.items() if said != name}
    assert not known & set(misheard.values()), misheard
    assert len(misheard) <= MAY_MISHEAR * len(films), misheard


def _said_and_shown(lake: Path, video: dict[str, Any]) -> tuple[str, set[str]]:
    scenes = Lake(lake).scenes(video_id=video["video_id"]).to_pylist()
    said = digits(" ".join(scene["transcript"] for scene in scenes))
    return said, {text["text"] for scene in scenes for text in scene["ocr"]}


@pytest.mark.slow
def test_each_film_has_its_own_words_and_pictures_after_kills(tmp_path: Path) -> None:
    films = make_films(tmp_path / "films", 12)
    command = Command(films, tmp_path / "lake", tmp_path / "home")
    ending = outlive(command, ["driver"] * 2, rng=random.Random(5), within_s=2.0)
    assert len(ending.kills) == 2
    assert_each_is_itself(tmp_path / "lake", films)


@pytest.mark.slow
def test_two_hundred_films_on_both_engines(tmp_path: Path) -> None:
    films = make_films(tmp_path / "films", 200)
    kills = {
        "inline": ["driver", "decoder", "driver", "driver"],
        "ray": ["driver", "actor", "actor"],
    }
    for engine, victims in kills.items():
        command = Command(films, tmp_path / engine, tmp_path / f"{engine}-home", engine=engine)
        ending = outlive(command, victims, rng=random.Random(9), within_s=60.0)
        assert ending.redone == []
        assert_each_is_itself(tmp_path / engine, films)
        assert unfinished(tmp_path / engine) == []
    assert_same_lakes(tmp_path / "inline", tmp_path / "ray")
