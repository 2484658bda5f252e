"""A film run in clips has the shots, scenes and words that it has run whole."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
from numpy.typing import NDArray
from transformers.models.whisper.english_normalizer import BasicTextNormalizer

from scenelake.pipeline import Lake, run
from scenelake.pipeline.watching.summary import RunSummary
from tests.conftest import Sonnet
from tests.media.muxing import Pictures, Sound, write_film
from tests.media.scenery import drifting_shots, laid_out, trimmed
from tests.media.speech import SPEECH_RATE
from tests.pipeline.light import light_config, light_engines
from tests.pipeline.test_run import check_film

WHOLE_S = 1000.0
CLIP_S = 18.0
SIZE = (96, 54)
TEXT = """
The ferry left the harbour at seven. Nobody on the upper deck had slept. A tall woman counted
the crates twice and wrote the number in a green book. Behind the lighthouse the wind turned
to the north. The captain asked for coffee and a map of the coast. Two children fed bread to
the gulls until their mother called them inside. Later the radio warned of ice near the
islands. The cook laughed and carried on with the soup. By noon the sun had burned away the
fog. They could see the mountains, white above the water. An old man told a story about a
bear that learned to dance. The engine stopped for a minute and started again.
"""
SENTENCES = [" ".join(f"{line}.".split()) for line in TEXT.strip().split(".") if line.strip()]
FILMS = ("sonnet", "paused", "unbroken")

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Ran:
    """A lake, and the films in it by name."""

    lake: Path
    films: dict[str, Path]
    summary: RunSummary

    def video(self, name: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = Lake(self.lake).videos().to_pylist()
        (row,) = (row for row in rows if row["uri"] == str(self.films[name]))
        return row

    def scenes(self, name: str) -> list[dict[str, Any]]:
        video_id = self.video(name)["video_id"]
        rows: list[dict[str, Any]] = Lake(self.lake).scenes(video_id=video_id).to_pylist()
        return rows

    def words(self, name: str) -> list[dict[str, Any]]:
        return [word for scene in self.scenes(name) for word in scene["words"]]

    def transcript(self, name: str) -> str:
        return str(BasicTextNormalizer()(" ".join(word["text"] for word in self.words(name))))


def run_in(folder: Path, films: dict[str, Path], length_s: float, **clips: float) -> Ran:
    config = light_config(clips={"length_s": length_s, "search_s": length_s / 3, **clips})
    return Ran(folder, films, run(films.values(), folder, config=config))


def with_shots(path: Path, samples: Float32, cuts_s: Sequence[float]) -> Path:
    """A film with cuts in which something is said."""
    duration_s = len(samples) / SPEECH_RATE
    first_frames = [0, *(round(25 * cut_s) for cut_s in cuts_s), round(25 * duration_s)]
    pictures = Pictures(drifting_shots(first_frames, 25, SIZE), size=SIZE)
    return write_film(path, pictures=pictures, sound=Sound(samples, rate=SPEECH_RATE))


def as_mp3(path: Path, samples: Float32) -> Path:
    whole = write_film(
        path.with_suffix(".mkv"), pictures=None, sound=Sound(samples, rate=SPEECH_RATE)
    )
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(whole), str(path)], check=True)
    return path


def said(
    sentences: Sequence[str], speak: Callable[..., Float32], *, pauses_s: tuple[float, float]
) -> Float32:
    """Sentences one after another, with pauses of various lengths."""
    rng = np.random.default_rng(3)
    voices = [trimmed(speak(sentence)) for sentence in sentences]
    starts_s = [0.4]
    for voice in voices:
        starts_s.append(starts_s[-1] + len(voice) / SPEECH_RATE + rng.uniform(*pauses_s))
    return laid_out(starts_s[:-1], voices, starts_s[-1] + 0.5)


@pytest.fixture(scope="module", autouse=True)
def _light() -> Iterator[None]:
    with light_engines():
        yield


@pytest.fixture(scope="module")
def inputs(
    media_dir: Path,
    sonnet: Sonnet,
    speak: Callable[..., Float32],
    read_samples: Callable[..., Float32],
) -> dict[str, Path]:
    """A person who reads, a voice with long pauses, and one without any and without pictures."""
    folder = media_dir / "clips"
    folder.mkdir()
    cuts_s = [float(c) for c in np.cumsum(np.random.default_rng(4).uniform(1.5, 5.0, 11))]
    paused = said(SENTENCES[:8], speak, pauses_s=(0.3, 3.0))
    unbroken = said(SENTENCES, speak, pauses_s=(0.05, 0.1))
    return {
        "sonnet": with_shots(folder / "sonnet.mp4", read_samples(sonnet.audio), cuts_s),
        "paused": with_shots(folder / "paused.mkv", paused, [8.0, 21.0, 26.0]),
        "unbroken": as_mp3(folder / "unbroken.mp3", unbroken),
    }


@pytest.fixture(scope="module")
def whole(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run_in(tmp_path_factory.mktemp("whole"), inputs, WHOLE_S)


@pytest.fixture(scope="module")
def clips(inputs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run_in(tmp_path_factory.mktemp("clips"), inputs, CLIP_S)


def test_long_films_are_worked_on_in_clips(whole: Ran, clips: Ran) -> None:
    assert [ran.summary.committed for ran in (whole, clips)] == [3, 3]
    durations_s = [clips.video(name)["duration_s"] for name in FILMS]
    planned = [ceil(duration_s / CLIP_S - 0.1) for duration_s in durations_s]
    assert min(planned) > 1
    n_decoded = [ran.summary.stages["decode"]["items"] for ran in (whole, clips)]
    assert n_decoded == [len(FILMS), sum(planned)]


@pytest.mark.parametrize("name", FILMS)
def test_scenes_and_shots_are_those_of_the_whole(whole: Ran, clips: Ran, name: str) -> None:
    ours, theirs = clips.scenes(name), whole.scenes(name)
    for column in ("start_s", "end_s", "shots", "scene_id", "language"):
        assert [scene[column] for scene in ours] == [scene[column] for scene in theirs]


@pytest.mark.parametrize("name", FILMS)
def test_films_tile_and_hold_each_word_once(clips: Ran, name: str) -> None:
    check_film(clips.scenes(name), clips.video(name)["duration_s"])
    words = clips.words(name)
    assert [word["start_s"] for word in words] == sorted(word["start_s"] for word in words)
    for one, two in pairwise(words):
        assert two["start_s"] >= one["end_s"] - 0.2, (one, two)


@pytest.mark.parametrize("name", FILMS)
def test_the_words_are_those_of_the_whole(whole: Ran, clips: Ran, name: str) -> None:
    assert len(clips.words(name)) > 50
    assert jiwer.wer(whole.transcript(name), clips.transcript(name)) <= 0.01


@pytest.mark.parametrize("name", FILMS)
def test_rows_say_the_same_of_the_film(whole: Ran, clips: Ran, name: str) -> None:
    ours, theirs = clips.video(name), whole.video(name)
    assert {k: v for k, v in ours.items() if k != "provenance"} == {
        k: v for k, v in theirs.items() if k != "provenance"
    }
    assert ours["provenance"]["configs"] == theirs["provenance"]["configs"]


def test_pictures_are_the_same_where_clips_meet_at_cuts(whole: Ran, clips: Ran) -> None:
    ours, theirs = (
        [keyframe for scene in ran.scenes("sonnet") for keyframe in scene["keyframes"]]
        for ran in (clips, whole)
    )
    assert [(k["time_s"], k["jpeg"]) for k in ours] == [(k["time_s"], k["jpeg"]) for k in theirs]
    for one, two in zip(ours, theirs, strict=True):
        assert (one["vector"], one["labels"]) == (two["vector"], two["labels"])


def test_sound_alone_is_one_shot_divided_at_a_pause(clips: Ran) -> None:
    video, scenes = clips.video("unbroken"), clips.scenes("unbroken")
    assert (video["has_video"], video["cuts_s"], len(scenes)) == (False, [], 2)
    assert scenes[0]["end_s"] == pytest.approx(30, abs=5)
    assert [scene["keyframes"] for scene in scenes] == [[], []]


@pytest.mark.slow
def test_clips_that_hear_the_speech_otherwise_lose_and_double_none_of_it(
    inputs: dict[str, Path], whole: Ran, tmp_path: Path
) -> None:
    """With little to listen back to, each divides it anew, and the recogniser wavers a little."""
    films = {"sonnet": inputs["sonnet"]}
    deaf = run_in(tmp_path / "lake", films, CLIP_S, listen_back_s=3.0)
    assert len(deaf.words("sonnet")) == pytest.approx(len(whole.words("sonnet")), abs=4)
    assert jiwer.wer(whole.transcript("sonnet"), deaf.transcript("sonnet")) <= 0.1


def test_nothing_of_the_way_is_left_in_the_lake(clips: Ran) -> None:
    assert [p for p in (clips.lake / "_staging").rglob("*") if p.is_file()] == []
