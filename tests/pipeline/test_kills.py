"""A run that is killed again and again comes to the lake of one that never was."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from scenelake.pipeline import Lake
from scenelake.schemas.errors import UsageError
from tests.media import damage
from tests.media.numbered import numbered_film, numbers
from tests.pipeline.killing import Command, Ending, outlive
from tests.pipeline.lakes import assert_same_lakes, assert_whole_files, rows, unfinished
from tests.pipeline.test_identity import assert_each_is_itself

CLIPS_S = 2.5
N_UNDER_WAY = 13
"""Clips between decoding and staging: one in each of five steps, two in each queue before four."""


def make_films(folder: Path, n: int) -> list[Path]:
    """Films of two to four clips, and an input that is none."""
    folder.mkdir()
    made = [
        numbered_film(folder / f"{number}.mp4", number, duration_s=CLIPS_S * (2 + index % 3))
        for index, number in enumerate(numbers(n))
    ]
    return [*made, damage.text_file(folder / "bad.mp4")]


def undisturbed(films: list[Path], folder: Path) -> Path:
    """The lake of a run that nobody killed."""
    run = Command(films, folder / "undisturbed", folder / "undisturbed-home").start()
    assert run.wait() == 3, run.errors  # the bad one
    return folder / "undisturbed"


def check(command: Command, ending: Ending, reference: Path) -> None:
    """What must hold of a lake, whatever was killed while it was written."""
    lake = Path(command.lake)
    assert_same_lakes(lake, reference)
    assert_whole_files(lake)
    assert unfinished(lake) == []
    committed = [row["uri"] for row in rows(lake, "videos")]
    failed = [row["uri"] for row in rows(lake, "failures")]
    assert sorted(committed + failed) == sorted(map(str, command.inputs))
    assert ending.redone == []


def without_the_rest(reference: Path, copy: Path, film: Path) -> Path:
    """A copy of a lake in which one film is all there is; what failed stays."""
    shutil.copytree(reference, copy)
    for row in rows(reference, "videos"):
        if row["uri"] != str(film):
            for table in ("videos", "scenes"):
                (copy / table / f"{row['video_id']}.parquet").unlink()
    return copy


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    """Three films, and the lake they make."""
    folder = tmp_path_factory.mktemp("few")
    films = make_films(folder / "films", 3)
    return films, undisturbed(films, folder)


def test_a_run_killed_twice_ends_as_if_nothing_had_been_and_each_film_is_itself(
    few: tuple[list[Path], Path], tmp_path: Path
) -> None:
    films, reference = few
    command = Command(films, tmp_path / "lake", tmp_path / "home")
    rng = random.Random(7)
    ending = outlive(command, ["decoder", "driver"], rng=rng, within_s=1.0)
    assert [victim for victim, _ in ending.kills] == ["decoder", "driver"]
    assert ending.n_found
    check(command, ending, reference)
    assert_each_is_itself(tmp_path / "lake", films[:-1])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    """Twelve films, and the lake they make."""
    folder = tmp_path_factory.mktemp("many")
    films = make_films(folder / "films", 12)
    return films, undisturbed(films, folder)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_kills_change_nothing(
    many: tuple[list[Path], Path], tmp_path: Path, seed: int
) -> None:
    films, reference = many
    command = Command(films, tmp_path / "lake", tmp_path / "home")
    victims = ["driver"] * 10 + ["decoder"] * 10
    rng = random.Random(seed)
    rng.shuffle(victims)
    ending = outlive(command, victims, rng=rng, within_s=1.0)
    assert len(ending.kills) >= 15, ending.kills
    assert ending.n_found
    n_clips = sum(2 + index % 3 for index in range(len(films) - 1))
    assert ending.n_decoded <= n_clips + N_UNDER_WAY * len(ending.kills)
    check(command, ending, reference)


@pytest.mark.slow
def test_on_ray_too_drivers_workers_and_whole_nodes_may_die_twenty_times(
    many: tuple[list[Path], Path], tmp_path: Path
) -> None:
    films, reference = many
    command = Command(films, tmp_path / "lake", tmp_path / "home", engine="ray")
    victims = ["driver"] * 7 + ["actor"] * 6 + ["decoder"] * 4 + ["raylet"] * 3
    rng = random.Random(3)
    rng.shuffle(victims)
    ending = outlive(command, victims, rng=rng, within_s=4.0)
    assert len(ending.kills) >= 15, ending.kills
    assert {victim for victim, _ in ending.kills} == set(victims)
    assert ending.n_found
    check(command, ending, reference)


def test_what_a_killed_run_had_begun_is_no_film_to_readers(
    few: tuple[list[Path], Path], tmp_path: Path
) -> None:
    """Killed between the scenes and the row of a film, of which the row comes last."""
    (film, *_, bad), reference = few
    lake = tmp_path / "lake"
    command = Command([film, bad], lake, tmp_path / "home")
    run = command.start(stop="videos/")
    assert run.wait() == -9
    assert list((lake / "scenes").glob("*.parquet"))
    with pytest.raises(UsageError, match="holds no film yet"):
        Lake(lake).scenes()
    ending = outlive(command, [], rng=random.Random(0), within_s=0.0)
    check(command, ending, without_the_rest(reference, tmp_path / "reference", film))
