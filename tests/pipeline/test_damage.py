"""Films damaged in every way a seeded script can think of leave the run alive."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from scenelake.pipeline import Lake, run
from scenelake.pipeline.watching.summary import RunSummary
from scenelake.schemas.config import Config, LimitsConfig
from scenelake.schemas.errors import InputErrorType
from tests.media import faults, films, packages
from tests.pipeline.test_run import check_film

CONFIG = Config.model_validate({"describe": {"engine": "evidence"}, "ocr": {"engine": "none"}})
CONTAINERS = ("mp4", "mkv", "webm", "avi", "mov", "ts")
WHOLE_S = 3.0


def truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data) // 10, len(data)) :]


def flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(40):
        data[rng.randrange(len(data))] ^= 0xFF


def blank(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data) * 3 // 4)
    data[start : start + len(data) // 8] = bytes(len(data) // 8)


def behead(data: bytearray, rng: random.Random) -> None:
    data[:64] = rng.randbytes(64)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path], RunSummary]:
    folder = tmp_path_factory.mktemp("damaged")
    rng = random.Random(20)
    inputs = []
    for container in CONTAINERS:
        whole = films.flash_and_beep(folder / f"whole.{container}", duration_s=WHOLE_S)
        for damage in (truncate, flip, blank, behead):
            data = bytearray(whole.path.read_bytes())
            damage(data, rng)
            inputs.append(folder / f"{damage.__name__}.{container}")
            inputs[-1].write_bytes(data)
    return folder / "lake", inputs, run(inputs, folder / "lake", config=CONFIG)


def test_each_damaged_film_has_exactly_one_verdict(
    damaged: tuple[Path, list[Path], RunSummary],
) -> None:
    lake, inputs, summary = damaged
    committed = Lake(lake).videos()["uri"].to_pylist()
    failed = Lake(lake).failures()["uri"].to_pylist()
    assert sorted(committed + failed) == sorted(map(str, inputs))
    assert (summary.committed, summary.failed) == (len(committed), len(failed))
    assert committed
    assert failed


def test_no_damaged_film_fails_for_a_fault_of_ours(
    damaged: tuple[Path, list[Path], RunSummary],
) -> None:
    kinds = {failure.error_type for failure in damaged[2].failures}
    assert kinds <= {"empty", "unsupported", "corrupt"}


def test_what_was_kept_of_them_is_whole_in_itself_and_not_stretched(
    damaged: tuple[Path, list[Path], RunSummary],
) -> None:
    lake = Lake(damaged[0])
    for video in lake.videos().to_pylist():
        check_film(lake.scenes(video_id=video["video_id"]).to_pylist(), video["duration_s"])
        assert video["duration_s"] < 2 * WHOLE_S, video["uri"]


DOCUMENTED = set(get_args(InputErrorType))
N_DAMAGED = 300
SHORT_S = 12.0
"""Of the longer films only so much is damaged: what breaks a reader is not length."""


def real_films(folder: Path) -> list[Path]:
    """Films of many makers in many containers, none of them long."""
    music = folder / "music.mp4"
    cut = ["ffmpeg", "-v", "error", "-y", "-t", str(SHORT_S), "-i", str(packages.music_video())]
    subprocess.run([*cut, "-c", "copy", str(music)], check=True)
    ours = [
        films.flash_and_beep(folder / f"ours.{container}", duration_s=WHOLE_S).path
        for container in CONTAINERS
    ]
    theirs = [
        shortened(path, folder / f"iscc.{suffix}")
        for suffix, path in packages.iscc_videos().items()
    ]
    return [music, *ours, *theirs, packages.big_buck_bunny(), packages.bikes(), packages.carphone()]


def shortened(path: Path, into: Path) -> Path:
    """The beginning of a film, its packets as they are; the film itself where that fails."""
    cut = ["ffmpeg", "-v", "error", "-y", "-t", str(SHORT_S), "-i", str(path), "-c", "copy"]
    done = subprocess.run([*cut, str(into)], check=False, capture_output=True)
    return into if done.returncode == 0 and into.stat().st_size else path


@pytest.mark.slow
def test_three_hundred_damaged_films_have_one_verdict_each_and_none_is_our_fault(
    tmp_path: Path,
) -> None:
    (tmp_path / "whole").mkdir()
    whole = real_films(tmp_path / "whole")
    rng = random.Random(2026)
    inputs = []
    for index in range(N_DAMAGED):
        film, other = rng.sample(whole, 2)
        damage = faults.DAMAGES[index % len(faults.DAMAGES)]
        data = bytearray(film.read_bytes())
        damage(data, other.read_bytes(), rng)
        inputs.append(tmp_path / f"{index:03}-{damage.__name__}{film.suffix}")
        inputs[-1].write_bytes(data)
    quick = CONFIG.model_copy(update={"limits": LimitsConfig(decode_timeout_s=60.0)})
    summary = run(inputs, tmp_path / "lake", config=quick)
    assert summary.committed + summary.skipped + summary.failed == N_DAMAGED
    lake = Lake(tmp_path / "lake")
    videos, failed = lake.videos().to_pylist(), lake.failures()["uri"].to_pylist()
    named = [video["uri"] for video in videos] + failed
    assert len(set(named)) == len(named) == N_DAMAGED - summary.skipped
    assert {failure.error_type for failure in summary.failures} <= DOCUMENTED
    assert not {f.uri: f.message for f in summary.failures if Path(f.uri).name not in f.message}
    for video in videos:
        check_film(lake.scenes(video_id=video["video_id"]).to_pylist(), video["duration_s"])
