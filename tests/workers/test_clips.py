"""A film read in pieces gives what it gives read whole: pictures, times, sound, reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Source
from scenelake.workers import packets
from scenelake.workers.places import SAMPLE_RATE
from scenelake.workers.probe import probe
from tests.conftest import Sonnet
from tests.media import damage, films
from tests.params import slow

from .pieces import (
    CHIRP,
    FILMS,
    LENGTH_S,
    PICTURES,
    SOUNDS,
    badly_interleaved,
    check_pictures,
    check_sound,
    ffmpeg,
    hear,
    off_by,
    see,
    spans_of,
    total,
)

SourceOf = Callable[[Path], Source]
FilmOf = Callable[[str], Path]

NOT_SOUGHT = {"mpeg2.mpg", "mpeg2.vob"}
BY_DECORD = ("h264.mp4", "h264.mov", "vp8.webm")
JITTER_S = 0.035
"""What a track of sound may be off its time stamps."""


@pytest.fixture(scope="module")
def film_of(media_dir: Path) -> FilmOf:
    """``film_of(name)``: moving pictures and a rising tone, written as the name says."""

    def film(name: str) -> Path:
        path = media_dir / f"clips_{name}"
        if not path.exists():
            inputs = (*PICTURES, *CHIRP) if name in FILMS else CHIRP
            ffmpeg(path, *inputs, *(FILMS | SOUNDS)[name].split())
        return path

    return film


@pytest.mark.parametrize("name", FILMS)
def test_pieces_show_the_pictures_of_the_whole_at_their_times(
    film_of: FilmOf, source_of: SourceOf, name: str
) -> None:
    pieces = check_pictures(film_of(name), source_of(film_of(name)))
    assert min(len(piece.times_s) for piece in pieces) > 40


@pytest.mark.parametrize("name", BY_DECORD)
def test_decord_shows_them_too_where_it_finds_its_way(
    film_of: FilmOf, source_of: SourceOf, name: str
) -> None:
    check_pictures(film_of(name), source_of(film_of(name)), backend="decord")


@pytest.mark.parametrize("name", ["open.mp4", "hevc.mkv", "mpeg2.mpg", "mpeg4.avi", "h264.flv"])
def test_decord_is_kept_from_the_middle_of_films_where_it_shows_other_pictures(
    film_of: FilmOf, source_of: SourceOf, name: str
) -> None:
    source = source_of(film_of(name))
    with pytest.raises(InputError, match="decord does not find its way into the middle"):
        see(film_of(name), source, (12.0, 15.0), backend="decord")


@pytest.mark.parametrize("name", [*FILMS, *SOUNDS])
def test_pieces_sound_as_the_whole_does(film_of: FilmOf, source_of: SourceOf, name: str) -> None:
    check_sound(film_of(name), source_of(film_of(name)))


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("m4a", "aac"),
        ("mka", "aac"),
        ("ts", "aac"),
        ("webm", "libopus"),
        ("mp3", "libmp3lame"),
        ("mka", "ac3"),
    ],
)
def test_a_late_piece_has_the_samples_of_the_whole(
    sonnet: Sonnet, media_dir: Path, source_of: SourceOf, suffix: str, codec: str
) -> None:
    """To the bit, noise that decoders make up included: a transcriber may hang on a bit."""
    path = ffmpeg(media_dir / f"late_{codec}.{suffix}", "-i", str(sonnet.audio), "-c:a", codec)
    (first, *more), _ = hear(path, source_of(path), (0.0, np.inf))
    (late, *later), _ = hear(path, source_of(path), (27.1234, np.inf))
    whole = np.concatenate([chunk.data for chunk in (first, *more)])
    piece = np.concatenate([chunk.data for chunk in (late, *later)])
    since = (late.start_s - first.start_s) * SAMPLE_RATE
    assert since == pytest.approx(round(since), abs=1e-3)
    n_unsure = round((41 - late.start_s) * SAMPLE_RATE)
    assert len(piece) - n_unsure > 10 * SAMPLE_RATE
    assert np.array_equal(piece[n_unsure:], whole[round(since) + n_unsure :])


@pytest.mark.parametrize("name", FILMS)
def test_a_late_piece_is_not_read_from_the_beginning(
    film_of: FilmOf, source_of: SourceOf, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = source_of(film_of(name))
    led: list[bool] = []
    seek_to = packets.seek_to

    def noting(*args: object, **named: object) -> bool:
        led.append(seek_to(*args, **named))  # type: ignore[arg-type]
        return led[-1]

    monkeypatch.setattr(packets, "seek_to", noting)
    see(film_of(name), source, (20.0, 21.0))
    assert led == ([] if name in NOT_SOUGHT else [True])


@pytest.mark.parametrize("name", ["open.mp4", "open.ts", "vp8.webm"])
def test_a_seek_that_goes_wrong_changes_nothing(
    film_of: FilmOf, source_of: SourceOf, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = source_of(film_of(name))
    shown = see(film_of(name), source, (20.0, 21.0))
    later = tuple(replace(e, dts=10**9, pts=e.pts) for e in source.entries)
    if name == "open.ts":
        monkeypatch.setattr("scenelake.workers.container._BY_POSITION", ())
    misled = see(film_of(name), replace(source, entries=later), (20.0, 21.0))
    assert np.array_equal(misled.times_s, shown.times_s)
    assert np.array_equal(misled.pictures, shown.pictures)


def test_another_file_than_the_one_probed_is_not_taken_for_it(
    film_of: FilmOf, source_of: SourceOf
) -> None:
    source = source_of(film_of("h264.mp4"))
    with pytest.raises(InputError, match="is not the file that was probed"):
        see(film_of("open.mp4"), source, (20.0, 21.0))


def test_entries_are_keyframes_in_time_order_some_seconds_apart(
    film_of: FilmOf, source_of: SourceOf
) -> None:
    for name in FILMS:
        times_s = [entry.time_s for entry in source_of(film_of(name)).entries]
        assert len(times_s) >= 3
        assert 5.0 <= min(b - a for a, b in pairwise(times_s)) < 7.0


def remuxed(film: Path, name: str, *options: str, before: Sequence[str] = ()) -> Path:
    return ffmpeg(film.with_name(name), *before, "-i", str(film), "-c", "copy", *options)


def late_sound(film: Path, name: str) -> Path:
    """The pictures' sound nine seconds late, so that pieces begin before it does."""
    inputs = ("-i", str(film), "-itsoffset", "9", "-i", str(film), "-map", "0:v", "-map", "1:a")
    return ffmpeg(film.with_name(name), *inputs, "-c", "copy")


