"""Utterances read window by window: nothing left out, nothing read twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from scenelake.schemas.arrays import Float32
from scenelake.workers.attention_times import TokenWord
from scenelake.workers.speech_windows import Listened, Stamped, in_windows, listened
from scenelake.workers.spoken import Segment, SpokenWord

RATE = 100
STAMP = 1000


def sound(seconds: float, value: float = 0.0) -> Float32:
    return np.full(round(seconds * RATE), value, np.float32)


def segment(*words: tuple[str, float, float]) -> Segment:
    return Segment(tuple(SpokenWord(a, b, text, 0.9) for text, a, b in words), -0.1, 0.0, 1.0)


def test_a_text_is_parted_at_pairs_of_stamps() -> None:
    whole = Stamped((STAMP, 1, 2, STAMP + 50, STAMP + 50, 3, STAMP + 90), STAMP)
    assert whole.parts == [[1, 2], [3]]
    assert whole.is_whole


def test_what_follows_the_last_pair_is_left_for_the_next_window() -> None:
    broken = Stamped((STAMP, 1, 2, STAMP + 50, STAMP + 50, 3), STAMP)
    assert broken.parts == [[1, 2]]
    assert not broken.is_whole


@pytest.mark.parametrize("tokens", [(), (1, 2), (STAMP, 1, 2)])
def test_a_text_without_pairs_is_one_part(tokens: tuple[int, ...]) -> None:
    assert Stamped(tokens, STAMP).text_tokens == [t for t in tokens if t < STAMP]
    assert not Stamped(tokens, STAMP).is_whole


def test_words_go_to_the_part_that_their_tokens_are_of() -> None:
    written = Stamped((STAMP, 1, 2, STAMP + 5, STAMP + 5, 3, STAMP + 9), STAMP)
    words = [
        TokenWord(2, SpokenWord(0.0, 0.1, " one", 0.9)),
        TokenWord(1, SpokenWord(0.1, 0.2, " two", 0.9)),
    ]
    found = listened(written, words, avg_logprob=-0.1, no_speech_prob=0.0)
    assert [[w.text for w in s.words] for s in found.segments] == [[" one"], [" two"]]
    assert found.until_s is None


def test_a_window_that_the_model_takes_for_silence_has_no_segments() -> None:
    words = [TokenWord(1, SpokenWord(0.0, 0.1, " you", 0.9))]
    found = listened(Stamped((STAMP, 1), STAMP), words, avg_logprob=-1.1, no_speech_prob=0.9)
    assert found == Listened(())


def test_listening_goes_on_where_the_last_word_ended() -> None:
    seen: list[list[int]] = []

    def listen(windows: Sequence[Float32]) -> list[Listened]:
        seen.append([len(window) for window in windows])
        return [
            Listened((segment((" a", 1.0, 2.0)),), until_s=2.0 if len(window) > 400 else None)
            for window in windows
        ]

    heard = in_windows([sound(6.0), sound(3.0)], listen, batch_size=2, rate=RATE)
    starts_s = [[w.start_s for s in segments for w in s.words] for segments in heard]
    assert starts_s == [[1.0, 3.0], [1.0]]
    assert seen == [[600, 300], [400]]


def test_what_is_longer_than_a_window_is_read_to_its_end() -> None:
    lengths: list[int] = []

    def listen(windows: Sequence[Float32]) -> list[Listened]:
        lengths.extend(len(window) for window in windows)
        return [Listened(()) for _ in windows]

    in_windows([sound(70.0)], listen, batch_size=4, rate=RATE)
    assert lengths == [3000, 3000, 1000]


def test_a_model_that_does_not_get_on_is_not_asked_for_ever() -> None:
    def listen(windows: Sequence[Float32]) -> list[Listened]:
        return [Listened((segment((" a", 0.0, 0.0)),), until_s=0.0) for _ in windows]

    assert len(in_windows([sound(5.0)], listen, batch_size=1, rate=RATE)[0]) == 1
