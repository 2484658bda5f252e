"""A film read as clips has the cuts, keyframes and utterances that it has read whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from scenelake.pipeline.plan import plan_clips
from scenelake.schemas.arrays import Float32
from scenelake.schemas.clips import Clip
from scenelake.schemas.config import Config
from scenelake.schemas.film import Source
from scenelake.schemas.media import Picture, Utterance
from scenelake.workers.look import Looked, listen, look
from tests.conftest import Sonnet
from tests.media import films
from tests.media.muxing import Pictures, Sound, write_film
from tests.media.scenery import drifting_shots
from tests.media.speech import SPEECH_RATE
from tests.params import slow

SourceOf = Callable[[Path], Source]
SIZE = (96, 54)


def config_of(length_s: float, **sections: dict[str, object]) -> Config:
    clips = {"length_s": length_s, "search_s": 0.4 * length_s, "listen_back_s": length_s}
    return Config.model_validate({"clips": clips, **sections})


@dataclass(frozen=True)
class Film:
    """A film, and how it is to be read."""

    path: Path
    source: Source
    config: Config

    @property
    def clips(self) -> list[Clip]:
        return plan_clips(self.source, length_s=self.config.clips.length_s)

    def whole(self) -> Looked:
        (clip,) = plan_clips(self.source, length_s=self.source.duration_s)
        return look(str(self.path), clip, self.config, "pyav")

    def parts(self) -> list[Looked]:
        clips = self.clips
        assert len(clips) > 2
        return [look(str(self.path), clip, self.config, "pyav") for clip in clips]


def cuts_of(parts: Sequence[Looked]) -> list[float]:
    return [cut_s for part in parts for cut_s in part.cuts_s]


def pictures_of(parts: Sequence[Looked]) -> list[Picture]:
    return [picture for part in parts for picture in part.pictures]


def check_same(film: Film) -> list[Looked]:
    """Clips meet at cuts, and have the cuts and keyframes of the whole; gives the clips."""
    whole, parts = film.whole(), film.parts()
    assert cuts_of(parts) == list(whole.cuts_s)
    assert [p.time_s for p in pictures_of(parts)] == [p.time_s for p in whole.pictures]
    assert pictures_of(parts) == list(whole.pictures)
    assert (parts[0].start_s, parts[-1].end_s) == (0.0, film.source.duration_s)
    assert all(one.end_s == two.start_s for one, two in pairwise(parts))
    assert {one.end_s for one in parts[:-1]} <= set(whole.cuts_s)
    assert sum(part.track.n_frames for part in parts) == whole.track.n_frames
    return parts


def check_same_cuts(film: Film) -> list[Looked]:
    """The cuts of the whole, and its pictures each covered by one clip; gives the clips."""
    whole, parts = film.whole(), film.parts()
    assert cuts_of(parts) == list(whole.cuts_s)
    assert all(one.end_s == two.start_s for one, two in pairwise(parts))
    times_s = [p.time_s for p in pictures_of(parts)]
    assert times_s == sorted(set(times_s))
    for part in parts:
        assert all(part.start_s <= p.time_s < part.end_s for p in part.pictures)
    edges_s = [0.0, *whole.cuts_s, film.source.duration_s]
    for start_s, end_s in pairwise(edges_s):
        assert any(start_s <= time_s < end_s for time_s in times_s)
    return parts


@pytest.fixture(scope="module")
def cut_film(media_dir: Path, source_of: SourceOf) -> Callable[..., Film]:
    """``cut_film(cuts_s, duration_s, length_s=…, fps=…)``: a film with cuts, to be read."""

    def build(
        cuts_s: Sequence[float], duration_s: float, *, length_s: float, fps: int = 25
    ) -> Film:
        name = f"look_{hash((*cuts_s, duration_s, fps))}.mp4"
        path = media_dir / name
        if not path.exists():
            films.hard_cuts(path, cuts_s=cuts_s, duration_s=duration_s, fps=fps, size=SIZE)
        return Film(path, source_of(path), config_of(length_s))

    return build


def random_cuts(seed: int, duration_s: float, *, least_s: float, most_s: float) -> list[float]:
    steps_s = np.random.default_rng(seed).uniform(least_s, most_s, 500)
    cuts_s = np.round(np.cumsum(steps_s), 2)
    return [float(cut_s) for cut_s in cuts_s if cut_s < duration_s - least_s]


@pytest.mark.parametrize("seed", [0, *slow(1, 2)])
def test_a_film_with_cuts_near_its_borders_is_the_same_in_clips(
    cut_film: Callable[..., Film], seed: int
) -> None:
    cuts_s = random_cuts(seed, 50.0, least_s=0.8, most_s=3.0)
    parts = check_same(cut_film(cuts_s, 50.0, length_s=10.0))
    assert len(cuts_of(parts)) == len(cuts_s)


@pytest.mark.parametrize("late_frames", [-3, -2, -1, 0, 1, 2])
def test_a_cut_at_the_very_border_is_told_once(
    cut_film: Callable[..., Film], late_frames: int
) -> None:
    cuts_s = [border_s + late_frames / 25 for border_s in (10.0, 20.0)] + [22.0]
    film = cut_film(cuts_s, 30.0, length_s=10.0)
    assert [clip.start_s for clip in film.clips] == [0.0, 10.0, 20.0]
    parts = check_same_cuts(film)
    assert cuts_of(parts) == pytest.approx(cuts_s)
    if late_frames >= 0:
        check_same(film)


def test_where_no_cut_is_near_a_border_the_cuts_are_the_same(
    cut_film: Callable[..., Film],
) -> None:
    """The search ends 4 s after a border."""
    film = cut_film([5.0, 9.0, 15.0, 29.5, 34.5], 40.0, length_s=10.0)
    parts = check_same_cuts(film)
    assert [part.start_s for part in parts] == [0.0, 10.0, 20.0, 30.0]
    assert parts[1].cuts_s == (15.0,)


def test_a_film_without_cuts_is_divided_where_it_was_planned(
    cut_film: Callable[..., Film],
) -> None:
    film = cut_film([], 30.0, length_s=10.0)
    parts = check_same_cuts(film)
    assert cuts_of(parts) == []
    assert [part.start_s for part in parts] == [0.0, 10.0, 20.0]
    assert all(part.pictures for part in parts)


@pytest.mark.parametrize("every_frames", [3, 5, 8, 14])
def test_a_film_that_strobes_for_a_while_is_the_same_in_clips(
    cut_film: Callable[..., Film], every_frames: int
) -> None:
    """Nearer together than a shot may be, so that which of them count hangs on the one before."""
    flicker_s = np.arange(9.0, 12.0, every_frames / 25)
    cuts_s = [2.0, 5.0, *(round(float(t), 2) for t in flicker_s), 14.0, 17.0, 20.4, 23.0, 26.0]
    check_same_cuts(cut_film(cuts_s, 30.0, length_s=10.0))


def test_five_pictures_a_second_are_the_same_in_clips(cut_film: Callable[..., Film]) -> None:
    cuts_s = [round(5 * cut_s) / 5 for cut_s in random_cuts(1, 90.0, least_s=3.4, most_s=6.0)]
    parts = check_same(cut_film(cuts_s, 90.0, length_s=20.0, fps=5))
    assert len(cuts_of(parts)) > 10


def test_a_variable_rate_is_the_same_in_clips(media_dir: Path, source_of: SourceOf) -> None:
    steps_s = np.random.default_rng(7).uniform(0.02, 0.08, 900)
    times_s = np.cumsum(steps_s) - steps_s[0]
    lengths = np.cumsum(np.random.default_rng(8).integers(25, 60, 40))
    first_frames = [0, *lengths[lengths < 860], len(times_s)]
    shots = drifting_shots(first_frames, 25, SIZE)
    frames = ((float(t), shown) for t, (_, shown) in zip(times_s, shots, strict=True))
    path = write_film(
        media_dir / "look_variable.mkv", pictures=Pictures(frames, size=SIZE), sound=None
    )
    parts = check_same(Film(path, source_of(path), config_of(10.0)))
    cut_times_s = times_s[first_frames[1:-1]]
    assert cuts_of(parts) == pytest.approx(cut_times_s, abs=0.001)


@pytest.mark.parametrize("container", ["mp4", *slow("webm", "mpg")])
def test_a_real_film_has_the_same_cuts_in_clips(
    iscc_videos: dict[str, Path], source_of: SourceOf, container: str
) -> None:
    path = iscc_videos[container]
    parts = check_same_cuts(Film(path, source_of(path), config_of(15.0)))
    assert len(cuts_of(parts)) > 15


@pytest.mark.slow
def test_a_music_video_is_the_same_in_clips(music_video: Path, source_of: SourceOf) -> None:
    parts = check_same(Film(music_video, source_of(music_video), config_of(30.0)))
    assert len(cuts_of(parts)) > 100


def hear(film: Film) -> tuple[tuple[Utterance, ...], list[tuple[Utterance, ...]]]:
    """Utterances of the whole, and of each clip."""
    (whole,) = plan_clips(film.source, length_s=film.source.duration_s)
    clips = [whole, *film.clips]
    heard = [listen(str(film.path), clip, film.config).utterances for clip in clips]
    return heard[0], heard[1:]


def check_whole(clip: Clip, utterances: Sequence[Utterance]) -> None:
    """All of them overlap the clip, none another."""
    assert all(u.end_s > clip.start_s and u.start_s < clip.end_s for u in utterances)
    assert all(a.end_s <= b.start_s + 1e-6 for a, b in pairwise(utterances))


def test_sentences_that_cross_borders_are_heard_whole_by_both_clips(
    media_dir: Path, source_of: SourceOf
) -> None:
    """With pauses between them, the clips hear the very utterances that the whole has."""
    said = "The old lighthouse keeper counted the ships that passed along the coast."
    path = media_dir / "look_sentences.mkv"
    films.spoken(path, [(1.0 + 8.5 * i, said) for i in range(6)], size=SIZE)
    film = Film(path, source_of(path), config_of(10.0))
    whole, heard = hear(film)
    for clip, ours in zip(film.clips, heard, strict=True):
        check_whole(clip, ours)
        theirs = [u for u in whole if u.end_s > clip.start_s and u.start_s < clip.end_s]
        assert starts_of(ours) == pytest.approx(starts_of(theirs), abs=0.1)
        ends_s = [u.end_s for u in theirs]
        assert [u.end_s for u in ours] == pytest.approx(ends_s, abs=0.1)
    n_crossing = sum(len(part) for part in heard) - len(whole)
    assert n_crossing > 0


@pytest.mark.parametrize("name", ["read.mp4", "paused.mkv"])
def test_clips_that_listen_back_far_enough_hear_the_very_utterances_of_the_whole(
    media_dir: Path,
    source_of: SourceOf,
    sonnet: Sonnet,
    read_samples: Callable[..., Float32],
    speak: Callable[..., Float32],
    name: str,
) -> None:
    """To the sample, so that a transcriber writes the same words: with pauses or without."""
    said = pausing(speak) if name == "paused.mkv" else np.tile(read_samples(sonnet.audio), 3)
    path = write_film(
        media_dir / f"look_{name}", pictures=None, sound=Sound(said, rate=SPEECH_RATE)
    )
    film = Film(path, source_of(path), in_short_utterances(length_s=20.0))
    (whole,) = plan_clips(film.source, length_s=film.source.duration_s)
    heard = listen(str(path), whole, film.config).utterances
    for clip in film.clips[-2:]:
        assert clip.start_s > film.config.clips.listen_back_s + 10
        ours = listen(str(path), clip, film.config).utterances
        check_whole(clip, ours)
        assert len(ours) > 1
        theirs = [u for u in heard if u.end_s > clip.start_s and u.start_s < clip.end_s]
        assert starts_of(ours) == pytest.approx(starts_of(theirs), abs=1e-6)
        assert [u.samples.tobytes() for u in ours] == [u.samples.tobytes() for u in theirs]


def pausing(speak: Callable[..., Float32]) -> Float32:
    """Minutes of sentences with pauses of 0.3 to 3 s."""
    rng = np.random.default_rng(5)
    said = "The ferry left the harbour at seven. Nobody on the upper deck had slept.".split(". ")
    pauses = [np.zeros(round(rng.uniform(0.3, 3.0) * SPEECH_RATE), np.float32) for _ in range(40)]
    return np.concatenate([part for i in range(40) for part in (speak(said[i % 2]), pauses[i])])


def in_short_utterances(*, length_s: float) -> Config:
    """As films of many minutes are read, in less time."""
    config = config_of(length_s, vad={"max_s": 10.0})
    return config.model_copy(
        update={"clips": config.clips.model_copy(update={"listen_back_s": 65.0})}
    )


def test_speech_heard_from_a_moment_before_is_heard_without_gaps(
    sonnet: Sonnet, source_of: SourceOf
) -> None:
    """Clips may divide it otherwise, but leave nothing out that the whole has."""
    film = Film(sonnet.audio, source_of(sonnet.audio), config_of(12.0))
    whole, heard = hear(film)
    for clip, ours in zip(film.clips, heard, strict=True):
        check_whole(clip, ours)
        for time_s in np.arange(clip.start_s, clip.end_s, 0.1):
            if any(u.start_s + 0.3 <= time_s < u.end_s - 0.3 for u in whole):
                assert any(u.start_s <= time_s < u.end_s for u in ours) or is_quiet(whole, time_s)


def is_quiet(utterances: Sequence[Utterance], time_s: float) -> bool:
    """Whether a tenth of a second of an utterance is a pause of whoever speaks."""
    (one,) = (u for u in utterances if u.start_s <= time_s < u.end_s)
    first = round((time_s - one.start_s) * one.sample_rate)
    return bool(np.abs(one.samples[first : first + one.sample_rate // 10]).mean() < 0.02 * 32767)


def starts_of(utterances: Sequence[Utterance]) -> list[float]:
    return [utterance.start_s for utterance in utterances]


def test_silence_gives_no_clip_an_utterance(media_dir: Path, source_of: SourceOf) -> None:
    path = films.audio_only(media_dir / "look_silent.mkv", duration_s=30.0).path
    film = Film(path, source_of(path), config_of(10.0))
    heard = [listen(str(film.path), clip, film.config) for clip in film.clips]
    assert [len(part.utterances) for part in heard] == [0, 0, 0]
    assert all(part.track.n_frames > 0 for part in heard)
