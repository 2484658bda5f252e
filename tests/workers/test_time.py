"""A flash and a beep made at one instant are reported at that instant."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenelake.schemas.film import Source
from scenelake.workers.audio import open_audio
from scenelake.workers.video import open_video, upright_size
from tests.media import films
from tests.media.films import FlashAndBeep

FRAME_S = 0.04
APART_S = 0.005
"""Picture to sound. To the truth it may be a priming of AAC more (21 ms), which ffmpeg has counted
as sound in one version and not in another."""
CONTAINERS = ("mp4", "mkv", "webm", "avi", "mov", "ts")
WITH_TIMES = tuple(c for c in CONTAINERS if c != "avi")
SMALL = (160, 90)
WAYS: dict[str, dict[str, Any]] = {
    "together": {},
    "apart": {"flash_s": 1.0, "beep_s": 3.2},
    "audio_late": {"audio_offset_s": 0.7},
    "audio_early": {"audio_offset_s": -0.7},
    "variable_rate": {"variable_rate": True},
    "first_at_1.4_s": {"first_timestamp_s": 1.4},
    "late_from_1.4_s": {"first_timestamp_s": 1.4, "audio_offset_s": 0.7},
    "turned": {"rotation": 90},
}

SourceOf = Callable[[Path], Source]


def cases() -> list[tuple[str, str, str]]:
    """Each way in each container that can hold it, by each decoder; decord is kept from ts."""
    held = {"together": CONTAINERS, "apart": CONTAINERS, "turned": films.TURNABLE}
    return [
        (way, container, backend)
        for way in WAYS
        for container in held.get(way, WITH_TIMES)
        for backend in ("pyav", "decord")
        if (container, backend) != ("ts", "decord")
    ]


def flash_s(path: Path, source: Source, backend: str) -> float:
    size = upright_size(source, max_side_px=160)
    frames = open_video(path, source, backend=backend, max_side_px=160).frames()
    brightness = {frame.time_s: float(frame.picture(*size).mean()) for frame in frames}
    return max(brightness, key=lambda time_s: brightness[time_s])


def beep_s(path: Path, source: Source) -> float:
    for chunk in open_audio(path, source).chunks():
        loud = np.flatnonzero(np.abs(chunk.data) > 0.3)
        if len(loud):
            return chunk.start_s + float(loud[0]) / chunk.sample_rate
    raise AssertionError("there is no beep")


@pytest.fixture(scope="module")
def film_of(media_dir: Path) -> Callable[[str, str], FlashAndBeep]:
    built: dict[tuple[str, str], FlashAndBeep] = {}

    def film(way: str, container: str) -> FlashAndBeep:
        if (way, container) not in built:
            path = media_dir / f"time_{way}.{container}"
            built[way, container] = films.flash_and_beep(path, size=SMALL, **WAYS[way])
        return built[way, container]

    return film


@pytest.mark.parametrize(("way", "container", "backend"), cases())
def test_flash_and_beep_are_within_a_frame_of_the_truth_and_of_each_other(
    film_of: Callable[[str, str], FlashAndBeep],
    source_of: SourceOf,
    way: str,
    container: str,
    backend: str,
) -> None:
    film = film_of(way, container)
    source = source_of(film.path)
    seen_s, heard_s = flash_s(film.path, source, backend), beep_s(film.path, source)
    assert seen_s == pytest.approx(film.flash_s, abs=FRAME_S)
    assert heard_s == pytest.approx(film.beep_s, abs=FRAME_S)
    assert heard_s - seen_s == pytest.approx(film.beep_s - film.flash_s, abs=APART_S)


@pytest.mark.parametrize(
    ("container", "backend"), [(c, b) for way, c, b in cases() if way == "variable_rate"]
)
def test_pictures_at_uneven_times_keep_them(
    film_of: Callable[[str, str], FlashAndBeep],
    source_of: SourceOf,
    container: str,
    backend: str,
) -> None:
    film = film_of("variable_rate", container)
    reader = open_video(film.path, source_of(film.path), backend=backend, max_side_px=160)
    times_s = np.array([frame.time_s for frame in reader.frames()])
    truth_s = np.array(film.frames_s)
    assert times_s - times_s[0] == pytest.approx(truth_s - truth_s[0], abs=0.001)
    assert times_s[0] == pytest.approx(truth_s[0], abs=FRAME_S)


@pytest.mark.parametrize(("codec", "n_b"), [("libx264", 0), ("libx264", 2), ("mpeg4", 2)])
def test_of_an_avi_which_has_no_presentation_times_no_picture_is_lost(
    media_dir: Path, source_of: SourceOf, codec: str, n_b: int
) -> None:
    path = media_dir / f"{codec}-{n_b}.avi"
    drawn = ["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=4"]
    coded = ["-c:v", codec, "-bf", str(n_b), str(path)]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *drawn, *coded], check=True)
    reader = open_video(path, source_of(path), backend="pyav", max_side_px=64)
    times_s = np.array([frame.time_s for frame in reader.frames()])
    assert np.diff(times_s) == pytest.approx(np.full(99, FRAME_S), abs=0.001)
    assert times_s[0] <= n_b * FRAME_S + 0.001


def test_of_two_recordings_in_one_file_the_second_follows_the_first(
    media_dir: Path, source_of: SourceOf
) -> None:
    """Its time stamps start anew; nothing of it may be lost or laid over the first."""
    first = films.flash_and_beep(
        media_dir / "first.ts", flash_s=2.0, beep_s=2.0, duration_s=4.0, size=SMALL
    )
    second = films.flash_and_beep(
        media_dir / "second.ts", flash_s=1.0, beep_s=1.0, duration_s=3.0, size=SMALL
    )
    joined = media_dir / "joined.ts"
    joined.write_bytes(first.path.read_bytes() + second.path.read_bytes())
    source = source_of(joined)
    first_s, second_s = source_of(first.path).duration_s, source_of(second.path).duration_s
    assert source.duration_s == pytest.approx(first_s + second_s, abs=2 * FRAME_S)
    flashes_s, beeps_s = all_flashes_s(joined, source), all_beeps_s(joined, source)
    truth_s = [first.flash_s, first_s + second.flash_s]
    assert flashes_s == pytest.approx(truth_s, abs=2 * FRAME_S)
    assert beeps_s == pytest.approx(flashes_s, abs=APART_S)


def test_one_damaged_time_stamp_does_not_stretch_a_film(
    media_dir: Path, source_of: SourceOf
) -> None:
    """The first of a film's later pictures says it is shown hours after it is decoded."""
    whole = films.flash_and_beep(
        media_dir / "stamped.ts", flash_s=1.0, beep_s=1.0, duration_s=3.0, size=SMALL
    )
    damaged = media_dir / "misstamped.ts"
    damaged.write_bytes(with_late_stamp(whole.path.read_bytes(), hours=3.0))
    source = source_of(damaged)
    assert source.duration_s == pytest.approx(source_of(whole.path).duration_s, abs=2 * FRAME_S)
    assert flash_s(damaged, source, "pyav") == pytest.approx(whole.flash_s, abs=FRAME_S)


