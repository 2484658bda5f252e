"""The demo film, from its pictures and sound to subtitles, chapters and a page."""

from __future__ import annotations

from pathlib import Path

import pysubs2
import pytest

from scenelake.pipeline import Lake
from scenelake.pipeline.export.job import export
from tests.conftest import Demo, DemoRun


@pytest.fixture(scope="module")
def lake(demo_run: DemoRun) -> Lake:
    return Lake(demo_run.lake)


@pytest.mark.parametrize("format_", ["srt", "vtt"])
def test_each_sentence_is_shown_when_it_is_spoken(
    lake: Lake, demo: Demo, tmp_path: Path, format_: str
) -> None:
    (path,) = export(lake, format_, tmp_path).files
    shown = list(pysubs2.load(path))
    for sentence in (s for scene in demo.truth["scenes"] for s in scene["sentences"]):
        on_time = [cue for cue in shown if abs(cue.start / 1000 - sentence["start_s"]) < 0.5]
        assert len(on_time) == 1
        assert on_time[0].end / 1000 >= sentence["end_s"] - 0.3


def test_subtitles_change_with_the_scene(lake: Lake, demo: Demo, tmp_path: Path) -> None:
    (path,) = export(lake, "srt", tmp_path).files
    for cue in pysubs2.load(path):
        for scene in demo.truth["scenes"][1:]:
            assert min(scene["start_s"] - cue.start / 1000, cue.end / 1000 - scene["start_s"]) < 0.5


def test_chapters_begin_where_scenes_do(lake: Lake, demo: Demo, tmp_path: Path) -> None:
    (path,) = export(lake, "chapters", tmp_path).files
    lines = Path(path).read_text("utf-8").splitlines()
    starts = {f"0:{round(scene['start_s']):02}" for scene in demo.truth["scenes"]}
    assert len(lines) >= 3
    assert {line.partition(" ")[0] for line in lines} <= starts


def test_the_page_shows_every_scene(lake: Lake, tmp_path: Path) -> None:
    (path,) = export(lake, "html", tmp_path).files
    page = Path(path).read_text("utf-8")
    assert page.count("<article") == 4
    assert "Chelsea" in page
