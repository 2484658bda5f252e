"""One film in twenty containers, and one sound in nine, through the whole job.

The films are iscc-samples'. Durations are held against ffprobe's packets: what the header
of demo.m1v, demo.swf, demo.aac and demo.asf says is not what is in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline import Lake, run
from scenelake.schemas.config import Config
from tests.media import packages
from tests.media.ffmpeg import packet_span_s
from tests.pipeline.test_run import check_film

CONFIG = Config.model_validate({"describe": {"engine": "evidence"}, "ocr": {"engine": "none"}})
DAMAGED = {"demo.ogg", "demo.ogv"}
OTHER_PICTURES = {"demo.gif"}
"""Five seconds of the film only."""
ODDEST = "gif m1v mp4 mpeg mpg ogv swf webm".split(), "aac ogg wav".split()
"""Films and sounds without a duration in the header, or with a wrong one, damaged, or twice."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(ODDEST, id="oddest"),
        pytest.param(None, id="all", marks=pytest.mark.slow),
    ],
)
def inputs(request: pytest.FixtureRequest) -> list[Path]:
    kinds = packages.iscc_videos(), packages.iscc_audio()
    names = request.param or kinds
    return [of[name] for of, wanted in zip(kinds, names, strict=True) for name in wanted]


@pytest.fixture(scope="module")
def lake(inputs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = tmp_path_factory.mktemp("containers") / "lake"
    summary = run(inputs, lake, config=CONFIG)
    assert summary.failures == []
    assert summary.skipped == 1  # demo.mpeg is demo.mpg under another name
    assert summary.committed == len(inputs) - 1
    return Lake(lake)


@pytest.fixture(scope="module")
def videos(lake: Lake) -> dict[str, dict[str, Any]]:
    """Rows by path: demo.ogg is a film and a sound."""
    return {row["uri"]: row for row in lake.videos().to_pylist()}


def test_durations_are_those_of_the_packets(videos: dict[str, dict[str, Any]]) -> None:
    for uri, video in videos.items():
        assert video["duration_s"] == pytest.approx(packet_span_s(Path(uri)), abs=0.2), uri


def test_every_film_is_tiled_by_its_scenes(lake: Lake, videos: dict[str, dict[str, Any]]) -> None:
    for video in videos.values():
        scenes = lake.scenes(video_id=video["video_id"]).to_pylist()
        assert len(scenes) == video["n_scenes"]
        check_film(scenes, video["duration_s"])


def test_the_same_pictures_have_the_same_cuts_in_every_container(
    lake: Lake, videos: dict[str, dict[str, Any]]
) -> None:
    cuts = {
        Path(uri).name: cuts_s(lake, video["video_id"])
        for uri, video in videos.items()
        if video["has_video"] and Path(uri).name not in DAMAGED | OTHER_PICTURES
    }
    reference = cuts["demo.mp4"]
    assert len(reference) > 15
    for name, found in cuts.items():
        assert len(found) == len(reference), name
        for ours, theirs in zip(found, reference, strict=True):
            assert ours == pytest.approx(theirs, abs=2 / 24 + 0.001), name


def test_the_damaged_ones_say_so_and_the_others_do_not(
    videos: dict[str, dict[str, Any]],
) -> None:
    for uri, video in videos.items():
        damaged = video["has_video"] and Path(uri).name in DAMAGED
        assert bool(video["warnings"]) == damaged, (uri, video["warnings"])
        if damaged:
            assert "damaged packets were left out" in video["warnings"][0]
            assert video["has_audio"]


def test_sounds_without_pictures_are_films_too(lake: Lake, inputs: list[Path]) -> None:
    sounds = [v for v in lake.videos().to_pylist() if not v["has_video"]]
    assert len(sounds) == len(set(inputs) & set(packages.iscc_audio().values()))
    for video in sounds:
        scenes = lake.scenes(video_id=video["video_id"]).to_pylist()
        assert all(scene["keyframes"] == [] for scene in scenes)


def cuts_s(lake: Lake, video_id: str) -> list[float]:
    """Where shots begin, the first apart."""
    scenes = lake.scenes(columns=["shots"], video_id=video_id).to_pylist()
    return [shot["start_s"] for scene in scenes for shot in scene["shots"]][1:]
