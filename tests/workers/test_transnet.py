"""TransNetV2 finds what its authors' network finds, however the film is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.pipeline.plan import plan_clips
from scenelake.schemas.config import Config, CutConfig
from scenelake.schemas.film import Source
from scenelake.workers import registry
from scenelake.workers.look import Looked, look
from scenelake.workers.transnet import WINDOW, TransNetV2
from tests.media import films, transnet_reference

RATE = 25.0
Pictures = NDArray[np.uint8]


@pytest.fixture(scope="session")
def detector() -> TransNetV2:
    made = TransNetV2(CutConfig(engine="transnetv2"))
    made.setup()
    return made


@pytest.fixture(scope="session")
def shown(music_video: Path) -> Pictures:
    """(330, 27, 48, 3): the first 13 s of the music video."""
    return transnet_reference.pictures(music_video)


@pytest.fixture(scope="session")
def whole(detector: TransNetV2, shown: Pictures) -> tuple[NDArray[np.float64], list[float]]:
    """Predictions and cuts of the pictures in one go."""
    return run(detector, shown)


class Changes:
    """A network that knows one thing: a picture unlike the next is of a transition.

    What it says besides, a little, hangs on where in its window a picture is.
    """

    def __call__(self, pictures: Pictures) -> NDArray[np.float32]:
        assert pictures.shape == (WINDOW, 27, 48, 3)
        steps = np.abs(np.diff(pictures.astype(np.float32), axis=0)).mean(axis=(1, 2, 3))
        places = np.linspace(0, 0.1, WINDOW, dtype=np.float32)
        return np.append(steps > 15, False) * np.float32(0.8) + places


@pytest.fixture
def quick() -> TransNetV2:
    """The detector with a network that costs nothing."""
    made = TransNetV2(CutConfig(engine="transnetv2"))
    made._network = Changes()  # type: ignore[assignment]
    return made


def run(
    detector: TransNetV2, shown: Pictures, *, from_frame: int = 0, zero_s: float = 0.0
) -> tuple[NDArray[np.float64], list[float]]:
    film = detector.predicting(rate=RATE, zero_s=zero_s)
    cuts_s = []
    for index in range(from_frame, len(shown)):
        cuts_s += film.push(shown[index], zero_s + index / RATE)
    cuts_s += film.finish()
    return np.array(film.predictions), cuts_s


def frames_of(cuts_s: Sequence[float]) -> list[int]:
    return [round(cut_s * RATE) for cut_s in cuts_s]


def test_predictions_are_those_of_the_reference(
    shown: Pictures, whole: tuple[NDArray[np.float64], list[float]]
) -> None:
    reference = transnet_reference.reference()
    assert transnet_reference.digest(shown) == reference.pictures_sha256

    np.testing.assert_allclose(whole[0], reference.predictions, atol=1e-4)


def test_cuts_are_where_the_reference_begins_its_shots(
    whole: tuple[NDArray[np.float64], list[float]],
) -> None:
    first, *others = transnet_reference.reference().shot_starts
    assert first == 0
    assert frames_of(whole[1]) == others


def test_a_film_that_starts_late_has_the_same_predictions(
    detector: TransNetV2, shown: Pictures, whole: tuple[NDArray[np.float64], list[float]]
) -> None:
    predictions, cuts_s = run(detector, shown[:80], zero_s=0.07)

    np.testing.assert_allclose(predictions[:50], whole[0][:50], atol=1e-5)
    assert cuts_s[0] == pytest.approx(whole[1][0] + 0.07)


def test_a_film_read_from_its_middle_has_the_same_predictions_after_the_lead(
    detector: TransNetV2, shown: Pictures, whole: tuple[NDArray[np.float64], list[float]]
) -> None:
    predictions, cuts_s = run(detector, shown, from_frame=117)

    sure = 117 + detector.lead_frames
    np.testing.assert_allclose(predictions[detector.lead_frames :], whole[0][sure:], atol=1e-5)
    assert [c for c in frames_of(cuts_s) if c >= sure] == [
        c for c in frames_of(whole[1]) if c >= sure
    ]


def test_each_picture_gets_one_prediction_however_few_there_are(
    quick: TransNetV2, shown: Pictures
) -> None:
    for count in (1, 49, 50, 51):
        assert len(run(quick, shown[:count])[0]) == count


def test_pictures_without_a_steady_rate_each_get_one_prediction(
    quick: TransNetV2, shown: Pictures
) -> None:
    steps_s = np.random.default_rng(3).uniform(0.005, 0.3, 120)
    film = quick.predicting(rate=RATE)
    for picture, time_s in zip(shown, np.cumsum(steps_s), strict=False):
        film.push(picture, float(time_s))
    film.finish()

    assert len(film.predictions) == 120
    assert all(0 <= p <= 1 for p in film.predictions)


def test_a_long_film_takes_no_more_memory_than_a_window(quick: TransNetV2, shown: Pictures) -> None:
    film = quick.predicting(rate=RATE)
    for index in range(200):
        film.push(shown[index], index / RATE)
        assert len(film._shown) <= WINDOW


def test_a_higher_threshold_finds_fewer_cuts(
    shown: Pictures, whole: tuple[NDArray[np.float64], list[float]]
) -> None:
    strict = TransNetV2(CutConfig(engine="transnetv2", transition_threshold=0.95))
    strict.setup()
    cuts_s = run(strict, shown[:80])[1]

    assert set(cuts_s) < {cut_s for cut_s in whole[1] if cut_s < 80 / RATE}


def test_a_film_in_clips_has_the_cuts_and_keyframes_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
    quick: TransNetV2,
    media_dir: Path,
    source_of: Callable[[Path], Source],
) -> None:
    monkeypatch.setattr(registry, "ready", lambda step, section: quick)
    film = films.hard_cuts(
        media_dir / "transnet.mp4",
        cuts_s=(1.2, 4.4, 9.2, 11.0, 17.6, 21.4, 25.0, 27.3, 27.9, 29.92),
        duration_s=30.0,
        size=(96, 54),
    )
    source = source_of(film.path)
    config = Config.model_validate({"clips": {"length_s": 8.0, "search_s": 3.0}})

    def looked(length_s: float) -> list[Looked]:
        clips = plan_clips(source, length_s=length_s)
        return [look(str(film.path), clip, config, "pyav") for clip in clips]

    (one,), several = looked(source.duration_s), looked(8.0)
    assert one.cuts_s == pytest.approx(film.cuts_s, abs=0.001)
    assert len(several) > 2
    assert tuple(c for part in several for c in part.cuts_s) == one.cuts_s
    assert [p for part in several for p in part.pictures] == list(one.pictures)
    edges_s = [0.0, *one.cuts_s, source.duration_s]
    for start_s, end_s in pairwise(edges_s):
        assert any(start_s <= p.time_s < end_s for p in one.pictures)