ODD: dict[str, Callable[[Path], Path]] = {
    "cut by an edit list": lambda p: remuxed(p, "clips_edit.mp4", before=("-ss", "1.3")),
    "started before zero": lambda p: remuxed(p, "clips_minus.mkv", "-output_ts_offset", "-3"),
    "started late": lambda p: remuxed(p, "clips_late.ts", "-output_ts_offset", "5000"),
    "with late sound": lambda p: late_sound(p, "clips_late_sound.mp4"),
    "with late sound in mkv": lambda p: late_sound(p, "clips_late_sound.mkv"),
}


@pytest.mark.parametrize("how", ODD)
def test_a_film_with_odd_times_is_the_same_in_pieces(film_of: FilmOf, how: str) -> None:
    path = ODD[how](film_of("open.mp4"))
    source = probe(path, uri=path.name, video_id="film")
    check_pictures(path, source)
    whole, report = hear(path, source, (0.0, np.inf))
    heard = [hear(path, source, span) for span in spans_of(source)]
    chunks = [chunk for piece, _ in heard for chunk in piece]
    assert chunks[0].start_s == pytest.approx(whole[0].start_s, abs=0.001)
    assert off_by(chunks, whole).max() < 0.001
    assert total([r for _, r in heard]) == total([report])


@pytest.mark.parametrize("container", ["mp4", "mkv", "webm", "ts", "mov"])
def test_pictures_at_uneven_times_are_the_same_in_pieces(
    media_dir: Path, source_of: SourceOf, container: str
) -> None:
    path = media_dir / f"clips_uneven.{container}"
    films.flash_and_beep(
        path, duration_s=16.0, variable_rate=True, first_timestamp_s=1.4, size=(64, 36)
    )
    check_pictures(path, source_of(path))


