"""A film's clips become its scenes: everything seen and said is there once, in its place."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from scenelake.pipeline.join import Join
from scenelake.schemas.clips import Heard, Track
from scenelake.schemas.config import Config
from scenelake.schemas.errors import InputError
from scenelake.schemas.flow import Part, Ready
from scenelake.schemas.rows import Scene, ScreenText, Shot
from tests.pipeline.staged import MadeUp, lake_access, random_film

SEEDS = range(30)


def join(clips: Sequence[Heard], *, part_s: float = 300.0, strict: bool = False) -> list[Part]:
    """The parts that come of a film's clips."""
    config = Config.model_validate({"strict": strict, "clips": {"length_s": part_s}})
    with tempfile.TemporaryDirectory() as folder:
        step = Join(config, lake_access(Path(folder)))
        step.setup()
        out = [part for clip in clips for part in step.process(clip)]
    assert all(isinstance(part, Part) for part in out)
    return [part for part in out if isinstance(part, Part)]


def scenes_of(parts: Sequence[Part]) -> list[Scene]:
    return [scene for part in parts for scene in part.scenes]


@functools.cache
def film_and_scenes(seed: int) -> tuple[MadeUp, list[Scene]]:
    """A film read as clips of random lengths, in a random order, given in parts."""
    film = random_film(seed)
    rng = np.random.default_rng(seed)
    n_clips = 1 + seed % 4
    step_s = film.source.duration_s / n_clips
    clips = film.clips([step_s * (i + float(rng.uniform(0.7, 1))) for i in range(n_clips - 1)])
    rng.shuffle(clips)  # type: ignore[arg-type]
    return film, scenes_of(join(clips, part_s=60.0))


@pytest.mark.parametrize("seed", SEEDS)
def test_scenes_tile_the_film(seed: int) -> None:
    film, scenes = film_and_scenes(seed)
    assert scenes[0].start_s == 0.0
    assert scenes[-1].end_s == film.source.duration_s
    assert all(a.end_s == b.start_s for a, b in pairwise(scenes))
    assert [scene.index for scene in scenes] == list(range(len(scenes)))
    assert len({scene.scene_id for scene in scenes}) == len(scenes)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_scene_is_a_run_of_shots_that_tile_it(seed: int) -> None:
    film, scenes = film_and_scenes(seed)
    for scene in scenes:
        assert scene.shots[0].start_s == scene.start_s
        assert scene.shots[-1].end_s == scene.end_s
        assert all(a.end_s == b.start_s for a, b in pairwise(scene.shots))
    assert set(film.cuts_s) <= {shot.start_s for scene in scenes for shot in scene.shots}


@pytest.mark.parametrize("seed", SEEDS)
def test_every_word_is_in_the_one_scene_that_holds_its_middle(seed: int) -> None:
    film, scenes = film_and_scenes(seed)
    by_start = sorted(film.words, key=lambda word: word.start_s)
    assert [w for scene in scenes for w in scene.words] == by_start
    for scene in scenes:
        assert all(scene.start_s <= w.middle_s < scene.end_s for w in scene.words)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_translation_is_in_the_scene_of_what_it_translates(seed: int) -> None:
    _, scenes = film_and_scenes(seed)
    for scene in scenes:
        said = [f"{word.text} in English" for word in scene.words]
        assert [word.text for word in scene.translated_words] == said
        assert scene.translation == " ".join(said)


@pytest.mark.parametrize("seed", SEEDS)
def test_pictures_and_screen_text_are_in_the_scene_that_holds_their_time(seed: int) -> None:
    film, scenes = film_and_scenes(seed)
    found = [k for scene in scenes for k in scene.keyframes]
    assert [k.jpeg for k in found] == [k.jpeg for k in film.keyframes]
    for ours, theirs in zip(found, film.keyframes, strict=True):
        assert (ours.vector == theirs.vector).all()
        assert (ours.time_s, ours.labels, ours.ocr) == (theirs.time_s, theirs.labels, theirs.ocr)
    for scene in scenes:
        assert all(scene.start_s <= k.time_s < scene.end_s for k in scene.keyframes)
        assert list(scene.ocr) == [t for k in scene.keyframes for t in k.ocr]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_film_in_clips_has_the_scenes_of_the_whole(seed: int) -> None:
    film, scenes = film_and_scenes(seed)
    whole = scenes_of(join(film.clips()))
    for ours, theirs in zip(scenes, whole, strict=True):
        assert (ours.start_s, ours.end_s, ours.shots) == (
            theirs.start_s,
            theirs.end_s,
            theirs.shots,
        )
        assert (ours.words, ours.labels, ours.ocr) == (theirs.words, theirs.labels, theirs.ocr)
        if theirs.embedding is not None:
            assert ours.embedding is not None
            assert (ours.embedding == theirs.embedding).all()


