"""Scenes are runs of whole shots that tile the film; long shots are divided at pauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from scenelake.schemas.clips import Piece
from scenelake.schemas.config import SceneConfig
from scenelake.schemas.rows import Keyframe, Label, Scene, ScreenText, Shot, Word
from scenelake.workers.align import build_scene, by_scene, outline, scene_spans
from tests.media.timelines import random_shots, random_words

SEEDS = range(60)
MIN_S, MAX_S = 2.0, 30.0
DIM = 4


def random_film(seed: int) -> tuple[tuple[Shot, ...], tuple[Word, ...]]:
    rng = np.random.default_rng(seed)
    duration_s = float(rng.uniform(1.0, 400.0))
    return random_shots(rng, duration_s), random_words(rng, duration_s)


def spans_of(shots: Sequence[Shot], words: Sequence[Word] = ()) -> list[list[Shot]]:
    return scene_spans(shots, words, SceneConfig())


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
def test_scenes_tile_the_film_and_shots_tile_scenes(seed: int) -> None:
    shots, words = random_film(seed)
    parts = [part for span in spans_of(shots, words) for part in span]
    assert parts[0].start_s == 0.0
    assert parts[-1].end_s == shots[-1].end_s
    assert all(a.end_s == b.start_s for a, b in pairwise(parts))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_cut_is_lost_and_none_is_made_up_but_in_a_shot_that_is_too_long(seed: int) -> None:
    shots, words = random_film(seed)
    starts_s = {part.start_s for span in spans_of(shots, words) for part in span}
    cuts_s = {shot.start_s for shot in shots}
    assert cuts_s <= starts_s
    for start_s in starts_s - cuts_s:
        (whole,) = (s for s in shots if s.start_s < start_s < s.end_s)
        assert whole.end_s - whole.start_s > MAX_S


@pytest.mark.parametrize("seed", SEEDS)
def test_no_scene_is_shorter_than_the_least_unless_the_film_is(seed: int) -> None:
    shots, words = random_film(seed)
    lengths_s = [span[-1].end_s - span[0].start_s for span in spans_of(shots, words)]
    assert min(lengths_s) >= min(MIN_S, shots[-1].end_s) - 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_long_shot_is_not_divided_inside_a_word(seed: int) -> None:
    shots, words = random_film(seed)
    made_s = {part.start_s for span in spans_of(shots, words) for part in span}
    for edge_s in made_s - {shot.start_s for shot in shots}:
        (whole,) = (s for s in shots if s.start_s < edge_s < s.end_s)
        assert has_pause(whole, words)
        assert not inside_a_word(edge_s, words)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_word_is_dealt_to_the_one_scene_that_holds_its_middle(seed: int) -> None:
    shots, words = random_film(seed)
    spans = spans_of(shots, words)
    dealt = by_scene(words, lambda word: word.middle_s, [span[0].start_s for span in spans])
    assert [word for ours in dealt for word in ours] == list(words)
    for span, ours in zip(spans, dealt, strict=True):
        assert all(span[0].start_s <= w.middle_s < span[-1].end_s for w in ours)


@pytest.mark.parametrize(("length_s", "n_parts"), [(29.0, 1), (31.0, 1), (33.0, 2), (100.0, 4)])
def test_a_silent_shot_is_divided_at_each_step(length_s: float, n_parts: int) -> None:
    (spans,) = zip(*spans_of([Shot(0.0, length_s)]), strict=True)
    edges = [shot.start_s for shot in spans]
    assert edges == [MAX_S * i for i in range(n_parts)]


def test_a_long_shot_is_divided_at_the_pause_nearest_to_the_step() -> None:
    words = [Word("w", i * 0.5, i * 0.5 + 0.5, 0.9) for i in range(200) if i not in (50, 64, 118)]
    edges = [span[0].start_s for span in spans_of([Shot(0.0, 100.0)], words)][1:]
    # Pauses lie at 25.0..25.5, 32.0..32.5 and 59.0..59.5; no other step has one near enough.
    assert 32.0 < edges[0] < 32.5
    assert 59.0 < edges[1] < 59.5
    assert len(edges) == 2


def test_speech_without_any_pause_is_divided_all_the_same() -> None:
    words = [Word("w", i * 0.5, i * 0.5 + 0.5, 0.9) for i in range(140)]
    spans = spans_of([Shot(0.0, 70.0)], words)
    assert [span[0].start_s for span in spans] == [0.0, 30.0, 60.0]


def test_short_shots_are_gathered() -> None:
    spans = spans_of([Shot(i * 0.5, i * 0.5 + 0.5) for i in range(20)])
    assert [len(span) for span in spans] == [4, 4, 4, 4, 4]


def test_a_short_end_goes_with_the_scene_before_it() -> None:
    spans = spans_of([Shot(0.0, 5.0), Shot(5.0, 6.0)])
    assert [(s[0].start_s, s[-1].end_s) for s in spans] == [(0.0, 6.0)]


def test_a_film_shorter_than_the_least_is_one_scene() -> None:
    (span,) = spans_of([Shot(0.0, 0.5), Shot(0.5, 1.0)])
    assert (span[0].start_s, span[-1].end_s) == (0.0, 1.0)


def keyframes(times_s: Sequence[float], texts: Sequence[ScreenText] = ()) -> list[Keyframe]:
    vectors = np.random.default_rng(0).normal(size=(len(times_s), DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [(Label(f"thing{i % 7}", 0.1 + i % 5 / 10),) for i in range(len(times_s))]
    return [
        Keyframe(time_s, b"jpeg", vector, seen, tuple(t for t in texts if t.time_s == time_s))
        for time_s, vector, seen in zip(times_s, vectors, labels, strict=True)
    ]


def scene(shown: Sequence[Keyframe] = (), said: Sequence[Word] = ()) -> Scene:
    span = [Shot(0.0, 20.0)]
    return build_scene(0, span, said, shown, video_id="film", language="en", max_labels=5)


def test_a_scene_is_labelled_with_each_thing_once_at_its_best() -> None:
    labels = scene(keyframes([float(t) for t in np.linspace(0, 19, 15)])).labels
    scores = [label.score for label in labels]
    assert len({label.name for label in labels}) == len(labels) == 5
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(0.5)


def test_a_scenes_vector_is_the_direction_of_its_keyframes_mean() -> None:
    shown = keyframes([1.0, 5.0, 9.0])
    mean = np.mean([keyframe.vector for keyframe in shown], axis=0)
    embedding = scene(shown).embedding
    assert embedding is not None
    assert np.linalg.norm(embedding) == pytest.approx(1.0)
    assert embedding @ mean == pytest.approx(np.linalg.norm(mean))


def test_a_scene_without_pictures_has_no_vector_and_one_without_words_no_language() -> None:
    spoken, silent = scene(said=[Word("hello", 1.0, 1.5, 0.9)]), scene()
    assert (spoken.embedding, silent.embedding) == (None, None)
    assert (spoken.transcript, silent.transcript) == ("hello", "")
    assert (spoken.language, silent.language) == ("en", None)


def test_screen_text_that_stays_is_told_once() -> None:
    texts = [ScreenText(t, 0.9, s) for t, s in [("Gate 7", 1.0), ("gate  7", 2.0), ("B", 3.0)]]
    read = scene(keyframes([1.0, 2.0, 3.0], texts)).ocr
    assert [(t.text, t.time_s) for t in read] == [("Gate 7", 1.0), ("B", 3.0)]


def piece(
    start_s: float, end_s: float, words: Sequence[Word] = (), language: str | None = None
) -> Piece:
    return Piece(start_s, end_s, start_s, end_s, (), (), tuple(words), language)


def said(start_s: float, n: int) -> list[Word]:
    return [Word("word", start_s + i, start_s + i + 0.5, 0.9) for i in range(n)]


def test_a_films_language_is_that_of_most_of_its_words() -> None:
    line = outline(
        [piece(0, 10, said(1, 2), "en"), piece(10, 20, said(11, 7), "de"), piece(20, 30)],
        duration_s=30.0,
    )
    assert line.language == "de"
    assert [line.language_at(s) for s in (0.0, 9.9, 10.0, 25.0)] == ["en", "en", "de", None]


def test_a_translation_that_two_clips_hear_is_there_once_in_its_scene() -> None:
    crossing = tuple(said(8, 4))
    pieces = [
        replace(piece(0, 10, crossing, "de"), translation=crossing),
        replace(piece(10, 20, crossing, "de"), translation=crossing),
    ]
    line = outline(pieces, duration_s=20.0)
    assert line.translation == crossing
    made = build_scene(
        0,
        line.shots,
        line.words,
        [],
        video_id="film",
        language="de",
        max_labels=5,
        translation=line.translation,
    )
    assert made.translation == "word word word word"
    assert scene(said=[Word("hello", 1.0, 1.5, 0.9)]).translation == ""


def test_a_film_in_which_nothing_is_said_has_no_language() -> None:
    assert outline([piece(0, 10), piece(10, 20)], duration_s=20.0).language is None


def test_a_cut_that_two_clips_tell_is_one_cut() -> None:
    pieces = [
        Piece(0, 10, 0.0, 12.0, cuts_s=(4.0,)),
        Piece(10, 20, 12.0, 20.0, cuts_s=(12.0, 17.0)),
    ]
    assert outline(pieces, duration_s=20.0).cuts_s == (4.0, 12.0, 17.0)


def test_where_a_clip_was_left_out_the_pictures_before_it_still_count_once() -> None:
    """A clip whose pictures nobody can read does not know that its neighbour went on."""
    pieces = [
        Piece(0, 10, 0.0, 12.0, cuts_s=(4.0,)),
        Piece(10, 20, 10.0, 20.0, cuts_s=(11.0, 17.0)),
    ]
    assert outline(pieces, duration_s=20.0).cuts_s == (4.0, 17.0)
