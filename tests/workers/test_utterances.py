"""Joining windows scored for speech, with scores that are known."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from scenelake.schemas.arrays import Int16
from scenelake.schemas.config import VadConfig
from scenelake.schemas.media import Utterance
from scenelake.workers.utterances import Window, join

RATE = 100
WINDOW_S = 0.1
CONFIG = VadConfig(min_speech_s=0.3, min_silence_s=0.5, pad_s=0.2, max_s=10.0)


def windows(*spans: tuple[float, float], start_s: float = 0.0) -> Iterator[Window]:
    """Windows of constant likelihood: (seconds, likelihood) after each other."""
    n = 0
    for seconds, speech in spans:
        for _ in range(round(seconds / WINDOW_S)):
            samples = np.full(round(RATE * WINDOW_S), n, np.int16)
            yield Window(samples=samples, start_s=start_s + n * WINDOW_S, speech=speech)
            n += 1


def joined(stream: Iterator[Window], config: VadConfig = CONFIG) -> list[Utterance]:
    return list(join(stream, config, window_s=WINDOW_S, sample_rate=RATE))


def spans(utterances: list[Utterance]) -> list[tuple[float, float]]:
    return [(round(u.start_s, 3), round(u.end_s, 3)) for u in utterances]


def test_an_utterance_is_the_speech_with_padding_on_both_sides() -> None:
    assert spans(joined(windows((3, 0), (2, 0.9), (4, 0)))) == [(2.8, 5.2)]


def test_padding_ends_with_the_film() -> None:
    assert spans(joined(windows((0.1, 0), (2, 0.9), (0.1, 0)))) == [(0.0, 2.2)]


def test_a_click_is_not_speech() -> None:
    assert joined(windows((3, 0), (0.2, 0.9), (3, 0))) == []


def test_a_likelihood_that_falters_does_not_end_the_speech() -> None:
    assert spans(joined(windows((3, 0), (1, 0.9), (3, 0.4), (1, 0.9), (3, 0)))) == [(2.8, 8.2)]


def test_sentences_with_a_short_pause_between_are_one_utterance() -> None:
    assert spans(joined(windows((2, 0.9), (1, 0), (2, 0.9), (3, 0)))) == [(0.0, 5.2)]


def test_sentences_far_apart_are_two_utterances() -> None:
    assert spans(joined(windows((2, 0.9), (4, 0), (2, 0.9)))) == [(0.0, 2.2), (5.8, 8.0)]


def test_a_long_speech_is_cut_at_its_pause() -> None:
    utterances = joined(windows((7, 0.9), (0.4, 0.1), (7, 0.9), (3, 0)))
    assert len(utterances) == 2
    assert 7.0 <= utterances[0].end_s <= 7.4
    assert utterances[1].start_s == pytest.approx(utterances[0].end_s)


def test_speech_without_a_pause_is_cut_and_not_a_sample_of_it_is_lost() -> None:
    stream = list(windows((35, 0.9), (3, 0)))
    utterances = joined(iter(stream))
    heard = np.concatenate([u.samples for u in utterances])
    assert heard.tobytes() == np.concatenate([w.samples for w in stream[: 350 + 2]]).tobytes()
    assert all(u.end_s - u.start_s <= CONFIG.max_s + 1e-9 for u in utterances)


def test_the_last_word_after_a_cut_is_kept_however_short() -> None:
    utterances = joined(windows((9.7, 0.9), (0.1, 0.05), (0.4, 0.9), (3, 0)))
    assert utterances[-1].end_s >= 10.2


def test_what_fits_into_one_utterance_is_not_divided() -> None:
    utterances = joined(windows((6, 0.9), (0.6, 0), (2.8, 0.9), (4, 0)))
    assert spans(utterances) == [(0.0, 9.6)]


def test_a_speech_of_two_utterances_is_cut_at_its_pause_near_the_middle() -> None:
    one, two = joined(windows((6, 0.9), (0.4, 0.1), (8, 0.9), (3, 0)))
    assert one.end_s - one.start_s == pytest.approx(6.2, abs=0.2)
    assert two.end_s == pytest.approx(14.6)


def speech(rng: np.random.Generator, *, pauses_s: tuple[float, float]) -> list[Window]:
    """Minutes of sentences that last some seconds, with pauses, as a detector scores them."""
    spans: list[tuple[float, float]] = []
    for _ in range(80):
        spans += [(rng.uniform(0.4, 4.0), 0.9), (rng.uniform(*pauses_s), 0.05)]
    return [
        replace(window, speech=float(np.clip(window.speech + rng.normal(0, 0.04), 0, 1)))
        for window in windows(*spans)
    ]


@pytest.mark.parametrize("pauses_s", [(0.0, 0.2), (0.1, 0.7), (0.1, 1.5), (0.3, 3.0)])
@pytest.mark.parametrize("seed", range(4))
def test_speech_is_divided_alike_wherever_listening_begins(
    seed: int, pauses_s: tuple[float, float]
) -> None:
    rng = np.random.default_rng(seed)
    film = speech(rng, pauses_s=pauses_s)
    whole = joined(iter(film))
    for since_s in rng.uniform(0, len(film) * WINDOW_S - 60, 6):
        first = int(since_s / WINDOW_S)
        from_s = film[first].start_s + 2 * CONFIG.max_s + 4
        heard = [u for u in joined(iter(film[first:])) if u.end_s > from_s]
        assert spans(heard) == spans([u for u in whole if u.end_s > from_s])


@pytest.mark.parametrize("seed", range(4))
def test_what_is_said_after_two_utterances_more_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    film = speech(rng, pauses_s=(0.1, 1.5))
    whole = joined(iter(film))
    for until_s in rng.uniform(30, len(film) * WINDOW_S, 6):
        heard = joined(iter(film[: int((until_s + 2 * CONFIG.max_s) / WINDOW_S)]))
        assert spans([u for u in heard if u.start_s < until_s]) == spans(
            [u for u in whole if u.start_s < until_s]
        )


def test_long_speech_without_pauses_is_not_cut_into_more_than_need_be() -> None:
    utterances = joined(windows((300, 0.9), (3, 0)))
    assert len(utterances) <= 300 / (0.7 * CONFIG.max_s) + 1


def test_nothing_is_joined_across_a_gap_in_time() -> None:
    def stream() -> Iterator[Window]:
        yield from windows((2, 0.9))
        yield from windows((2, 0.9), start_s=50.0)

    assert spans(joined(stream())) == [(0.0, 2.0), (50.0, 52.0)]


@pytest.mark.parametrize("likelihood", [0.0, 0.4, 0.9])
def test_no_more_than_two_of_the_longest_utterance_are_ever_held(likelihood: float) -> None:
    read: list[weakref.ref[Int16]] = []

    def stream() -> Iterator[Window]:
        for window in windows((1, 0.9), (60, likelihood)):
            assert sum(samples() is not None for samples in read) <= 2 * CONFIG.max_s / WINDOW_S
            read.append(weakref.ref(window.samples))
            yield window

    for _ in join(stream(), CONFIG, window_s=WINDOW_S, sample_rate=RATE):
        pass
    assert len(read) == 610