def test_parts_are_minutes_of_whole_scenes_in_order_and_say_how_many_they_are() -> None:
    film = MadeUp(tuple(Shot(10.0 * i, 10.0 * i + 10) for i in range(20)))
    parts = join(film.clips([100.0]), part_s=60.0)
    assert [(part.index, part.count, len(part.scenes)) for part in parts] == [
        *((i, 4, 6) for i in range(3)),
        (3, 4, 2),
    ]
    assert {part.facts.n_scenes for part in parts} == {20}


def test_nothing_comes_before_the_last_clip_and_nothing_twice(tmp_path: Path) -> None:
    clips = random_film(3).clips([5.0, 20.0])
    step = Join(Config(), lake_access(tmp_path))
    assert [len(list(step.process(clip))) > 0 for clip in clips] == [False, False, True]
    other = Join(Config(), lake_access(tmp_path))  # a worker that finished its clip just then
    assert list(other.process(clips[1])) == []


def test_a_worker_that_takes_the_place_of_a_dead_one_gives_the_parts_again(tmp_path: Path) -> None:
    clips = random_film(3).clips([5.0, 20.0])
    step = Join(Config(), lake_access(tmp_path))
    first = [part for clip in clips for part in step.process(clip)]
    again = list(Join(Config(), lake_access(tmp_path)).process(clips[-1]))
    assert len(again) == len(first) > 0


def test_a_film_all_of_whose_clips_wait_is_joined_without_them(tmp_path: Path) -> None:
    film = random_film(3)
    access = lake_access(tmp_path)
    for clip in film.clips([5.0, 20.0]):
        access.staging.put_clip("film", clip.clip.index, clip.piece)
    out = list(Join(Config(), access).process(Ready(film.source, 3)))
    parts = [part for part in out if isinstance(part, Part)]
    assert scenes_of(parts)[-1].end_s == film.source.duration_s


def test_screen_text_that_stays_is_told_once() -> None:
    texts = (ScreenText("Gate 7", 0.5, 1.0), ScreenText("gate  7", 0.5, 2.0))
    film = MadeUp((Shot(0.0, 10.0),), times_s=(1.0, 2.0), texts=texts)
    (scene,) = scenes_of(join(film.clips()))
    assert [(t.text, t.time_s) for t in scene.ocr] == [("Gate 7", 1.0)]


def test_a_film_without_words_or_pictures_has_scenes_without_language_and_vector() -> None:
    (scene,) = scenes_of(join(MadeUp((Shot(0.0, 10.0),)).clips([5.0])))
    assert (scene.embedding, scene.language, scene.words) == (None, None, ())


def test_warnings_go_with_the_film_each_once() -> None:
    film = MadeUp((Shot(0.0, 10.0), Shot(10.0, 20.0)), notes=("a plain sentence",))
    (part,) = join(film.clips([5.0]))
    assert part.facts.warnings == ("a plain sentence",)


def test_strict_refuses_a_film_with_a_warning() -> None:
    film = MadeUp((Shot(0.0, 10.0),), notes=("a plain sentence",))
    with pytest.raises(InputError, match="a plain sentence"):
        join(film.clips([5.0]), strict=True)


def test_a_film_of_which_nothing_was_decoded_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    clips = [
        replace(clip, piece=replace(clip.piece, tracks=(Track("video"), Track("audio"))))
        for clip in MadeUp((Shot(0.0, 10.0),)).clips([5.0])
    ]
    step = Join(Config(), lake_access(tmp_path))
    assert list(step.process(clips[0])) == []
    with pytest.raises(InputError, match="no picture and no sound"):
        list(step.process(clips[1]))
    assert list(tmp_path.rglob("*.parquet")) == []


def test_one_damaged_clip_does_not_make_a_film_of_nothing() -> None:
    clips = MadeUp((Shot(0.0, 20.0),), times_s=(15.0,)).clips([10.0])
    lost = Track("video", n_frames=0, notes=("left out: it would not decode",))
    clips[0] = replace(clips[0], piece=replace(clips[0].piece, tracks=(lost,)))
    (part,) = join(clips)
    assert part.facts.warnings == ("left out: it would not decode",)
