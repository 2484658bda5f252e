"""The whole job with films and lake in an object store: the same lake as on a disk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.dataset
import pytest

from scenelake.pipeline import Lake, run
from scenelake.pipeline.watching.watcher import Verdict, Watcher
from scenelake.schemas.config import Config
from scenelake.schemas.errors import LakeError, UsageError
from tests.media.numbered import numbered_film, numbers
from tests.media.s3 import S3Server
from tests.pipeline.killing import Command
from tests.pipeline.lakes import assert_same_lakes

SETTINGS = ("describe.engine=evidence", "ocr.engine=none", "clips.length_s=2.5")
CONFIG = Config.model_validate(
    {"describe": {"engine": "evidence"}, "ocr": {"engine": "none"}, "clips": {"length_s": 2.5}}
)
ELSEWHERE = frozenset({"uri"})
"""The films of the two lakes are the same, and not in the same place."""
TOLD_QUICKLY = {"AWS_MAX_ATTEMPTS": "1", "AWS_RETRY_MODE": "standard"}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("films")
    return [numbered_film(folder / f"{number}.mp4", number) for number in numbers(3)]


@pytest.fixture(scope="module")
def on_disk(films: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake these films make on a disk."""
    lake = tmp_path_factory.mktemp("lake")
    assert run(films, lake, config=CONFIG).committed == len(films)
    return lake


@pytest.fixture
def stored(films: list[Path], s3_user: S3Server) -> list[str]:
    """The same films in a bucket."""
    for film in films:
        s3_user.put(f"films/{film.name}", film.read_bytes())
    return [s3_user.uri(f"films/{film.name}") for film in films]


@pytest.fixture
def lake(stored: list[str], s3_user: S3Server) -> str:
    """A lake in a bucket of films in a bucket; after the first test all is there."""
    lake = s3_user.uri("lakes/inline")
    summary = run(stored, lake, config=CONFIG)
    assert (summary.committed, summary.skipped) in ((len(stored), 0), (0, len(stored)))
    return lake


def test_films_of_a_bucket_come_into_a_lake_of_a_bucket_once(
    stored: list[str], on_disk: Path, lake: str
) -> None:
    assert_same_lakes(lake, on_disk, but=ELSEWHERE)
    assert sorted(Lake(lake).videos()["uri"].to_pylist()) == sorted(stored)
    again = run(stored, lake, config=CONFIG)
    assert (again.committed, again.skipped) == (0, len(stored))
    assert left_on_the_way(lake) == []


def test_what_is_in_the_bucket_is_parquet_to_anybody(on_disk: Path, lake: str) -> None:
    files = fsspec.filesystem("s3")
    table = pyarrow.dataset.dataset(files.glob(f"{lake}/scenes/*.parquet"), filesystem=files)
    ids = set(table.to_table(columns=["scene_id"])["scene_id"].to_pylist())
    assert ids
    assert ids <= set(Lake(on_disk).scenes(columns=["scene_id"])["scene_id"].to_pylist())


def test_the_command_shows_a_lake_of_a_bucket(stored: list[str], lake: str) -> None:
    command = [sys.executable, "-c", "from scenelake.pipeline.cli import main; main()"]
    shown = json.loads(subprocess.check_output([*command, "show", lake, "--json"]))
    assert stored[0] in json.dumps(shown)


@pytest.mark.slow
def test_workers_on_ray_write_the_same_into_a_bucket(
    stored: list[str], on_disk: Path, s3_user: S3Server, tmp_path: Path
) -> None:
    """In a process of its own, whose workers have the keys from its environment."""
    lake = s3_user.uri("lakes/ray")
    command = Command(
        stored, lake, tmp_path, engine="ray", settings=SETTINGS, env=s3_user.env, sabotage=False
    )
    started = command.start()
    try:
        assert started.wait() == 0, started.errors
        started.look()
    finally:
        started.sweep()
    assert_same_lakes(lake, on_disk, but=ELSEWHERE)
    assert left_on_the_way(lake) == []


@pytest.mark.slow
def test_a_run_that_dies_between_scenes_and_film_leaves_none_and_the_next_completes_it(
    stored: list[str], on_disk: Path, s3_user: S3Server, tmp_path: Path
) -> None:
    lake = s3_user.uri("lakes/died")
    command = Command(stored, lake, tmp_path, settings=SETTINGS, env=s3_user.env)
    assert command.start(stop="videos/").wait() == -9
    assert s3_user.client.list_objects_v2(Bucket=s3_user.bucket, Prefix="lakes/died/scenes/")[
        "KeyCount"
    ]
    with pytest.raises(UsageError, match="holds no film yet"):
        Lake(lake).scenes()
    assert run(stored, lake, config=CONFIG).committed == len(stored)
    assert_same_lakes(lake, on_disk, but=ELSEWHERE)
    assert left_on_the_way(lake) == []


class PowerCut(Watcher):
    """Takes the server's power as soon as one film is in the lake."""

    def __init__(self, server: S3Server) -> None:
        self._server = server
        self.n_settled = 0

    def verdict(self, uri: str, item: Verdict) -> None:
        self.n_settled += 1
        if self.n_settled == 1:
            self._server.kill()


@pytest.mark.slow
def test_a_server_that_loses_its_power_stops_the_run_and_the_next_goes_on(
    stored: list[str],
    on_disk: Path,
    s3_user: S3Server,
    s3_environment: Callable[..., None],
) -> None:
    lake = s3_user.uri("lakes/power")
    s3_environment(**TOLD_QUICKLY)
    try:
        with pytest.raises(LakeError, match="give the same command again"):
            run(stored, lake, config=CONFIG, watcher=PowerCut(s3_user))
    finally:
        s3_user.start()
    n_whole = Lake(lake).videos().num_rows
    assert 1 <= n_whole < len(stored)
    assert set(Lake(lake).scenes()["video_id"].to_pylist()) == set(
        Lake(lake).videos()["video_id"].to_pylist()
    )
    again = run(stored, lake, config=CONFIG)
    assert (again.committed, again.skipped) == (len(stored) - n_whole, n_whole)
    assert_same_lakes(lake, on_disk, but=ELSEWHERE)


def left_on_the_way(lake: str) -> list[Any]:
    """What is in the bucket of films that are not done; some stores keep empty folders."""
    found = fsspec.filesystem("s3").find(f"{lake}/_staging")
    return [name for name in found if "/_staging/" in name and "/_runs" not in name]
