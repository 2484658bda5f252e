"""Scenes tile the film, and everything seen and said is in the scene that holds its time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from scenelake.schemas.config import Config, SceneConfig
from scenelake.schemas.flow import (
    Clip,
    Film,
    Footage,
    Heard,
    Picture,
    Read,
    Seen,
    Source,
    Stream,
    VisualEncoding,
)
from scenelake.schemas.rows import Label, ScreenText, Shot, Word
from scenelake.workers.align import Align, scene_spans

SEEDS = range(60)
MIN_S, MAX_S = 2.0, 30.0
DIM = 4


def random_shots(rng: np.random.Generator, duration_s: float) -> tuple[Shot, ...]:
    """Shots of half a second to two minutes that tile a film."""
    edges = [0.0]
    while edges[-1] < duration_s:
        edges.append(edges[-1] + float(np.exp(rng.uniform(np.log(0.5), np.log(120)))))
    inner = [edge for edge in edges[1:-1] if edge < duration_s - 0.1]
    return tuple(Shot(a, b) for a, b in pairwise([0.0, *inner, duration_s]))


def random_words(rng: np.random.Generator, duration_s: float) -> tuple[Word, ...]:
    """Words of 0.1 to 0.6 s, sometimes with a pause between, now and then overlapping."""
    words, at_s = [], float(rng.uniform(0, 3))
    while at_s < duration_s - 0.7:
        length_s = float(rng.uniform(0.1, 0.6))
        words.append(Word(f"w{len(words)}", at_s, at_s + length_s, 0.9))
        pause_s = rng.choice([0.0, 0.0, 0.05, 0.3, 4.0, -0.05])
        at_s += max(0.05, length_s + float(pause_s))
    return tuple(words)


def random_film(seed: int) -> Heard:
    rng = np.random.default_rng(seed)
    duration_s = float(rng.uniform(1.0, 400.0))
    shots, words = random_shots(rng, duration_s), random_words(rng, duration_s)
    times_s = np.sort(rng.uniform(0, duration_s, size=rng.integers(0, 40)))
    return heard(shots, words, times_s)


def heard(
    shots: Sequence[Shot], words: Sequence[Word] = (), times_s: Sequence[float] | np.ndarray = ()
) -> Heard:
    duration_s = shots[-1].end_s
    stream = Stream(0, "video", "h264", 0.0, duration_s, 100, 25.0, 320, 180)
    source = Source("film", "film.mp4", "mp4", duration_s, 0.0, (stream,), 1000)
    times = np.asarray(times_s, dtype=np.float64)
    vectors = np.random.default_rng(0).normal(size=(len(times), DIM)).astype(np.float32)
    encoding = VisualEncoding(
        vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if len(times) else vectors,
        time_s=times,
        labels=tuple((Label(f"thing{i % 7}", 0.1 + i % 5 / 10),) for i in range(len(times))),
        model="test@1",
    )
    footage = Footage(
        clip=Clip(source, 0, 1, 0.0, duration_s),
        shots=tuple(shots),
        pictures=tuple(Picture(float(t), f"jpeg {t}".encode()) for t in times),
        utterances=(),
        warnings=("a plain sentence",),
    )
    texts = tuple(ScreenText(f"line {t}", 0.9, float(t)) for t in times)
    return Heard(Read(Seen(footage, encoding), texts), tuple(words), "en")


def align(film: Heard, config: Config | None = None) -> Film:
    step = Align(config or Config())
    step.setup()
    (aligned,) = step.process(film)
    return aligned


def inside_a_word(time_s: float, words: Sequence[Word]) -> bool:
    return any(w.start_s < time_s < w.end_s for w in words)


def has_pause(shot: Shot, words: Sequence[Word]) -> bool:
    """Whether there is an instant of a shot in which nobody speaks."""
    spoken = sorted((w.start_s, w.end_s) for w in words if w.end_s > shot.start_s)
    quiet_from_s = shot.start_s
    for start_s, end_s in spoken:
        if start_s > quiet_from_s:
            break
        quiet_from_s = max(quiet_from_s, end_s)
    return quiet_from_s < shot.end_s


@pytest.mark.parametrize("seed", SEEDS)
def test_scenes_tile_the_film(seed: int) -> None:
    film = random_film(seed)
    scenes = align(film).scenes
    assert scenes[0].start_s == 0.0
    assert scenes[-1].end_s == film.read.seen.footage.clip.end_s
    assert all(a.end_s == b.start_s for a, b in pairwise(scenes))
    assert [scene.index for scene in scenes] == list(range(len(scenes)))
    assert len({scene.scene_id for scene in scenes}) == len(scenes)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_scene_is_a_run_of_shots_that_tile_it(seed: int) -> None:
    film = random_film(seed)
    cuts_s = {shot.start_s for shot in film.read.seen.footage.shots}
    scenes = align(film).scenes
    for scene in scenes:
        assert scene.shots[0].start_s == scene.start_s
        assert scene.shots[-1].end_s == scene.end_s
        assert all(a.end_s == b.start_s for a, b in pairwise(scene.shots))
    # No cut of the film is lost, and none is made up but in a shot that is too long.
    starts_s = [shot.start_s for scene in scenes for shot in scene.shots]
    assert cuts_s <= set(starts_s)
    for start_s in set(starts_s) - cuts_s:
        (whole,) = (s for s in film.read.seen.footage.shots if s.start_s < start_s < s.end_s)
        assert whole.end_s - whole.start_s > MAX_S


@pytest.mark.parametrize("seed", SEEDS)
def test_no_scene_is_shorter_than_the_least_unless_the_film_is(seed: int) -> None:
    film = random_film(seed)
    scenes = align(film).scenes
    least_s = min(MIN_S, film.read.seen.footage.clip.end_s)
    assert min(scene.end_s - scene.start_s for scene in scenes) >= least_s - 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_long_shot_is_not_divided_inside_a_word(seed: int) -> None:
    film = random_film(seed)
    shots, words = film.read.seen.footage.shots, film.words
    made_s = {s.start_s for scene in align(film).scenes for s in scene.shots}
    for edge_s in made_s - {shot.start_s for shot in shots}:
        (whole,) = (s for s in shots if s.start_s < edge_s < s.end_s)
        assert has_pause(whole, words)
        assert not inside_a_word(edge_s, words)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_word_is_in_the_one_scene_that_holds_its_middle(seed: int) -> None:
    film = random_film(seed)
    scenes = align(film).scenes
    assert [w for scene in scenes for w in scene.words] == list(film.words)
    for scene in scenes:
        assert all(scene.start_s <= w.middle_s < scene.end_s for w in scene.words)


@pytest.mark.parametrize("seed", SEEDS)
def test_pictures_and_screen_text_are_in_the_scene_that_holds_their_time(seed: int) -> None:
    film = random_film(seed)
    footage, encoding = film.read.seen.footage, film.read.seen.encoding
    scenes = align(film).scenes
    jpegs = [k.jpeg for scene in scenes for k in scene.keyframes]
    assert jpegs == [p.jpeg for p in footage.pictures]
    assert [t for scene in scenes for t in scene.ocr] == list(film.read.texts)
    for scene in scenes:
        for keyframe in scene.keyframes:
            assert scene.start_s <= keyframe.time_s < scene.end_s
            index = list(encoding.time_s).index(keyframe.time_s)
            assert keyframe.vector is not None
            assert (keyframe.vector == encoding.vectors[index]).all()
        assert all(scene.start_s <= t.time_s < scene.end_s for t in scene.ocr)


@pytest.mark.parametrize(("length_s", "n_parts"), [(29.0, 1), (31.0, 1), (33.0, 2), (100.0, 4)])
def test_a_silent_shot_is_divided_at_each_step(length_s: float, n_parts: int) -> None:
    (spans,) = zip(*scene_spans([Shot(0.0, length_s)], [], SceneConfig()), strict=True)
    edges = [shot.start_s for shot in spans]
    assert edges == [MAX_S * i for i in range(n_parts)]


def test_a_long_shot_is_divided_at_the_pause_nearest_to_the_step() -> None:
    words = [Word("w", i * 0.5, i * 0.5 + 0.5, 0.9) for i in range(200) if i not in (50, 64, 118)]
    spans = scene_spans([Shot(0.0, 100.0)], words, SceneConfig())
    edges = [span[0].start_s for span in spans][1:]
    # Pauses lie at 25.0..25.5, 32.0..32.5 and 59.0..59.5; no other step has one near enough.
    assert 32.0 < edges[0] < 32.5
    assert 59.0 < edges[1] < 59.5
    assert len(edges) == 2


def test_speech_without_any_pause_is_divided_all_the_same() -> None:
    words = [Word("w", i * 0.5, i * 0.5 + 0.5, 0.9) for i in range(140)]
    spans = scene_spans([Shot(0.0, 70.0)], words, SceneConfig())
    assert [span[0].start_s for span in spans] == [0.0, 30.0, 60.0]


def test_short_shots_are_gathered() -> None:
    shots = [Shot(i * 0.5, i * 0.5 + 0.5) for i in range(20)]
    spans = scene_spans(shots, [], SceneConfig())
    assert [len(span) for span in spans] == [4, 4, 4, 4, 4]


def test_a_short_end_goes_with_the_scene_before_it() -> None:
    spans = scene_spans([Shot(0.0, 5.0), Shot(5.0, 6.0)], [], SceneConfig())
    assert [(s[0].start_s, s[-1].end_s) for s in spans] == [(0.0, 6.0)]


def test_a_film_shorter_than_the_least_is_one_scene() -> None:
    (scene,) = align(heard([Shot(0.0, 0.5), Shot(0.5, 1.0)], times_s=[0.4])).scenes
    assert (scene.start_s, scene.end_s) == (0.0, 1.0)


def test_a_scene_is_labelled_with_each_thing_once_at_its_best() -> None:
    film = heard([Shot(0.0, 20.0)], times_s=np.linspace(0, 19, 15))
    (scene,) = align(film).scenes
    names = [label.name for label in scene.labels]
    scores = [label.score for label in scene.labels]
    assert len(names) == len(set(names)) == 5
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(0.5)


def test_a_scenes_vector_is_the_direction_of_its_keyframes_mean() -> None:
    film = heard([Shot(0.0, 20.0)], times_s=[1.0, 5.0, 9.0])
    (scene,) = align(film).scenes
    mean = film.read.seen.encoding.vectors.mean(axis=0)
    assert scene.embedding is not None
    assert np.linalg.norm(scene.embedding) == pytest.approx(1.0)
    assert scene.embedding @ mean == pytest.approx(np.linalg.norm(mean))


def test_a_film_without_pictures_has_scenes_without_vectors() -> None:
    words = [Word("hello", 1.0, 1.5, 0.9)]
    scenes = align(heard([Shot(0.0, 50.0)], words)).scenes
    assert [scene.embedding for scene in scenes] == [None, None]
    assert [scene.transcript for scene in scenes] == ["hello", ""]
    assert [scene.language for scene in scenes] == ["en", None]


def test_screen_text_that_stays_is_told_once() -> None:
    film = heard([Shot(0.0, 10.0)])
    texts = tuple(ScreenText(t, 0.9, s) for t, s in [("Gate 7", 1.0), ("gate  7", 2.0), ("B", 3.0)])
    film = Heard(Read(film.read.seen, texts), (), None)
    (scene,) = align(film).scenes
    assert [(t.text, t.time_s) for t in scene.ocr] == [("Gate 7", 1.0), ("B", 3.0)]


def test_warnings_go_with_the_film() -> None:
    assert align(heard([Shot(0.0, 10.0)])).warnings == ("a plain sentence",)