def with_late_stamp(stream: bytes, *, hours: float) -> bytes:
    """A transport stream in which one picture's presentation time is moved (ISO 13818-1, 2.4.3.7).

    Five bytes hold 33 bits, 90,000 to the second, with a marker bit after each part.
    """
    data = bytearray(stream)
    starts = [n for n in range(len(data)) if data[n : n + 4] == b"\x00\x00\x01\xe0"]
    with_both = [n for n in starts if data[n + 7] >> 6 == 3]  # it tells its decoding time too
    at = with_both[len(with_both) // 2] + 9
    field = int.from_bytes(data[at : at + 5], "big")
    stamp = (field >> 33 & 7) << 30 | (field >> 17 & 0x7FFF) << 15 | field >> 1 & 0x7FFF
    late = stamp + round(hours * 3600 * 90_000)
    parts = (late >> 30 & 7) << 33 | (late >> 15 & 0x7FFF) << 17 | (late & 0x7FFF) << 1
    data[at : at + 5] = (3 << 36 | parts | 1 << 32 | 1 << 16 | 1).to_bytes(5, "big")
    return bytes(data)


def all_flashes_s(path: Path, source: Source) -> list[float]:
    frames = open_video(path, source, backend="pyav", max_side_px=160).frames()
    return [f.time_s for f in frames if f.picture(32, 18).mean() > 150]


def all_beeps_s(path: Path, source: Source) -> list[float]:
    """When it gets loud after at least half a second of silence."""
    chunks = list(open_audio(path, source).chunks())
    loud = np.flatnonzero(np.abs(np.concatenate([chunk.data for chunk in chunks])) > 0.3)
    starts = loud[np.flatnonzero(np.diff(loud, prepend=-chunks[0].sample_rate) > 8000)]
    return [chunks[0].start_s + float(n) / chunks[0].sample_rate for n in starts]
