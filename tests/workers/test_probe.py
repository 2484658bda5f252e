"""What a film is told to be is what its packets say, whatever its header claims."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Source
from scenelake.workers.probe import check_readable, content_id, probe
from scenelake.workers.video import open_video
from tests.media import damage, films, packages
from tests.media.ffmpeg import ffprobe

NEAR_S = 0.2
PRESKIP_S = 0.0075
"""Older versions of ffmpeg let an Opus stream start this much before its first sound."""

VIDEOS = """
    3g2 3gp asf avi f4v flv gif m1v m4v mkv mov mp4 mpeg mpg ogg ogv rm swf vob webm wmv
    """.split()
AUDIO = "aac ac3 aif mp3 ogg opus wav wv".split()
LYING = {"m1v", "swf", "asf", "aac"}
"""Whose header is more than 0.2 s off: m1v claims 0.1 s of 60 s, swf nothing, asf 0.5 s too
much, aac 1.1 s too little."""

SourceOf = Callable[[Path], Source]


@dataclass(frozen=True)
class Truth:
    """What ffprobe finds in the packets, and what the header claims."""

    duration_s: float
    header_s: float


def by_packets(path: Path) -> Truth:
    entries = "packet=pts_time,dts_time,duration_time:stream=start_time:format=duration"
    told = ffprobe(path, "-show_entries", entries)
    starts, ends = [], []
    for packet in told["packets"]:
        start_s = float(packet.get("pts_time", packet.get("dts_time", "nan")))
        starts.append(start_s)
        ends.append(start_s + float(packet.get("duration_time", 0)))
    told_starts = [float(s["start_time"]) for s in told["streams"] if "start_time" in s]
    zero_s = min(told_starts, default=float(np.nanmin(starts)))
    header_s = float(told["format"].get("duration", 0.0))
    return Truth(duration_s=float(np.nanmax(ends)) - zero_s, header_s=header_s)


@pytest.fixture(scope="session")
def iscc(iscc_videos: dict[str, Path], iscc_audio: dict[str, Path]) -> dict[str, Path]:
    audio = {f"audio/{name}": path for name, path in iscc_audio.items()}
    return {**{f"video/{name}": path for name, path in iscc_videos.items()}, **audio}


@pytest.mark.parametrize("name", [*(f"video/{v}" for v in VIDEOS), *(f"audio/{a}" for a in AUDIO)])
def test_a_film_lasts_as_long_as_its_packets(
    iscc: dict[str, Path], source_of: SourceOf, name: str
) -> None:
    truth = by_packets(iscc[name])
    source = source_of(iscc[name])
    assert source.duration_s == pytest.approx(truth.duration_s, abs=NEAR_S)
    header_lies = abs(truth.header_s - truth.duration_s) > NEAR_S
    assert header_lies == (name.split("/")[1] in LYING)
    assert source.warnings == ()


def test_every_sample_is_looked_at(iscc: dict[str, Path]) -> None:
    assert set(iscc) == {*(f"video/{v}" for v in VIDEOS), *(f"audio/{a}" for a in AUDIO)}


@pytest.mark.parametrize("container", ["asf", "f4v", "flv", "mp4", "mpg", "webm", "wmv"])
def test_streams_start_where_ffprobe_says_on_a_clock_that_starts_with_the_first(
    iscc_videos: dict[str, Path], source_of: SourceOf, container: str
) -> None:
    told = ffprobe(iscc_videos[container], "-show_entries", "stream=codec_type,start_time")
    starts = {s["codec_type"]: float(s["start_time"]) for s in told["streams"]}
    source = source_of(iscc_videos[container])
    found = {stream.kind: stream.start_s + source.zero_s for stream in source.streams}
    exact_s = PRESKIP_S if container == "webm" else 0.001
    assert found == pytest.approx(starts, abs=exact_s)
    assert min(stream.start_s for stream in source.streams) == 0.0


def test_a_late_audio_track_starts_late(media_dir: Path, source_of: SourceOf) -> None:
    film = films.flash_and_beep(media_dir / "late_probe.mp4", audio_offset_s=0.7, size=(160, 90))
    source = source_of(film.path)
    assert source.audio is not None
    assert source.audio.start_s == pytest.approx(0.7, abs=0.03)
    assert source.duration_s == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_turned_film_says_by_how_much(
    media_dir: Path, source_of: SourceOf, rotation: int
) -> None:
    film = films.flash_and_beep(
        media_dir / f"turned_probe{rotation}.mov", rotation=rotation, size=(160, 90)
    )
    video = source_of(film.path).video
    assert video is not None
    assert (video.rotation, video.width, video.height) == (rotation, 160, 90)


def test_a_turned_film_is_known_by_its_first_sound_picture(media_dir: Path) -> None:
    film = films.flash_and_beep(
        media_dir / "turned_damaged.mp4", rotation=90, size=(160, 90), b_frames=False
    )
    first = ffprobe(
        film.path, "-select_streams", "v", "-show_entries", "packet=pos,size", "-show_packets"
    )["packets"][0]
    data = bytearray(film.path.read_bytes())
    data[int(first["pos"]) : int(first["pos"]) + int(first["size"])] = b"\xff" * int(first["size"])
    damaged = media_dir / "turned_damaged_first.mp4"
    damaged.write_bytes(data)
    video = probe(damaged, uri="damaged", video_id="film").video
    assert video is not None
    assert video.rotation == 90


def test_album_art_is_not_a_film(source_of: SourceOf) -> None:
    path = packages.ISCC.file("iscc_samples/files/audio/withcover.mp3")
    pictures = ffprobe(path, "-select_streams", "v", "-show_streams")["streams"]
    assert len(pictures) == 1
    source = source_of(path)
    assert source.video is None
    assert source.audio is not None


def test_a_film_that_was_cut_off_is_as_long_as_what_is_left(
    media_dir: Path, source_of: SourceOf
) -> None:
    whole = films.hard_cuts(
        media_dir / "whole_probe.mkv", cuts_s=(2.0, 4.0), duration_s=6.0, size=(160, 90)
    )
    half = damage.truncated(whole.path, media_dir / "half_probe.mkv", keep=0.5)
    source = source_of(half)
    assert source.duration_s == pytest.approx(by_packets(half).duration_s, abs=0.05)
    assert source.duration_s < 5
    (warning,) = source.warnings
    assert "of the 6.0 s its header tells" in warning
    assert f"{source.duration_s:.1f} s" in warning


STRAY_PACKET = bytes.fromhex("4741ff10 000001c0 00008080 05210001 0001").ljust(188, b"\xff")
"""188 bytes of MPEG audio in a transport stream, of a track that its tables do not name."""


def test_a_transport_stream_in_which_a_stray_track_turns_up_is_read(
    media_dir: Path, source_of: SourceOf
) -> None:
    whole = films.video_only(media_dir / "whole_probe.ts").path.read_bytes()
    middle = len(whole) // 188 // 2 * 188
    path = media_dir / "stray_probe.ts"
    path.write_bytes(whole[:middle] + STRAY_PACKET + whole[middle:])
    source = source_of(path)
    assert source.duration_s == pytest.approx(3.0, abs=0.05)
    assert [stream.kind for stream in source.streams] == ["video"]
    reader = open_video(path, source, backend="pyav", max_side_px=320)
    assert len(list(reader.frames())) == 75


def test_a_copy_under_another_name_is_the_same_film(media_dir: Path, music_video: Path) -> None:
    copy = media_dir / "renamed.bin"
    shutil.copyfile(music_video, copy)
    assert content_id(copy) == content_id(music_video)


def test_a_film_that_differs_in_its_last_byte_is_another(media_dir: Path) -> None:
    one, two = media_dir / "one.bin", media_dir / "two.bin"
    data = bytes(3 << 20)
    one.write_bytes(data)
    two.write_bytes(data[:-1] + b"\x01")
    assert content_id(one) != content_id(two)


def still_picture(path: Path, *, suffix: str) -> Path:
    picture = path.with_suffix(suffix)
    assert cv2.imwrite(str(picture), np.full((90, 160, 3), 80, np.uint8))
    return picture


def without_packets(path: Path) -> Path:
    """A sound header and not one picture."""
    pictures = ["-f", "lavfi", "-i", "color=size=160x90", "-frames:v", "0"]
    subprocess.run(["ffmpeg", "-v", "quiet", *pictures, str(path)], check=True)
    return path


def without_samples(path: Path) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
    return path


def a_folder(path: Path) -> Path:
    path.mkdir()
    return path


def a_pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


BAD = {
    "empty.mp4": (damage.empty_file, "empty"),
    "text.mp4": (damage.text_file, "unsupported"),
    "letter.txt": (damage.text_file, "unsupported"),
    "zero.mp4": (without_packets, "empty"),
    "zero.wav": (without_samples, "empty"),
    "noindex.mp4": (damage.without_index, "unsupported"),
    "missing.mp4": (lambda path: path, "not_found"),
    "folder.mp4": (a_folder, "unsupported"),
    "pipe.mp4": (a_pipe, "unsupported"),
    "still.png": (lambda path: still_picture(path, suffix=".png"), "unsupported"),
    "still.jpg": (lambda path: still_picture(path, suffix=".jpg"), "unsupported"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_film_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    build: Any
    build, error_type = BAD[name]
    path = build(tmp_path / name)
    with pytest.raises(InputError) as caught:
        probe(path, uri=str(path), video_id="film")
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert caught.value.error_type == error_type


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    path = damage.text_file(tmp_path / "secret.mp4")
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read") as caught:
        check_readable(path, uri=str(path))
    assert caught.value.error_type == "permission"


def test_a_folder_that_may_not_be_listed_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied") as caught:
        check_readable(tmp_path, uri=str(tmp_path))
    assert caught.value.error_type == "permission"
