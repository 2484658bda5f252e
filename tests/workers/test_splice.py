"""Speech that crosses a border between clips is neither lost nor doubled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from scenelake.schemas.rows import Word
from scenelake.workers.splice import splice
from tests.media.timelines import random_words

SEEDS = range(80)
DURATION_S = 240.0

Utterance = tuple[Word, ...]
Rng = np.random.Generator


def utterances(
    words: Sequence[Word], *, longest: int = 40, pause_s: float = 1.0
) -> list[Utterance]:
    """Words divided at pauses, and where they grow too many."""
    found: list[list[Word]] = []
    for word in words:
        is_new = not found or word.start_s - found[-1][-1].end_s >= pause_s
        if is_new or len(found[-1]) >= longest:
            found.append([])
        found[-1].append(word)
    return [tuple(utterance) for utterance in found]


def clip_words(
    heard: Sequence[Utterance], start_s: float, end_s: float
) -> tuple[float, tuple[Word, ...]]:
    """What a clip gives: whole utterances that overlap it."""
    ours = [u for u in heard if u[-1].end_s > start_s and u[0].start_s < end_s]
    return start_s, tuple(word for utterance in ours for word in utterance)


def spliced(
    edges_s: Sequence[float], hears: Callable[[int], Sequence[Utterance]]
) -> tuple[Word, ...]:
    """What becomes of a film whose clip `i` divides the speech as ``hears(i)``."""
    spans = enumerate(pairwise([0.0, *edges_s, DURATION_S]))
    return splice([clip_words(hears(index), *span) for index, span in spans])


def random_edges(rng: Rng) -> list[float]:
    return sorted(float(edge_s) for edge_s in rng.uniform(5, DURATION_S - 5, rng.integers(1, 8)))


def texts(words: Sequence[Word]) -> list[str]:
    return [word.text for word in words]


def words_at(*starts_s: float, length_s: float = 0.4, text: str = "w") -> list[Word]:
    return [Word(f"{text}{start_s}", start_s, start_s + length_s, 0.9) for start_s in starts_s]


@pytest.mark.parametrize("seed", SEEDS)
def test_clips_that_hear_the_same_utterances_give_the_words_of_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = tuple(sorted(random_words(rng, DURATION_S), key=lambda word: word.start_s))
    heard = utterances(words)
    assert spliced(random_edges(rng), lambda _: heard) == words


@pytest.mark.parametrize("seed", SEEDS)
def test_hundreds_of_borders_lose_and_double_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = tuple(sorted(random_words(rng, DURATION_S), key=lambda word: word.start_s))
    heard = utterances(words)
    edges_s = [float(edge_s) for edge_s in np.arange(1.0, DURATION_S, 1.0)]
    assert spliced(edges_s, lambda _: heard) == words


@pytest.mark.parametrize("seed", SEEDS)
def test_every_word_is_there_once_though_each_clip_hears_it_a_little_otherwise(seed: int) -> None:
    """Other times, other divisions; a pause near each border is heard by all."""
    rng = np.random.default_rng(seed)
    words = paused(rng)

    def hears(_: int) -> list[Utterance]:
        jittered = [jitter(word, rng) for word in words]
        return utterances(jittered, longest=int(rng.integers(20, 60)))

    assert texts(spliced(random_edges(rng), hears)) == texts(words)


def paused(rng: Rng) -> list[Word]:
    """Sentences of ten words or so with a second and a half between them."""
    words: list[Word] = []
    at_s = 0.5
    while at_s < DURATION_S - 8:
        for _ in range(int(rng.integers(5, 15))):
            length_s = float(rng.uniform(0.15, 0.45))
            words.append(Word(f"w{len(words)}", at_s, at_s + length_s, 0.9))
            at_s += length_s
        at_s += 1.5
    return words


def jitter(word: Word, rng: Rng) -> Word:
    shift_s = float(rng.uniform(-0.06, 0.06))
    return replace(word, start_s=word.start_s + shift_s, end_s=word.end_s + shift_s)


@pytest.mark.parametrize("border_s", [5.0, 5.2, 5.39, 5.4, 5.41])
def test_words_that_abut_are_there_once_wherever_the_border_falls(border_s: float) -> None:
    words = [Word(str(i), i * 0.4, i * 0.4 + 0.4, 0.9) for i in range(60)]
    assert list(spliced([border_s], lambda _: [tuple(words)])) == words


def test_two_who_speak_at_once_are_both_heard_across_a_border() -> None:
    words = sorted([*words_at(9.5, 9.9, 10.3), *words_at(9.6, 10.0, 10.4)], key=lambda w: w.start_s)
    assert list(spliced([10.0], lambda _: [tuple(words)])) == words


@pytest.mark.parametrize("border_s", [8.0, 10.0, 12.0])
def test_a_border_in_silence_changes_nothing(border_s: float) -> None:
    heard = [tuple(words_at(6.0, 6.5, 7.0)), tuple(words_at(13.0, 13.5))]
    assert list(spliced([border_s], lambda _: heard)) == [*heard[0], *heard[1]]


def test_a_clip_without_words_takes_none_from_its_neighbours() -> None:
    heard = [tuple(words_at(1.0, 2.0)), tuple(words_at(35.0, 36.0))]
    assert list(spliced([10.0, 20.0, 30.0], lambda _: heard)) == [*heard[0], *heard[1]]


def test_a_first_clip_without_words_costs_none() -> None:
    heard = [tuple(words_at(12.0, 13.0))]
    assert list(spliced([10.0], lambda _: heard)) == list(heard[0])


def test_one_utterance_through_many_short_clips_is_there_once() -> None:
    words = [Word(str(i), 5 + i * 0.4, 5.4 + i * 0.4, 0.9) for i in range(65)]
    assert list(spliced([10.0, 15.0, 20.0, 25.0], lambda _: [tuple(words)])) == words


def test_the_seam_is_laid_in_the_pause_not_at_the_border() -> None:
    """The word at the border sits before it for one clip and after it for the other."""
    before = [Word("a", 9.0, 9.4, 0.9), Word("b", 9.9, 10.2, 0.9), Word("c", 11.0, 11.3, 0.9)]
    after = [Word("a", 9.0, 9.4, 0.9), Word("b", 9.7, 10.1, 0.9), Word("c", 11.0, 11.3, 0.9)]
    for one, two in ((before, after), (after, before)):
        assert texts(splice([(0.0, one), (10.0, two)])) == ["a", "b", "c"]


def test_a_film_in_one_clip_is_given_as_it_is_heard() -> None:
    words = tuple(words_at(1.0, 2.0, 3.0))
    assert splice([(0.0, words)]) == words
    assert splice([(0.0, ())]) == ()