def test_a_turned_film_is_upright_in_pieces(media_dir: Path, source_of: SourceOf) -> None:
    path = media_dir / "clips_turned.mp4"
    films.flash_and_beep(path, duration_s=14.0, rotation=90, size=(64, 36))
    pieces = check_pictures(path, source_of(path))
    assert pieces[-1].pictures.shape[1:3] == (64, 36)


@pytest.mark.parametrize("ahead_s", [8.0, -8.0])
@pytest.mark.parametrize("container", ["mkv", "flv"])
def test_sound_far_from_its_pictures_in_the_file_is_not_lost(
    film_of: FilmOf, source_of: SourceOf, container: str, ahead_s: float
) -> None:
    whole = film_of("h264.mp4")
    path = badly_interleaved(
        whole, whole.with_name(f"clips_ahead{ahead_s}.{container}"), ahead_s=ahead_s
    )
    check_pictures(path, source_of(path))
    check_sound(path, source_of(path))


def test_two_recordings_in_one_file_are_the_same_in_pieces(
    film_of: FilmOf, source_of: SourceOf, media_dir: Path
) -> None:
    """The second's time stamps start anew, so that a place in time is two places in the file."""
    path = media_dir / "clips_joined.ts"
    first, second = film_of("open.ts"), film_of("refresh.ts")
    path.write_bytes(first.read_bytes() + second.read_bytes())
    source = source_of(path)
    assert source.duration_s == pytest.approx(2 * LENGTH_S, abs=0.2)
    check_pictures(path, source)
    whole, _ = hear(path, source, (0.0, np.inf))
    chunks = [chunk for span in spans_of(source) for chunk in hear(path, source, span)[0]]
    assert all(abs(b.start_s - a.end_s) < JITTER_S for a, b in pairwise(chunks))
    assert chunks[-1].end_s == pytest.approx(whole[-1].end_s, abs=JITTER_S)


@pytest.mark.parametrize("name", ["open.mkv", "open.ts", "mpeg4.avi", "mpeg2.mpg", "vp8.webm"])
def test_a_film_that_breaks_off_is_the_same_in_pieces_and_has_nothing_after(
    film_of: FilmOf, source_of: SourceOf, media_dir: Path, name: str
) -> None:
    path = damage.truncated(film_of(name), media_dir / f"clips_broken_{name}", keep=0.6)
    source = source_of(path)
    check_pictures(path, source)
    check_sound(path, source)
    planned = replace(source_of(film_of(name)), entries=source.entries)
    after = see(path, planned, (20.0, 22.0))
    assert len(after.times_s) == 0
    assert hear(path, planned, (20.0, 22.0))[0] == []
    assert total([after.report]) == (0, 0, [], [])


@pytest.mark.parametrize("seed", [1, *slow(2)])
@pytest.mark.parametrize("name", ["h264.mp4", "open.ts", "open.mkv", "mpeg4.avi", "mpeg2.mpg"])
def test_a_damaged_film_is_the_same_in_pieces(
    film_of: FilmOf, source_of: SourceOf, media_dir: Path, name: str, seed: int
) -> None:
    path = damage.flipped_bytes(
        film_of(name), media_dir / f"clips_damaged{seed}_{name}", seed=seed, n=25
    )
    source = source_of(path)
    check_pictures(path, source)
    _, report = hear(path, source, (0.0, np.inf))
    assert total([hear(path, source, span)[1] for span in spans_of(source)]) == total([report])


def test_a_piece_that_ends_before_it_starts_is_refused(
    film_of: FilmOf, source_of: SourceOf
) -> None:
    source = source_of(film_of("h264.mp4"))
    with pytest.raises(ValueError, match=r"9\.0\.\.3\.0 s is not a span"):
        see(film_of("h264.mp4"), source, (9.0, 3.0))
