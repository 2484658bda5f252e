"""The films are what they claim, by ffmpeg's own commands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from . import damage, films
from .ffmpeg import Timeline, can_decode, ffprobe, pictures, sound, streams, timeline
from .films import FlashAndBeep
from .muxing import TURNABLE

CONTAINERS = ("mp4", "mkv", "webm", "avi", "mov", "ts")
WITH_TIMES = tuple(c for c in CONTAINERS if c != "avi")
EXACT_S = 0.02


@dataclass(frozen=True)
class Seen:
    """What a player would show and play."""

    flash_s: float
    beep_s: float
    at: Timeline


def watch(film: FlashAndBeep) -> Seen:
    at = timeline(film.path)
    brightness = pictures(film.path, film.size).mean(axis=(1, 2, 3))
    assert len(brightness) == len(at.video_s)
    white = np.flatnonzero(brightness > 180)
    assert len(white) == 1
    first_loud = int(np.argmax(np.abs(sound(film.path)) > 0.3))
    return Seen(at.video_s[white[0]], at.audio_s[0] + first_loud / 48_000, at)


def check(film: FlashAndBeep) -> Seen:
    seen = watch(film)
    assert seen.flash_s == pytest.approx(film.flash_s, abs=EXACT_S)
    assert seen.beep_s == pytest.approx(film.beep_s, abs=EXACT_S)
    assert seen.at.video_s == pytest.approx(np.array(film.frames_s), abs=EXACT_S)
    return seen


@pytest.mark.parametrize("container", CONTAINERS)
def test_flash_and_beep_are_where_they_are_said_to_be(media_dir: Path, container: str) -> None:
    seen = check(films.flash_and_beep(media_dir / f"together.{container}"))
    assert seen.flash_s == pytest.approx(seen.beep_s, abs=EXACT_S)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_beep_can_come_later_than_the_flash(media_dir: Path, container: str) -> None:
    seen = check(films.flash_and_beep(media_dir / f"apart.{container}", flash_s=1.0, beep_s=3.2))
    assert seen.beep_s - seen.flash_s == pytest.approx(2.2, abs=EXACT_S)


@pytest.mark.parametrize("offset_s", [0.7, -0.7])
@pytest.mark.parametrize("container", WITH_TIMES)
def test_tracks_can_start_apart(media_dir: Path, container: str, offset_s: float) -> None:
    path = media_dir / f"offset{offset_s}.{container}"
    at = check(films.flash_and_beep(path, audio_offset_s=offset_s)).at
    # What an encoder puts before the first sample is played where nothing tells players to skip.
    assert at.audio_s[0] - at.video_s[0] == pytest.approx(offset_s, abs=0.03)


@pytest.mark.parametrize("container", WITH_TIMES)
def test_times_need_not_start_at_zero(media_dir: Path, container: str) -> None:
    path = media_dir / f"first.{container}"
    seen = check(films.flash_and_beep(path, first_timestamp_s=1.4))
    assert seen.at.zero_s == pytest.approx(1.4, abs=0.03)


@pytest.mark.parametrize("container", WITH_TIMES)
def test_frames_can_come_at_uneven_times(media_dir: Path, container: str) -> None:
    seen = check(films.flash_and_beep(media_dir / f"uneven.{container}", variable_rate=True))
    assert np.diff(seen.at.video_s).min() < 0.03
    assert np.diff(seen.at.video_s).max() > 0.07


@pytest.mark.parametrize(("b_frames", "expected"), [(True, True), (False, False)])
def test_frames_may_be_stored_out_of_order(media_dir: Path, b_frames: bool, expected: bool) -> None:
    path = media_dir / f"order{b_frames}.mp4"
    check(films.flash_and_beep(path, b_frames=b_frames))
    kinds = ffprobe(path, "-select_streams", "v", "-show_entries", "frame=pict_type")["frames"]
    assert any(frame["pict_type"] == "B" for frame in kinds) is expected


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("container", TURNABLE)
def test_a_turned_film_is_shown_with_its_red_bar_above(
    media_dir: Path, container: str, rotation: int
) -> None:
    film = films.flash_and_beep(media_dir / f"turned{rotation}.{container}", rotation=rotation)
    shown = film.size if rotation == 180 else film.size[::-1]
    first = pictures(film.path, shown)[0]
    bar, below = first[2 : shown[1] // 10], first[shown[1] // 5 :]
    assert bar[..., 0].mean() > 150
    assert below[..., 0].mean() < 80


def test_a_container_that_cannot_hold_what_is_asked_is_refused(media_dir: Path) -> None:
    with pytest.raises(ValueError, match="avi only counts frames"):
        films.flash_and_beep(media_dir / "no.avi", audio_offset_s=0.7)
    with pytest.raises(ValueError, match="mp4 and mov only"):
        films.flash_and_beep(media_dir / "no.mkv", rotation=90)


@pytest.mark.parametrize("container", CONTAINERS)
def test_shots_change_at_their_cuts_and_nowhere_else(media_dir: Path, container: str) -> None:
    film = films.hard_cuts(
        media_dir / f"cuts.{container}", cuts_s=(1.2, 2.0, 4.4), duration_s=6.0, size=(160, 90)
    )
    shots = pictures(film.path, film.size).astype(int)
    change = np.abs(np.diff(shots, axis=0)).mean(axis=(1, 2, 3))
    cuts_s = timeline(film.path).video_s[1:][change > 25]
    assert cuts_s == pytest.approx(np.array(film.cuts_s), abs=0.001)
    assert np.sort(change)[-4] < 10


def test_sentences_are_said_when_they_are_said_to_be(
    media_dir: Path, photographs: dict[str, NDArray[np.uint8]]
) -> None:
    film = films.spoken(
        media_dir / "spoken.mp4",
        [(1.0, "The cat is called Chelsea."), (5.0, "The coffee is hot.")],
        pictures=[(0.0, photographs["cat"]), (4.0, photographs["coffee"])],
    )
    loud = np.abs(sound(film.path, rate=16_000)) > 0.02
    starts = [np.argmax(loud) / 16_000, 4 + np.argmax(loud[64_000:]) / 16_000]
    assert starts == pytest.approx([s.start_s for s in film.sentences], abs=0.05)
    last = (len(loud) - np.argmax(loud[::-1])) / 16_000
    assert last == pytest.approx(film.sentences[-1].end_s, abs=0.05)
    assert film.cuts_s == (4.0,)


def test_sentences_do_not_overlap(media_dir: Path) -> None:
    with pytest.raises(ValueError, match="before"):
        films.spoken(media_dir / "x.mp4", [(0.0, "One long sentence."), (0.1, "Another.")])


@pytest.mark.parametrize(
    ("build", "kinds"),
    [
        (films.video_only, {"video"}),
        (films.audio_only, {"audio"}),
        (films.silent, {"video", "audio"}),
    ],
)
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_film_can_lack_a_track(
    media_dir: Path, container: str, build: Any, kinds: set[str]
) -> None:
    film = build(media_dir / f"{build.__name__}.{container}")
    assert set(streams(film.path)) == kinds
    assert can_decode(film.path)


def test_a_silent_film_has_no_sound_in_its_audio(media_dir: Path) -> None:
    film = films.silent(media_dir / "quiet.mp4")
    assert np.abs(sound(film.path)).max() < 1e-4


@pytest.mark.parametrize("container", ["mkv", "ts"])
def test_a_truncated_film_can_be_read_as_far_as_it_goes(media_dir: Path, container: str) -> None:
    whole = films.hard_cuts(media_dir / f"whole.{container}", cuts_s=(2.0, 4.0), duration_s=6.0)
    half = damage.truncated(whole.path, media_dir / f"half.{container}", keep=0.5)
    assert 50 < len(pictures(half, whole.size)) < 130


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_flipped_bytes_spoil_some_of_a_film(media_dir: Path, container: str) -> None:
    whole = films.hard_cuts(media_dir / f"sound.{container}", cuts_s=(2.0,), duration_s=4.0)
    flipped = media_dir / f"flipped.{container}"
    damage.flipped_bytes(whole.path, flipped, seed=1, n=40)
    before, after = whole.path.read_bytes(), flipped.read_bytes()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 40


@pytest.mark.parametrize(
    "build", [damage.empty_file, damage.text_file, damage.without_index, damage.zero_duration]
)
def test_nothing_can_be_decoded_of_a_broken_mp4(media_dir: Path, build: Any) -> None:
    assert not can_decode(build(media_dir / f"{build.__name__}.mp4"))
