"""Keyframes stand for their shots: sharp, and away from the transitions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.clips import Clip, Footage
from scenelake.schemas.config import Config, KeyframeConfig
from scenelake.schemas.media import Picture
from scenelake.schemas.rows import Shot
from scenelake.workers.decode import Decode
from scenelake.workers.keyframes import KeyframeChooser, from_jpeg, sharpness, to_jpeg
from scenelake.workers.probe import probe
from tests.media import films

UInt8 = NDArray[np.uint8]
SIZE = (64, 48)
RATE = 25


@dataclass
class Frame:
    """A frame as a decoder gives it, that counts how often it is converted at full size."""

    time_s: float
    shown: UInt8
    n_converted: int = 0

    def picture(self, width: int, height: int) -> UInt8:
        self.n_converted += 1
        return np.asarray(cv2.resize(self.shown, (width, height)), np.uint8)


def sharp_picture(seed: int = 0) -> UInt8:
    return np.random.default_rng(seed).integers(0, 255, (48, 64, 3)).astype(np.uint8)


def blurred(picture: UInt8) -> UInt8:
    return np.asarray(cv2.GaussianBlur(picture, (9, 9), 4), np.uint8)


def frames(duration_s: float, *, sharp_s: Iterable[float] = ()) -> list[Frame]:
    """Blurred pictures at 25 a second, a sharp one at some instants."""
    sharp, soft = sharp_picture(), blurred(sharp_picture())
    instants = {round(time_s * RATE) for time_s in sharp_s}
    return [
        Frame(i / RATE, sharp if i in instants else soft) for i in range(round(duration_s * RATE))
    ]


def chosen(shown: list[Frame], *, cuts_s: Iterable[float] = (), **config: float) -> list[Picture]:
    """What is chosen when each cut is told before the first frame after it."""
    chooser = KeyframeChooser(KeyframeConfig.model_validate(config), SIZE)
    waiting = {round(cut_s * RATE): cut_s for cut_s in cuts_s}
    pictures: list[Picture] = []
    for index, frame in enumerate(shown):
        if index in waiting:
            pictures += chooser.cut(waiting[index])
        pictures += chooser.push(frame, frame.shown)
    return [*pictures, *chooser.finish(shown[-1].time_s)]


@pytest.fixture(scope="module")
def footage(media_dir: Path) -> Footage:
    """A film of short and long shots, read as the run does."""
    film = films.hard_cuts(
        media_dir / "keyframes.mp4", cuts_s=(0.8, 2.0, 3.4, 28.0), duration_s=30.0, size=(160, 90)
    )
    source = probe(film.path, uri=str(film.path), video_id="film")
    step = Decode(Config())
    step.setup()
    (read,) = step.process(Clip(source, 0, 1, 0.0, source.duration_s))
    step.close()
    assert read.cuts_s == pytest.approx(film.cuts_s, abs=0.001)
    return read


def shots(footage: Footage) -> list[Shot]:
    edges_s = [footage.start_s, *footage.cuts_s, footage.end_s]
    return [Shot(a, b) for a, b in pairwise(edges_s)]


def within(footage: Footage, index: int) -> list[float]:
    shot = shots(footage)[index]
    return [p.time_s for p in footage.pictures if shot.start_s <= p.time_s < shot.end_s]


def test_every_shot_has_a_keyframe_away_from_its_transitions(footage: Footage) -> None:
    for index, shot in enumerate(shots(footage)):
        times_s = within(footage, index)
        assert times_s
        assert min(times_s) >= shot.start_s + 1.5 / RATE
        assert max(times_s) <= shot.end_s - 1.5 / RATE


def test_a_long_shot_has_one_for_every_ten_seconds(footage: Footage) -> None:
    assert [len(within(footage, index)) for index in range(5)] == [1, 1, 1, 3, 1]
    parts = np.diff([3.4, *within(footage, 3), 28.0])
    assert parts.max() < 15


def test_keyframes_come_in_time_order_as_jpeg(footage: Footage) -> None:
    times_s = [picture.time_s for picture in footage.pictures]
    assert times_s == sorted(set(times_s))
    for picture in footage.pictures:
        assert picture.jpeg.startswith(b"\xff\xd8")
        assert from_jpeg(picture.jpeg).shape == (90, 160, 3)


def test_a_keyframe_shows_its_shot(footage: Footage, media_dir: Path) -> None:
    """Shots of the film differ in hue; its keyframes do too."""
    means = [from_jpeg(p.jpeg).reshape(-1, 3).mean(axis=0) for p in footage.pictures]
    of_shot = [i for i in range(5) for _ in within(footage, i)]
    for i, one in enumerate(means):
        for j, two in enumerate(means):
            assert (np.abs(one - two).max() < 12) == (of_shot[i] == of_shot[j])


def test_the_sharp_picture_among_blurred_ones_is_chosen() -> None:
    still_s = np.arange(4.6, 5.2, 1 / RATE)
    (picture,) = chosen(frames(8.0, sharp_s=still_s))
    assert still_s[0] <= picture.time_s <= still_s[-1] + 1e-6
    assert sharpness(from_jpeg(picture.jpeg)) > 5 * sharpness(blurred(sharp_picture()))


def test_a_sharp_picture_beside_a_cut_is_not() -> None:
    (one, two) = chosen(frames(8.0, sharp_s=[0.0, 3.96, 4.0, 7.96]), cuts_s=[4.0])
    assert 1.0 <= one.time_s <= 3.0
    assert 5.0 <= two.time_s <= 7.0


@pytest.mark.parametrize("length_s", [0.52, 0.6, 0.8, 1.0, 1.6, 3.0, 9.9])
def test_a_shot_of_more_than_half_a_second_is_not_shown_by_its_first_or_last_frame(
    length_s: float,
) -> None:
    start_s, end_s = 3.0, 3.0 + round(length_s * RATE) / RATE
    pictures = chosen(frames(10 + length_s), cuts_s=[start_s, end_s])
    inside = [p.time_s for p in pictures if start_s - 1e-6 <= p.time_s < end_s - 1e-6]
    assert len(inside) == 1
    assert start_s + 0.5 / RATE < inside[0] < end_s - 1.5 / RATE


@pytest.mark.parametrize("length_s", [0.08, 0.2, 0.4])
def test_the_shortest_shots_have_one_too(length_s: float) -> None:
    end_s = 3.0 + length_s
    pictures = chosen(frames(6.0), cuts_s=[3.0, end_s])
    assert len([p for p in pictures if 3.0 - 1e-6 <= p.time_s < end_s - 1e-6]) == 1


def test_few_pictures_are_held_and_converted_however_long_the_shot() -> None:
    chooser = KeyframeChooser(KeyframeConfig(), SIZE)
    shown = frames(120.0)
    most = 0
    for frame in shown:
        list(chooser.push(frame, frame.shown))
        most = max(most, len(chooser._candidates))
    assert most <= 30
    assert sum(frame.n_converted for frame in shown) <= 12 * 30


def test_sharpness_falls_with_blur() -> None:
    picture = sharp_picture()
    assert sharpness(picture) > 5 * sharpness(blurred(picture))


def test_a_jpeg_keeps_its_colours(photographs: dict[str, UInt8]) -> None:
    picture = photographs["coffee"]
    again = from_jpeg(to_jpeg(picture, quality=95))
    assert np.abs(again.astype(int) - picture).mean() < 3


def test_what_is_no_jpeg_is_refused() -> None:
    with pytest.raises(ValueError, match="4 bytes are not a JPEG"):
        from_jpeg(b"text")
