"""Cuts are where the pictures change, whatever the container and the coding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.config import CutConfig
from scenelake.workers.cut import AdaptiveCut
from scenelake.workers.engines import CutDetector, CutPass
from scenelake.workers.transnet import TransNetV2
from tests.media import films
from tests.media.twins import twins_slow

from .conftest import Reading

TWO_FRAMES_S = 2 / 24 + 0.003
"""Two frames of the film, and what containers round times by."""
SAME_PICTURES = "3g2 3gp asf avi f4v flv m1v m4v mkv mov mpeg mpg rm swf vob webm wmv".split()
CONCERT_CUTS = [
    int(frame)
    for frame in """
    183 243 365 395 485 552 706 741 864 923 959 1024 1119 1162 1188 1300 1369 1432
    """.split()
]
"""Frames of the concert film at which a person sees another camera."""
DISSOLVE = 109
"""From here the title melts into the first picture, which need not be found as a cut."""

ReadFilm = Callable[[Path, str], Reading]
Told = list[tuple[float, int]]


def unmatched(
    cuts_s: Iterable[float], others_s: Iterable[float], *, within_s: float
) -> list[float]:
    others = np.array([*others_s, np.inf])
    return [cut_s for cut_s in cuts_s if np.abs(others - cut_s).min() > within_s]


def test_cuts_of_a_real_film_are_those_of_pyscenedetect_itself(
    music_video: Path, read_film: ReadFilm
) -> None:
    from scenedetect import AdaptiveDetector, detect

    theirs_s = [start.seconds for start, _ in detect(str(music_video), AdaptiveDetector())][1:]
    ours_s = read_film(music_video, "pyav").cuts_s
    within_s = 2 / 25 + 0.003
    n_false = len(unmatched(ours_s, theirs_s, within_s=within_s))
    n_missed = len(unmatched(theirs_s, ours_s, within_s=within_s))
    n_right = len(ours_s) - n_false
    assert n_right > 100
    assert 2 * n_right / (2 * n_right + n_false + n_missed) >= 0.98


@pytest.mark.parametrize("container", ["mp4", "mkv", "webm", "avi", "mov", "ts"])
def test_hard_cuts_are_found_at_their_frames(
    media_dir: Path, read_film: ReadFilm, container: str
) -> None:
    film = films.hard_cuts(
        media_dir / f"cut.{container}", cuts_s=(1.2, 2.4, 4.0, 6.4), duration_s=8.0, size=(160, 90)
    )
    assert read_film(film.path, "pyav").cuts_s == pytest.approx(film.cuts_s, abs=0.001)


@pytest.mark.parametrize("container", twins_slow(["mp4", *SAME_PICTURES]))
def test_what_a_person_sees_as_a_cut_is_found_and_nothing_else(
    iscc_videos: dict[str, Path], read_film: ReadFilm, container: str
) -> None:
    reading = read_film(iscc_videos[container], "pyav")
    true_s = reading.times_s[CONCERT_CUTS]
    dissolve_s = reading.times_s[[DISSOLVE]]
    assert unmatched(true_s, reading.cuts_s, within_s=TWO_FRAMES_S) == []
    assert unmatched(reading.cuts_s, [*true_s, *dissolve_s], within_s=TWO_FRAMES_S) == []


@pytest.mark.parametrize("container", twins_slow(SAME_PICTURES))
def test_the_same_film_has_the_same_cuts_in_every_container(
    iscc_videos: dict[str, Path], read_film: ReadFilm, container: str
) -> None:
    mp4_s = read_film(iscc_videos["mp4"], "pyav").cuts_s
    cuts_s = read_film(iscc_videos[container], "pyav").cuts_s
    assert unmatched(mp4_s, cuts_s, within_s=TWO_FRAMES_S) == []
    assert unmatched(cuts_s, mp4_s, within_s=TWO_FRAMES_S) == []


def test_noise_in_the_black_is_no_cut() -> None:
    """A key frame shuffles the coding noise of a dark picture and nothing that is seen."""
    rng = np.random.default_rng(1)
    cutter = AdaptiveCut(CutConfig()).start(rate=25.0)
    found = []
    for index in range(100):
        if index % 25 == 0:
            dark = rng.integers(0, 12, (90, 160, 3)).astype(np.uint8)
        found += cutter.push(dark, index / 25)
    assert found == []


# What every detector does


@pytest.fixture(scope="module", params=[AdaptiveCut, TransNetV2])
def detector(request: pytest.FixtureRequest) -> CutDetector:
    made: CutDetector = request.param(CutConfig())
    made.setup()
    return made


def shots(*, seed: int = 2) -> NDArray[np.uint8]:
    """(2, 90, 160, 3): two still pictures of many colours."""
    rng = np.random.default_rng(seed)
    return rng.integers(30, 255, (2, 9, 16, 3)).astype(np.uint8).repeat(10, 1).repeat(10, 2)


def told(cutter: CutPass, pictures: Iterable[NDArray[np.uint8]], times_s: Iterable[float]) -> Told:
    """Each cut, and how many pictures had been shown when it was told."""
    found, count = [], 0
    for picture, time_s in zip(pictures, times_s, strict=True):
        count += 1
        found += [(cut_s, count) for cut_s in cutter.push(picture, float(time_s))]
    return found + [(cut_s, count) for cut_s in cutter.finish()]


@pytest.mark.parametrize("cut_frame", [30, 60, 85])
def test_a_cut_is_told_by_the_time_of_its_picture_not_by_its_number(
    detector: CutDetector, cut_frame: int
) -> None:
    times_s = np.cumsum(np.random.default_rng(2).uniform(0.02, 0.08, 100))
    pictures = [shots()[int(index >= cut_frame)] for index in range(100)]
    cutter = detector.start(rate=20.0, zero_s=float(times_s[0]))
    ((cut_s, count),) = told(cutter, pictures, times_s)
    assert cut_s == times_s[cut_frame]
    assert count - 1 - cut_frame <= detector.late_frames


def test_a_picture_that_stays_has_no_cut(detector: CutDetector) -> None:
    still = [shots()[0]] * 60
    assert told(detector.start(rate=25.0), still, np.arange(60) / 25) == []


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_film_of_a_picture_or_none_has_no_cut(detector: CutDetector, count: int) -> None:
    assert told(detector.start(rate=0), [shots()[0]] * count, np.arange(count) / 25) == []


def test_two_films_do_not_see_each_other(detector: CutDetector) -> None:
    bright, dark = shots()
    one, two = detector.start(rate=25.0), detector.start(rate=25.0)
    found: list[float] = []
    for index in range(60):
        found += one.push(bright, index / 25)
        found += two.push(dark, index / 25)
    assert [*found, *one.finish(), *two.finish()] == []
