"""Films damaged in every way a seeded script can think of leave the run alive."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from scenelake.pipeline import Lake, run
from scenelake.pipeline.job import RunSummary
from scenelake.schemas.config import Config
from tests.media import films
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
