"""One suite for all decoders: every picture, upright, at its own time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.clips import Clip, Footage
from scenelake.schemas.config import Config, DecodeConfig, KeyframeConfig
from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Source
from scenelake.workers import decode, look
from scenelake.workers.decode import Decode
from scenelake.workers.keyframes import from_jpeg
from scenelake.workers.packets import DecodeReport
from scenelake.workers.tracks import warnings
from scenelake.workers.video import VideoFrame, VideoReader, open_video, upright_size
from tests.media import ffmpeg, films, packages
from tests.media.twins import twins_slow

from .conftest import Reading

BACKENDS = ("pyav", "decord")
WITH_TIMES = """
    3g2 3gp asf avi f4v flv gif m1v m4v mkv mov mp4 mpeg mpg rm vob webm wmv
    """.split()
NOT_BY_DECORD = ("ogg", "ogv", "swf")
EXACT_S = 0.001

SourceOf = Callable[[Path], Source]
ReadFilm = Callable[[Path, str], Reading]


def shown_s(path: Path, zero_s: float) -> tuple[int, NDArray[np.float64]]:
    """How many packets ffprobe counts, and when each picture is shown; NaN: it does not know."""
    told = ffmpeg.ffprobe(
        path, "-select_streams", "v", "-show_entries", "packet=pts_time", "-show_packets"
    )["packets"]
    times_s = sorted(float(p["pts_time"]) for p in told if "pts_time" in p)
    if len(times_s) < len(told):  # MPEG program streams give only some pictures a time
        shown = ("-select_streams", "v", "-show_entries", "frame=best_effort_timestamp_time")
        frames = ffmpeg.ffprobe(path, *shown)["frames"]
        times_s = [float(f.get("best_effort_timestamp_time", "nan")) for f in frames]
    return len(told), np.array(times_s) - zero_s


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("container", twins_slow(WITH_TIMES))
def test_every_picture_comes_once_at_its_own_time(
    iscc_videos: dict[str, Path],
    source_of: SourceOf,
    read_film: ReadFilm,
    container: str,
    backend: str,
) -> None:
    path = iscc_videos[container]
    n_packets, times_s = shown_s(path, source_of(path).zero_s)
    reading = read_film(path, backend)
    assert len(reading.times_s) == n_packets
    known = np.isfinite(times_s)
    assert known.mean() > 0.5
    assert reading.times_s[known] == pytest.approx(times_s[known], abs=EXACT_S)
    assert (np.diff(reading.times_s) > 0).all()


@pytest.mark.parametrize("container", twins_slow(WITH_TIMES))
def test_both_decoders_show_the_same_pictures(
    iscc_videos: dict[str, Path], read_film: ReadFilm, container: str
) -> None:
    one, two = (read_film(iscc_videos[container], backend).points for backend in BACKENDS)
    differences = np.abs(one.astype(np.int16) - two).mean(axis=(1, 2, 3))
    assert differences.max() < 1.0


def test_swf_is_read_by_pyav_alone(
    iscc_videos: dict[str, Path], source_of: SourceOf, read_film: ReadFilm
) -> None:
    path = iscc_videos["swf"]
    n_packets, times_s = shown_s(path, source_of(path).zero_s)
    reading = read_film(path, "pyav")
    assert len(reading.times_s) == n_packets
    assert reading.times_s == pytest.approx(times_s, abs=EXACT_S)


@pytest.mark.parametrize("container", twins_slow(["ogg", "ogv"]))
def test_of_a_damaged_film_the_pictures_that_decode_come_at_their_own_times(
    iscc_videos: dict[str, Path], read_film: ReadFilm, container: str
) -> None:
    path = iscc_videos[container]
    # ffmpeg shows 366 of 1441 pictures.
    times_s = ffmpeg.timeline(path).video_s
    reading = read_film(path, "pyav")
    assert len(reading.times_s) == len(times_s)
    assert reading.times_s == pytest.approx(times_s, abs=EXACT_S)
    assert reading.n_refused > 1000


def test_decord_is_kept_from_transport_streams_whose_pictures_it_mixes_up(
    media_dir: Path, source_of: SourceOf
) -> None:
    path = films.hard_cuts(media_dir / "decord.ts", cuts_s=(0.4,), duration_s=1.0).path
    with pytest.raises(InputError, match="decord mixes up the pictures of mpegts"):
        _pictures(path, source_of(path), backend="decord", max_side_px=640)
    footage = _footage(path, source_of(path), backend="decord")
    assert footage.pictures


@pytest.mark.parametrize("container", twins_slow(NOT_BY_DECORD))
def test_decord_refuses_what_it_cannot_read_in_one_line(
    iscc_videos: dict[str, Path], source_of: SourceOf, container: str
) -> None:
    path = iscc_videos[container]
    reader = open_video(path, source_of(path), backend="decord", max_side_px=640)
    with pytest.raises(InputError, match=r"^demo\.\w+: decord [^\n]+$") as caught:
        next(reader.frames())
    assert caught.value.error_type == "unsupported"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("container", films.TURNABLE)
def test_a_turned_film_stands_as_ffmpeg_shows_it(
    media_dir: Path, source_of: SourceOf, container: str, rotation: int, backend: str
) -> None:
    path = media_dir / f"turned_video{rotation}.{container}"
    if not path.exists():
        films.flash_and_beep(path, rotation=rotation, size=(160, 90), duration_s=2.4)
    size = (160, 90) if rotation == 180 else (90, 160)
    assert upright_size(source_of(path), max_side_px=640) == size
    pictures = _pictures(path, source_of(path), backend=backend, max_side_px=640)
    differences = np.abs(pictures.astype(np.int16) - ffmpeg.pictures(path, size))
    assert differences.max() <= 2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("max_side_px", "size"), [(100, (100, 56)), (640, (640, 360)), (4000, (1280, 720))]
)
def test_pictures_are_made_smaller_and_never_larger(
    source_of: SourceOf, backend: str, max_side_px: int, size: tuple[int, int]
) -> None:
    source = source_of(packages.big_buck_bunny())
    assert upright_size(source, max_side_px=max_side_px) == size
    reader = open_video(packages.big_buck_bunny(), source, backend=backend, max_side_px=max_side_px)
    first = next(reader.frames()).picture(*size)
    assert first.shape == (size[1], size[0], 3)


def test_a_small_picture_shows_what_the_large_one_does(source_of: SourceOf) -> None:
    path = packages.big_buck_bunny()
    reader = open_video(path, source_of(path), backend="pyav", max_side_px=1280)
    frame = next(reader.frames())
    large = frame.picture(1280, 720).reshape(90, 8, 160, 8, 3).mean(axis=(1, 3))
    assert np.abs(frame.picture(160, 90) - large).mean() < 3


def test_a_turned_picture_is_made_smaller_the_right_way_round(
    media_dir: Path, source_of: SourceOf
) -> None:
    path = media_dir / "turned_small.mp4"
    films.flash_and_beep(path, rotation=90, size=(320, 180), duration_s=2.4)
    source = source_of(path)
    assert upright_size(source, max_side_px=160) == (90, 160)
    for backend in BACKENDS:
        first = _pictures(path, source, backend=backend, max_side_px=160)[0]
        bar, below = first[2:14], first[32:]
        assert bar[..., 0].mean() > 150
        assert below[..., 0].mean() < 80


@pytest.mark.parametrize("container", ["swf", "mp4"])
def test_a_film_is_read_by_the_second_decoder_where_the_first_cannot(
    iscc_videos: dict[str, Path],
    source_of: SourceOf,
    monkeypatch: pytest.MonkeyPatch,
    container: str,
) -> None:
    path = iscc_videos[container]
    first = "decord" if container == "swf" else "pyav"
    if first == "pyav":
        monkeypatch.setattr(look, "open_video", _without_pyav)
        monkeypatch.setattr(decode, "Sandbox", _NoSandbox)  # another process would not know
    source = source_of(path)
    footage = _footage(path, source, backend=first)
    assert warnings(source, footage.tracks) == ()
    assert len(footage.cuts_s) > 10
    assert len(footage.pictures) > len(footage.cuts_s)


def test_a_film_in_which_decord_gives_up_is_read_on_by_pyav(
    media_dir: Path, source_of: SourceOf
) -> None:
    whole = films.hard_cuts(media_dir / "whole_video.mp4", cuts_s=(2.0, 4.0), duration_s=6.0)
    damaged = media_dir / "damaged_video.mp4"
    damaged.write_bytes(_without_packet(whole.path, 60))
    source = source_of(damaged)
    with pytest.raises(InputError, match="decord gives up"):
        _pictures(damaged, source, backend="decord", max_side_px=640)
    footage = _footage(damaged, source, backend="decord")
    told = " ".join(warnings(source, footage.tracks))
    assert "video: damaged packets were left out: 1, the first at" in told
    assert footage.cuts_s == pytest.approx([2.0, 4.0], abs=0.05)


def _without_packet(path: Path, number: int) -> bytes:
    """A film with one packet overwritten."""
    shown = ("-select_streams", "v", "-show_entries", "packet=pos,size")
    packet = ffmpeg.ffprobe(path, *shown)["packets"][number]
    first, size = int(packet["pos"]), int(packet["size"])
    data = bytearray(path.read_bytes())
    data[first : first + size] = b"\xff" * size
    return bytes(data)


def test_keyframes_are_as_large_as_asked_and_no_larger(
    media_dir: Path, source_of: SourceOf
) -> None:
    path = films.hard_cuts(media_dir / "sizes.mp4", cuts_s=(), duration_s=2.0).path
    for side_px, shape in ((160, (90, 160, 3)), (640, (180, 320, 3))):
        footage = _footage(path, source_of(path), backend="pyav", side_px=side_px)
        assert [from_jpeg(p.jpeg).shape for p in footage.pictures] == [shape]


def _pictures(path: Path, source: Source, *, backend: str, max_side_px: int) -> NDArray[np.uint8]:
    size = upright_size(source, max_side_px=max_side_px)
    reader = open_video(path, source, backend=backend, max_side_px=max_side_px)
    return np.stack([frame.picture(*size) for frame in reader.frames()])


def _footage(path: Path, source: Source, *, backend: str, side_px: int = 640) -> Footage:
    """One film through the whole step, its address its path."""
    config = Config(
        decode=DecodeConfig.model_validate({"backend": backend}),
        keyframes=KeyframeConfig(max_side_px=side_px),
    )
    here = replace(source, uri=str(path))
    step = Decode(config)
    step.setup()
    (footage,) = step.process(Clip(here, 0, 1, 0.0, here.duration_s))
    return footage


def _without_pyav(path: Path, source: Source, *, backend: str, **options: Any) -> VideoReader:
    if backend == "pyav":
        return _Refusing()
    return open_video(path, source, backend=backend, **options)


class _NoSandbox:
    """Makes the calls in this process."""

    def __init__(self, **_: object) -> None:
        """Has no limits."""

    def call(self, target: str, *args: Any, timeout_s: float) -> Any:
        return getattr(look, target.partition(":")[2])(*args)


@dataclass
class _Refusing:
    """A decoder that does not know the format."""

    report: DecodeReport = field(default_factory=DecodeReport)

    def frames(self) -> Iterator[VideoFrame]:
        raise InputError("film: no decoder knows it", error_type="unsupported")


DECORD_THEN_TORCH = """
import sys
from pathlib import Path
from scenelake.schemas.config import TextConfig
from scenelake.workers.probe import probe
from scenelake.workers.text import MiniLm
from scenelake.workers.video import open_video

film = Path(sys.argv[1])
source = probe(film, uri=str(film), video_id="film")
frames = open_video(film, source, backend="decord", max_side_px=160).frames()
assert len(list(frames)) > 100
text = MiniLm(TextConfig())
text.setup()
assert text.encode(["a cat on a mat"] * 200).shape == (200, 384)
"""


def test_models_work_after_a_film_was_read_by_decord() -> None:
    """In a process that has not touched torch before, as when the first film needs decord."""
    command = [sys.executable, "-c", DECORD_THEN_TORCH, str(packages.bikes())]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
