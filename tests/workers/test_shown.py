from __future__ import annotations

import numpy as np
import pytest

from scenelake.schemas.config import DescribeConfig
from scenelake.workers.keyframes import from_jpeg
from scenelake.workers.shown import choose, picture, side_px, spread

from .telling import frame, jpeg

UNKNOWN = (0, 0, 0, 0)
CAT, ALMOST_CAT, DOG = (1, 0, 0, 0), (0.99, 0.1, 0, 0), (0, 1, 0, 0)


def _times(vectors: list[tuple[float, ...]], **config: float) -> tuple[float, ...]:
    frames = [frame(float(i), vector=vector) for i, vector in enumerate(vectors)]
    return tuple(f.time_s for f in choose(frames, DescribeConfig(**config)))


def test_a_frame_like_the_last_one_shown_is_left_out() -> None:
    assert _times([CAT, ALMOST_CAT, CAT, DOG, DOG], same_frame=0.95) == (0.0, 3.0)


def test_what_comes_back_is_shown_again() -> None:
    assert _times([CAT, DOG, CAT], same_frame=0.95) == (0.0, 1.0, 2.0)


def test_slow_change_is_seen_since_frames_are_compared_with_the_last_one_shown() -> None:
    turning = [(float(np.cos(a)), float(np.sin(a)), 0, 0) for a in np.linspace(0, 1.5, 16)]
    assert 2 < len(_times(turning, same_frame=0.95)) < 16


def test_frames_of_which_no_vector_is_known_are_all_shown() -> None:
    assert _times([UNKNOWN, UNKNOWN, CAT, UNKNOWN], same_frame=0.5) == (0.0, 1.0, 2.0, 3.0)


def test_frames_are_left_out_only_where_that_is_asked_for() -> None:
    assert _times([CAT, CAT, CAT]) == (0.0, 1.0, 2.0)


def test_what_is_shown_is_spread_over_the_scene() -> None:
    assert _times([UNKNOWN] * 9, max_frames=3) == (1.0, 4.0, 7.0)
    assert _times([UNKNOWN] * 9, max_frames=1) == (4.0,)


@pytest.mark.parametrize("n_all", [1, 2, 7, 100])
@pytest.mark.parametrize("n_kept", [0, 1, 3, 8])
def test_spreading_keeps_order_and_number(n_all: int, n_kept: int) -> None:
    kept = spread(range(n_all), n_kept)
    assert len(kept) == min(n_all, n_kept)
    assert sorted(set(kept)) == list(kept)


def test_a_picture_is_scaled_to_its_longer_side() -> None:
    image = picture(frame(2.5, data=jpeg(width=640, height=360)), max_side_px=160)
    assert image is not None
    assert image.time_s == 2.5
    assert from_jpeg(image.jpeg).shape == (90, 160, 3)


def test_a_tall_picture_too() -> None:
    image = picture(frame(0.0, data=jpeg(width=180, height=320)), max_side_px=160)
    assert image is not None
    assert from_jpeg(image.jpeg).shape == (160, 90, 3)


def test_a_picture_is_never_enlarged_nor_compressed_twice() -> None:
    data = jpeg(width=100, height=50)
    image = picture(frame(0.0, data=data), max_side_px=448)
    assert image is not None
    assert image.jpeg == data


@pytest.mark.parametrize("data", [b"\xff\xd8 no picture", b"x"])
def test_what_is_no_picture_is_not_shown(data: bytes) -> None:
    assert picture(frame(0.0, data=data), max_side_px=448) is None


def test_pictures_of_a_scene_in_which_little_changes_are_smaller() -> None:
    config = DescribeConfig(frame_side_px=448, dull_side_px=224)
    dull = [frame(0.0, vector=CAT), frame(1.0, vector=ALMOST_CAT)]
    lively = [frame(0.0, vector=CAT), frame(1.0, vector=DOG)]
    assert side_px(dull, config) == 224
    assert side_px(lively, config) == 448
    assert side_px(dull, DescribeConfig(frame_side_px=448)) == 448


def test_nobody_knows_whether_one_frame_or_an_unknown_one_is_dull() -> None:
    config = DescribeConfig(frame_side_px=448, dull_side_px=224)
    assert side_px([frame(0.0, vector=CAT)], config) == 448
    assert side_px([frame(0.0, vector=CAT), frame(1.0)], config) == 448
