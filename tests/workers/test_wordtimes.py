"""Words put where their sound is."""

from __future__ import annotations

import numpy as np
import pytest

from scenelake.schemas.media import Utterance
from scenelake.schemas.rows import Word
from scenelake.workers.spoken import SpokenWord
from scenelake.workers.wordtimes import on_film_clock

RATE = 16_000


def tone_between(*spans_s: tuple[float, float], length_s: float, start_s: float = 0.0) -> Utterance:
    """Faint hiss, with a tone in the given spans."""
    time_s = np.arange(round(length_s * RATE)) / RATE
    samples = np.random.default_rng(0).normal(0, 5, len(time_s))
    for begin_s, end_s in spans_s:
        inside = (time_s >= begin_s) & (time_s < end_s)
        samples[inside] += 8000 * np.sin(2 * np.pi * 300 * time_s[inside])
    return Utterance(samples.astype(np.int16), RATE, start_s)


def placed(
    utterance: Utterance, *heard: tuple[str, float, float], language: str = "en"
) -> list[Word]:
    words = [SpokenWord(start, end, text, 0.9) for text, start, end in heard]
    return list(on_film_clock(words, utterance, language=language))


def test_a_word_does_not_reach_over_the_silence_around_it() -> None:
    utterance = tone_between((0.5, 1.0), (2.0, 2.5), length_s=3.0, start_s=100.0)
    first, second = placed(utterance, (" one", 0.0, 1.6), (" two", 1.6, 3.0))
    assert (first.start_s, first.end_s) == pytest.approx((100.5, 101.0), abs=0.02)
    assert (second.start_s, second.end_s) == pytest.approx((102.0, 102.5), abs=0.02)


def test_a_word_that_was_whispered_stays_where_it_was_heard() -> None:
    (word,) = placed(tone_between((2.0, 2.5), length_s=3.0), (" hush", 0.4, 0.8))
    assert (word.start_s, word.end_s) == (0.4, 0.8)


def test_times_past_the_end_or_out_of_order_come_back_into_the_utterance() -> None:
    utterance = tone_between((0.0, 2.0), length_s=2.0, start_s=10.0)
    words = placed(utterance, (" a", 1.0, 1.5), (" b", 0.8, 1.2), (" c", 1.9, 2.7))
    assert [(w.start_s, w.end_s) for w in words] == [(11.0, 11.5), (11.0, 11.2), (11.9, 12.0)]


def test_a_compound_is_one_word_as_doubtful_as_its_worse_half() -> None:
    heard = [SpokenWord(0.0, 0.5, " self", 0.9), SpokenWord(0.5, 1.0, "-reliance,", 0.4)]
    (word,) = on_film_clock(heard, tone_between((0, 1), length_s=1.0), language="en")
    assert (word.text, word.score) == ("self-reliance,", 0.4)
    assert (word.start_s, word.end_s) == (0.0, 1.0)


def test_words_of_a_language_without_spaces_stay_apart() -> None:
    utterance = tone_between((0, 1), length_s=1.0)
    words = placed(utterance, ("今天", 0.0, 0.5), ("很好", 0.5, 1.0), language="zh")
    assert [word.text for word in words] == ["今天", "很好"]
