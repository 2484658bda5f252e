"""Sound comes as 16 kHz mono, every sample where its time says."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Source
from scenelake.schemas.media import AudioChunk
from scenelake.workers.audio import open_audio
from scenelake.workers.places import SAMPLE_RATE
from tests.media import films, packages

HEARD_S = 0.02
Float32 = NDArray[np.float32]
SourceOf = Callable[[Path], Source]


def chunks_of(path: Path, source: Source) -> list[AudioChunk]:
    return list(open_audio(path, source).chunks())


def whole(path: Path, source: Source) -> Float32:
    return np.concatenate([chunk.data for chunk in chunks_of(path, source)])


def tone(length_s: float, *, rate: int = 48_000, hz: int = 440) -> Float32:
    time_s = np.arange(round(length_s * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def loud_spans_s(samples: Float32) -> list[tuple[float, float]]:
    """Where there is sound, in hundredths of a second."""
    n = SAMPLE_RATE // 100
    level = np.abs(samples[: len(samples) // n * n]).reshape(-1, n).max(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], level > 0.1, [False]]).astype(int)))
    return [(a / 100, b / 100) for a, b in edges.reshape(-1, 2)]


def write_pieces(path: Path, pieces: list[tuple[float, Float32]], *, rate: int = 48_000) -> Path:
    """Plain samples, each piece from its own time on, whatever lies between."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        for start_s, samples in pieces:
            for at in range(0, len(samples), rate // 20):
                block = (samples[at : at + rate // 20] * 32_767).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(block[np.newaxis], format="s16", layout="mono")
                frame.sample_rate = rate
                frame.time_base = Fraction(1, rate)
                frame.pts = round(start_s * rate) + at
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def by_ffmpeg(path: Path, *options: str) -> Path:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *options, str(path)], check=True)
    return path


def test_chunks_follow_each_other_without_a_gap(sonnet_source: tuple[Path, Source]) -> None:
    chunks = chunks_of(*sonnet_source)
    assert len(chunks) > 3
    for one, two in pairwise(chunks):
        assert two.start_s == pytest.approx(one.end_s, abs=1e-9)
    assert {chunk.sample_rate for chunk in chunks} == {SAMPLE_RATE}
    assert max(len(chunk.data) for chunk in chunks) <= 10 * SAMPLE_RATE


@pytest.mark.parametrize("name", "aac ac3 aif mp3 ogg opus wav wv".split())
def test_a_piece_of_music_is_as_long_in_every_format(
    iscc_audio: dict[str, Path], source_of: SourceOf, name: str
) -> None:
    path = iscc_audio[name]
    samples = whole(path, source_of(path))
    # AAC and AC-3 in bare frames cannot say how much of the last one is padding.
    assert len(samples) / SAMPLE_RATE == pytest.approx(15.503, abs=0.05)
    assert np.abs(samples).max() > 0.1


@pytest.mark.parametrize("container", "mp4 mkv webm avi mpg swf flv wmv rm".split())
def test_the_sound_of_a_film_is_as_long_as_its_track(
    iscc_videos: dict[str, Path], source_of: SourceOf, container: str
) -> None:
    path = iscc_videos[container]
    source = source_of(path)
    assert source.audio is not None
    chunks = chunks_of(path, source)
    # WMA's decoder gives nothing for the first two packets.
    assert chunks[0].start_s == pytest.approx(source.audio.start_s, abs=0.1)
    assert chunks[-1].end_s == pytest.approx(source.audio.end_s, abs=0.1)


def test_a_hole_in_the_track_is_silence_of_its_length(media_dir: Path, source_of: SourceOf) -> None:
    path = write_pieces(media_dir / "hole.mkv", [(0.0, tone(1.5)), (4.0, tone(1.0))])
    samples = whole(path, source_of(path))
    assert len(samples) / SAMPLE_RATE == pytest.approx(5.0, abs=HEARD_S)
    spans = loud_spans_s(samples)
    assert np.array(spans) == pytest.approx(np.array([(0.0, 1.5), (4.0, 5.0)]), abs=HEARD_S)
    assert not samples[int(1.6 * SAMPLE_RATE) : int(3.9 * SAMPLE_RATE)].any()


def test_a_hole_longer_than_a_chunk_does_not_break_the_chunks(
    media_dir: Path, source_of: SourceOf
) -> None:
    path = write_pieces(media_dir / "long_hole.mkv", [(0.0, tone(1.0)), (26.0, tone(1.0))])
    chunks = chunks_of(path, source_of(path))
    assert all(two.start_s == pytest.approx(one.end_s) for one, two in pairwise(chunks))
    assert max(len(chunk.data) for chunk in chunks) <= 10 * SAMPLE_RATE
    spans = loud_spans_s(np.concatenate([chunk.data for chunk in chunks]))
    assert np.array(spans) == pytest.approx(np.array([(0.0, 1.0), (26.0, 27.0)]), abs=HEARD_S)


def test_sound_that_comes_twice_is_heard_once(media_dir: Path, source_of: SourceOf) -> None:
    """Up to a second of it; time stamps that go back further are of another recording."""
    path = media_dir / "twice.ts"
    pieces = []
    for start_s in (1.0, 2.4):
        piece = media_dir / f"piece{start_s}.ts"
        sine = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-c:a", "mp2")
        by_ffmpeg(piece, *sine, "-output_ts_offset", str(start_s), "-muxdelay", "0")
        pieces.append(piece.read_bytes())
    path.write_bytes(b"".join(pieces))
    samples = whole(path, source_of(path))
    assert len(samples) / SAMPLE_RATE == pytest.approx(3.4, abs=0.15)


def test_times_that_jitter_make_neither_holes_nor_repeats(
    media_dir: Path, source_of: SourceOf
) -> None:
    rng = np.random.default_rng(3)
    sound = tone(5.0)
    starts = np.arange(100) * 0.05
    pieces = [
        (max(0.0, start_s + rng.uniform(-0.02, 0.02)), sound[i * 2400 : (i + 1) * 2400])
        for i, start_s in enumerate(starts)
    ]
    path = write_pieces(media_dir / "jitter.mkv", pieces)
    samples = whole(path, source_of(path))
    assert len(samples) / SAMPLE_RATE == pytest.approx(5.0, abs=HEARD_S)
    assert loud_spans_s(samples) == [(0.0, pytest.approx(5.0, abs=HEARD_S))]


@pytest.mark.parametrize(
    ("rate", "channels"), [(8_000, 1), (22_050, 2), (44_100, 1), (48_000, 6), (96_000, 2)]
)
def test_any_rate_and_any_channels_become_16_khz_mono(
    tmp_path: Path, source_of: SourceOf, rate: int, channels: int
) -> None:
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    path = by_ffmpeg(
        tmp_path / "tone.wav",
        *("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate={rate}:duration=3"),
        *("-af", f"aformat=channel_layouts={layout},volume=4"),
    )
    samples = whole(path, source_of(path))
    assert len(samples) == pytest.approx(3 * SAMPLE_RATE, abs=HEARD_S * SAMPLE_RATE)
    spectrum = np.abs(np.fft.rfft(samples[: 2 * SAMPLE_RATE]))
    assert np.argmax(spectrum) / 2 == pytest.approx(440, abs=1)


def test_a_change_of_rate_in_mid_track_is_heard_at_its_time(
    tmp_path: Path, source_of: SourceOf
) -> None:
    pieces = []
    for rate, hz in ((44_100, 440), (22_050, 880)):
        sine = f"sine=frequency={hz}:sample_rate={rate}:duration=2"
        piece = tmp_path / f"{rate}.mp3"
        by_ffmpeg(piece, "-f", "lavfi", "-i", sine, "-af", "volume=4", "-id3v2_version", "0")
        pieces.append(piece.read_bytes())
    path = tmp_path / "joined.mp3"
    path.write_bytes(b"".join(pieces))
    samples = whole(path, source_of(path))
    assert len(samples) / SAMPLE_RATE == pytest.approx(4.0, abs=0.2)
    for start_s, hz in ((0.5, 440), (2.5, 880)):
        first = int(start_s * SAMPLE_RATE)
        spectrum = np.abs(np.fft.rfft(samples[first : first + SAMPLE_RATE]))
        assert np.argmax(spectrum) == pytest.approx(hz, abs=2)


def test_a_film_without_sound_says_so(media_dir: Path, source_of: SourceOf) -> None:
    path = films.video_only(media_dir / "mute_audio.mp4", duration_s=1.0).path
    with pytest.raises(InputError, match=r"mute_audio\.mp4: holds no sound"):
        open_audio(path, source_of(path))


def test_a_file_that_breaks_off_is_heard_as_far_as_it_goes(
    media_dir: Path, source_of: SourceOf
) -> None:
    path = write_pieces(media_dir / "whole_sound.mkv", [(0.0, tone(4.0))])
    half = media_dir / "half_sound.mkv"
    half.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    samples = whole(half, source_of(half))
    assert len(samples) / SAMPLE_RATE == pytest.approx(2.0, abs=0.1)


@pytest.fixture(scope="module")
def sonnet_source(source_of: SourceOf) -> tuple[Path, Source]:
    path = packages.sonnet_audio()
    return path, source_of(path)
