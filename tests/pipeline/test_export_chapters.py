"""Chapters: on video sites, and muxed into a film."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline.export.chapters import chapters_of, ffmetadata, site_list
from scenelake.schemas.rows import Chapter
from tests.conftest import Demo
from tests.media.ffmpeg import ffprobe

ODD = r"a=b; #1 \ two" "\nlines é日"


def video(duration_s: float, *chapters: Chapter) -> dict[str, Any]:
    own = [{"start_s": c.start_s, "end_s": c.end_s, "title": c.title} for c in chapters]
    return {"duration_s": duration_s, "chapters": own}


def scenes(*ends_s: float, title: str = "Scene {}") -> list[dict[str, Any]]:
    starts_s = (0.0, *ends_s)
    spans = zip(starts_s, ends_s, strict=False)
    return [{"start_s": a, "end_s": b, "title": title.format(n)} for n, (a, b) in enumerate(spans)]


def lengths_s(chapters: list[Chapter]) -> list[float]:
    return [chapter.end_s - chapter.start_s for chapter in chapters]


def assert_tiles(chapters: list[Chapter], duration_s: float) -> None:
    assert chapters[0].start_s == 0
    assert chapters[-1].end_s == duration_s
    assert [c.end_s for c in chapters[:-1]] == [c.start_s for c in chapters[1:]]


def test_a_films_own_chapters_are_taken_and_begin_at_zero() -> None:
    own = (Chapter(2.0, 50.0, "One"), Chapter(50.0, 90.0, "Two"))
    chapters = chapters_of(video(100.0, *own), [])
    assert [chapter.title for chapter in chapters] == ["One", "Two"]
    assert_tiles(chapters, 100.0)


def test_without_chapters_scenes_are_put_together_to_a_minute_or_more() -> None:
    chapters = chapters_of(video(1000.0), scenes(*range(7, 1000, 7), 1000.0))
    assert_tiles(chapters, 1000.0)
    assert min(lengths_s(chapters)) >= 60
    assert len(chapters) >= 10


def test_a_chapter_has_the_title_of_its_longest_scene_that_has_one() -> None:
    told = scenes(20.0, 70.0, 75.0)
    told[1]["title"] = " "
    chapters = chapters_of(video(75.0), [*told[:2], dict(told[2], title="Short")])
    assert [chapter.title for chapter in chapters] == ["Scene 0", "Short"]
    assert chapters_of(video(75.0), scenes(75.0, title=""))[0].title == "Part 1"


def test_a_short_film_has_enough_chapters_for_a_site() -> None:
    chapters = chapters_of(video(40.0), scenes(5.0, 12.0, 20.0, 30.0, 40.0))
    assert min(lengths_s(chapters)) >= 10
    assert len(chapters) == 3


def test_the_list_for_sites_starts_at_zero_and_skips_what_is_under_ten_seconds() -> None:
    own = [Chapter(0, 40.4, "In"), Chapter(40.4, 45, "Blink"), Chapter(45, 3700, "Out")]
    listed = site_list([*own, Chapter(3700, 3800, "End")]).splitlines()
    assert listed == ["0:00 In", "0:40 Out", "1:01:40 End"]


@pytest.fixture(scope="module")
def muxed(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Chapters as ffprobe sees them in a film that ffmpeg gave them."""
    folder = tmp_path_factory.mktemp("chapters")
    metadata, out = folder / "film.ffmetadata", folder / "film.mkv"
    own = (Chapter(0, 10.25, "First"), Chapter(10.25, 30, ODD), Chapter(30, 41.458, "[CHAPTER]"))
    metadata.write_text(ffmetadata(chapters_of(video(41.458, *own), [])), "utf-8")
    command = ["ffmpeg", "-v", "error", "-i", demo.film, "-i", metadata]
    subprocess.run([*command, "-map_metadata", "1", "-codec", "copy", out], check=True)
    return list(ffprobe(out, "-show_chapters")["chapters"])


def test_ffmpeg_muxes_them_and_ffprobe_shows_times_and_titles(muxed: list[dict[str, Any]]) -> None:
    assert [c["tags"]["title"] for c in muxed] == ["First", " ".join(ODD.split()), "[CHAPTER]"]
    times = [(float(c["start_time"]), float(c["end_time"])) for c in muxed]
    assert times == [(0.0, 10.25), (10.25, 30.0), (30.0, 41.458)]


def test_metadata_escapes_what_it_must() -> None:
    (line,) = re.findall("title=(.*)", ffmetadata([Chapter(0, 1, r"a=b;c#d\e")]))
    assert line == r"a\=b\;c\#d\\e"


def test_ffmpeg_reads_subtitles_of_both_kinds(tmp_path: Path) -> None:
    from scenelake.pipeline.export.cues import cues
    from scenelake.pipeline.export.subtitles import srt, vtt
    from tests.pipeline.exporting import spoken

    shown = cues(spoken("Tom & Jerry went home. <Nobody> knows why. " * 20))
    for name, render in (("film.srt", srt), ("film.vtt", vtt)):
        path = tmp_path / name
        path.write_text(render(shown), "utf-8")
        packets = ffprobe(path, "-show_packets")["packets"]
        assert len(packets) == len(shown) > 5
        assert float(packets[-1]["pts_time"]) == pytest.approx(shown[-1].start_s, abs=0.002)
