"""The benchmark's lakes hold the films of today, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenelake.pipeline.evaluation.own.benchmark import Benchmark, bring
from scenelake.pipeline.evaluation.own.truth import FilmTruth
from scenelake.pipeline.lake import Lake
from scenelake.pipeline.watching.watcher import Watcher
from scenelake.schemas.errors import SceneLakeError
from tests.media.films import silent
from tests.pipeline.light import light_config, light_engines


def bench(folder: Path, *names: str) -> Benchmark:
    (folder / "films").mkdir(exist_ok=True)
    films = [
        FilmTruth(Path(name).stem, name, "", "Oxford", 3.0, 25.0, (320, 180), "", ())
        for name in names
    ]
    return Benchmark(folder, tuple(films), (), ())


def test_a_film_that_was_made_anew_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    one = bench(tmp_path, "a.mp4", "b.mp4")
    with light_engines():
        for name, duration_s in (("a.mp4", 1.0), ("b.mp4", 2.0)):
            silent(one.film_folder / name, duration_s=duration_s)
        bring(one, light_config(), name="light", watcher=Watcher())
        silent(one.film_folder / "a.mp4", duration_s=3.0)
        lake = bring(one, light_config(), name="light", watcher=Watcher())
    held = {Path(v["uri"]).name: v["duration_s"] for v in lake.videos().to_pylist()}
    assert held == {"a.mp4": pytest.approx(3.0, abs=0.1), "b.mp4": pytest.approx(2.0, abs=0.1)}
    assert lake.videos().num_rows == 2


def test_a_film_that_fails_ends_it_with_its_name(tmp_path: Path) -> None:
    one = bench(tmp_path, "a.mp4")
    (one.film_folder / "a.mp4").write_bytes(b"no film")
    with light_engines(), pytest.raises(SceneLakeError, match=r"a\.mp4.*needs every film"):
        bring(one, light_config(), name="light", watcher=Watcher())
    assert Lake(tmp_path / "lake-light").videos().num_rows == 0
