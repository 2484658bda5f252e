"""Pages of films: they tell what the lake does, need nothing else, and run nothing."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline import Lake
from scenelake.pipeline.export.cues import cues
from scenelake.pipeline.export.job import export
from scenelake.pipeline.export.subtitles import vtt
from scenelake.schemas.rows import Chapter
from tests.media.site import Site, serving
from tests.pipeline.exporting import Filmed, jpeg, spoken
from tests.pipeline.pages import Page

EVIL = '"><script>alert(1)</script><img src=x onerror=y>'
TALK = Filmed(
    words=spoken("Here is the sea, which is cold. " * 12),
    ocr=("Beach 7",),
    summary="A day by the sea.",
    warnings=("video ends at 41.2 s of 60.1 s: packets after that are unreadable",),
    chapters=(Chapter(0, 20, "Morning"), Chapter(20, 40, "Evening")),
    pictures=(jpeg(), jpeg(), jpeg()),
)


def pages(folder: Path, *films: Filmed) -> dict[str, str]:
    for film in films:
        film.commit(folder / "lake")
    written = export(Lake(folder / "lake"), "html", folder / "out").files
    return {Path(path).name: Path(path).read_text("utf-8") for path in written}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return pages(tmp_path_factory.mktemp("page"), TALK)["holiday.html"]


def test_a_page_tells_what_is_known_of_the_film(page: str) -> None:
    text = Page(page).text
    for told in (
        *("holiday.mp4", "long 0:40", "scenes 4", "words 84", "language en", "640x360"),
        *("A day by the sea.", "packets after that are unreadable"),
        *("0:20 Evening", "What scene 3 shows.", "seashore 70%", "on screen Beach 7"),
        *("0:00 Here is the sea, which is cold.", "teller@7", "listener@3", "run-1"),
        *("1 of 4 written by a model", "3 cuts", "words a minute, up to 156"),
    ):
        assert told in text


def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing(page: str) -> None:
    parsed = Page(page)
    assert not {"script", "link", "iframe", "object"} & set(parsed.tags)
    assert parsed.handlers == []
    assert {re.split(r"[#,]", address)[0] for address in parsed.addresses} == {
        "",
        "data:image/jpeg;base64",
    }
    assert re.findall(r"@import|url\(", page) == []


def test_links_of_timeline_and_chapters_lead_to_scenes(page: str) -> None:
    parsed = Page(page)
    targets = {a.removeprefix("#") for a in parsed.addresses if a.startswith("#")}
    assert targets == {"scene-0", "scene-1", "scene-2", "scene-3"} == set(parsed.ids)


def test_pictures_are_small(page: str) -> None:
    assert page.count("data:image/jpeg") == 12
    assert len(page) < 80_000


def test_whatever_a_film_says_or_is_called_is_text(tmp_path: Path) -> None:
    film = replace(
        TALK,
        uri=f"/films/{EVIL}.mp4",
        words=spoken(EVIL, speaker=EVIL),
        titles=(EVIL,),
        ocr=(EVIL,),
        summary=EVIL,
        warnings=(EVIL,),
        chapters=(Chapter(0, 40, EVIL),),
    )
    twin = replace(film, video_id="77twin77twin")
    for name, made in pages(tmp_path, film, twin).items():
        parsed = Page(made)
        assert "script" not in parsed.tags
        assert parsed.handlers == []
        assert EVIL in parsed.text, name


@pytest.mark.parametrize(
    "film",
    [
        replace(TALK, words=(), pictures=(), ocr=(), chapters=(), summary=None, cuts_s=()),
        replace(TALK, n_scenes=0, duration_s=0.0, words=(), chapters=(), cuts_s=()),
        replace(TALK, pictures=(b"no picture",)),
    ],
    ids=["nothing known", "no scenes", "damaged picture"],
)
def test_a_film_of_which_little_is_known_has_a_page(tmp_path: Path, film: Filmed) -> None:
    assert "holiday.mp4" in Page(pages(tmp_path, film)["holiday.html"]).text


def test_several_films_have_a_page_that_lists_them(tmp_path: Path) -> None:
    other = replace(TALK, video_id="dd44", uri="/films/50% off #1.mp4", warnings=())
    made = pages(tmp_path, TALK, other)
    parsed = Page(made["index.html"])
    assert "films 2" in parsed.text
    assert "scenes 8" in parsed.text
    links = [a for a in parsed.addresses if not a.startswith("data:")]
    assert links == ["holiday.html", "50%25%20off%20%231.html"]
    assert "50% off #1.html" in made


_HEADLESS = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000")
PROBE = """
<iframe id=phone width=390 height=800 src=phone></iframe>
<video id=film><track id=track default src=film.vtt></video><pre id=found></pre>
<script>
const told = {};
function tell() {
  if (!('cues' in told && 'width' in told)) return;
  document.getElementById('found').textContent = JSON.stringify(told);
}
const track = document.getElementById('track');
track.onload = () => {
  const read = c => [c.startTime, c.endTime, c.getCueAsHTML().textContent];
  told.cues = [...track.track.cues].map(read);
  tell();
};
track.onerror = () => { told.cues = 'refused'; tell(); };
track.track.mode = 'hidden';
const frame = document.getElementById('phone');
frame.onload = () => { told.width = frame.contentDocument.documentElement.scrollWidth; tell(); };
</script>
"""


@pytest.fixture(scope="module")
def in_a_browser(page: str) -> dict[str, Any]:
    """What a browser makes of a page on a phone, and of subtitles."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine")
    shown = cues(spoken("Tom & Jerry said <no>. Then they went home. " * 40, speaker="A & B"))
    site = Site(files={"": PROBE.encode(), "film.vtt": vtt(shown).encode(), "phone": page.encode()})
    with serving(site):
        done = subprocess.run(
            [browser, *_HEADLESS, "--dump-dom", site.url],
            capture_output=True,
            text=True,
            timeout=120,
        )
    found = re.search('<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(html.unescape(found[1]))
    return told | {"shown": shown}


def test_a_browser_reads_every_cue_with_its_times_and_text(in_a_browser: dict[str, Any]) -> None:
    shown = [[cue.start_s, cue.end_s, cue.text] for cue in in_a_browser["shown"]]
    assert in_a_browser["cues"] == shown
    assert len(shown) > 20


def test_a_page_is_no_wider_than_a_phone(in_a_browser: dict[str, Any]) -> None:
    assert in_a_browser["width"] <= 390
