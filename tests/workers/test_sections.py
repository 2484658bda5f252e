"""Chapters begin where what a film is about changes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from scenelake.schemas.story import Story
from scenelake.workers.sections import divide
from scenelake.workers.text import MiniLm
from tests.media.topics import TOPICS

from .stories import story, talk, told

MANY = 1000


def starts_s(film: Story, *, max_parts: int = MANY) -> list[float]:
    return [film.scenes[part.start].start_s for part in divide(film.scenes, max_parts=max_parts)]


def axis(index: int, *, dim: int = 50) -> list[float]:
    return [float(i == index) for i in range(dim)]


def film_of(lengths_s: list[float], kinds: list[int], *, seen: bool = False) -> Story:
    """Scenes whose words (or pictures) are alike where their kind is the same."""
    edges_s = np.concatenate([[0.0], np.cumsum(lengths_s)])
    scenes = [
        told(float(a), float(b), **{"seen" if seen else "vector": axis(kind)})
        for (a, b), kind in zip(pairwise(edges_s), kinds, strict=True)
    ]
    return story(scenes)


@pytest.mark.parametrize("per_scene", [1, 2, 4])
def test_a_talk_on_five_things_has_five_chapters(minilm: MiniLm, per_scene: int) -> None:
    film, truth_s = talk(minilm.encode, per_scene=per_scene)
    assert starts_s(film) == pytest.approx(truth_s, abs=0.1)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda t: t.photograph)
def test_a_talk_on_one_thing_is_not_torn_to_pieces(minilm: MiniLm, topic: object) -> None:
    film, _ = talk(minilm.encode, [t for t in TOPICS if t is topic], per_scene=1)
    assert len(starts_s(film)) <= 3


def test_an_hour_on_five_things_begins_chapters_where_they_do(minilm: MiniLm) -> None:
    film, truth_s = talk(minilm.encode, repeats=23, per_scene=3)
    found_s = starts_s(film)
    assert film.duration_s > 3500
    assert 5 <= len(found_s) <= 15
    for start_s in truth_s:
        assert min(abs(start_s - found) for found in found_s) < 15


def test_chapters_tile_the_film_and_begin_with_scenes() -> None:
    rng = np.random.default_rng(3)
    for n_scenes in (1, 2, 7, 200):
        lengths_s = [float(x) for x in rng.uniform(2, 30, n_scenes)]
        film = film_of(lengths_s, [int(k) for k in rng.integers(0, 20, n_scenes)])
        parts = divide(film.scenes, max_parts=MANY)
        assert [index for part in parts for index in part] == list(range(n_scenes))


@pytest.mark.parametrize(
    ("duration_s", "at_most"), [(20, 3), (60, 4), (600, 8), (3600, 15), (36_000, 42)]
)
def test_there_are_as_many_chapters_as_can_be_read(duration_s: int, at_most: int) -> None:
    n_scenes = min(6000, duration_s // 5)
    film = film_of([duration_s / n_scenes] * n_scenes, [i % 50 for i in range(n_scenes)])
    assert len(starts_s(film)) <= at_most
    assert at_most // 4 <= len(starts_s(film))
    kinds = [i * at_most // n_scenes for i in range(n_scenes)]
    by_turns = film_of([duration_s / n_scenes] * n_scenes, kinds)
    assert at_most / 2 <= len(starts_s(by_turns)) <= at_most
    assert len(starts_s(by_turns, max_parts=2)) == 2


def test_pictures_divide_a_film_in_which_nothing_is_said() -> None:
    film = film_of([10.0] * 9, [0, 0, 0, 1, 1, 1, 2, 2, 2], seen=True)
    assert starts_s(film) == [0.0, 30.0, 60.0]


def test_what_is_said_weighs_more_than_what_is_seen() -> None:
    scenes = [
        told(10.0 * i, 10.0 * i + 10, vector=axis(i // 3), seen=axis(10 + i % 2)) for i in range(9)
    ]
    assert starts_s(story(scenes)) == [0.0, 30.0, 60.0]


def test_silence_within_a_talk_begins_no_chapter() -> None:
    scenes = [told(10.0 * i, 10.0 * i + 10, vector=() if i == 4 else axis(0)) for i in range(9)]
    assert starts_s(story(scenes)) == [0.0]


def test_a_film_of_which_nothing_is_known_is_one_part() -> None:
    assert starts_s(story([told(0, 5), told(5, 9)])) == [0.0]
    assert divide((), max_parts=MANY) == []


def test_no_chapter_of_a_short_film_is_over_in_a_blink() -> None:
    lengths_s = [1.0, 1.0, 18.0, 2.0, 20.0, 1.0]
    film = film_of(lengths_s, [0, 1, 2, 3, 4, 5])
    edges_s = [*starts_s(film), film.duration_s]
    assert min(b - a for a, b in pairwise(edges_s)) >= 5
