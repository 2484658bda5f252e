"""Times of tokens by attention, and tokens put together as words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scenelake.workers.attention_times import as_words, first_frames, token_times

TEXTS = {1: " Don", 2: "'t", 3: " (", 4: "wait", 5: ")", 6: ".", 7: "今", 8: "天", 9: " well"}


def decode(tokens: list[int]) -> str:
    """Token 90 is half of a character, and 91 the other half."""
    return "".join({90: "\ufffd", 91: "\ufffd"}.get(t, TEXTS.get(t, "")) for t in tokens).replace(
        "\ufffd\ufffd", " ß"
    )


def words(*tokens: int, spaced: bool = True) -> list[tuple[str, float, float]]:
    """Text, start and end of words whose tokens begin a second apart."""
    times_s = np.arange(len(tokens) + 1, dtype=np.float64)
    sure = np.ones(len(tokens), np.float32)
    found = as_words(tokens, times_s, sure, decode=decode, spaced=spaced)
    assert sum(word.n_tokens for word in found) == len(tokens)
    return [(w.spoken.text, w.spoken.start_s, w.spoken.end_s) for w in found]


def test_pieces_of_a_word_are_one_word_and_marks_belong_to_words() -> None:
    assert words(1, 2, 9, 6) == [(" Don't", 0.0, 2.0), (" well.", 2.0, 3.0)]
    assert words(3, 4, 5) == [(" (wait)", 0.0, 2.0)]


def test_where_no_spaces_are_written_each_character_is_a_word() -> None:
    assert words(7, 8, spaced=False) == [("今", 0.0, 1.0), ("天", 1.0, 2.0)]


def test_bytes_of_one_character_are_not_torn() -> None:
    assert words(9, 90, 91) == [(" well", 0.0, 1.0), (" ß", 1.0, 3.0)]


def test_a_word_is_as_likely_as_its_tokens_on_average() -> None:
    (word,) = as_words(
        (1, 2), np.arange(3.0), np.array([0.9, 0.5], np.float32), decode=decode, spaced=True
    )
    assert word.spoken.probability == pytest.approx(0.7)


def test_the_path_goes_where_it_costs_least_and_never_back() -> None:
    cost = np.ones((3, 6))
    for row, frames in enumerate([(0, 1), (2, 3, 4), (5,)]):
        cost[row, list(frames)] = 0
    assert first_frames(cost).tolist() == [0, 2, 5]
    backwards = cost[::-1]
    firsts = first_frames(backwards)
    assert (np.diff(firsts) >= 0).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_path_is_the_cheapest_of_all(seed: int) -> None:
    """Against the plain recursion, on costs of chance."""
    cost = np.random.default_rng(seed).normal(size=(5, 17))
    total = {(0, 0): 0.0}
    for row in range(5):
        for frame in range(17):
            before = ((row, frame), (row, frame + 1), (row + 1, frame))
            total[row + 1, frame + 1] = cost[row, frame] + min(total.get(b, np.inf) for b in before)
    at, firsts = (5, 17), np.zeros(5)
    while at != (0, 0):
        row, frame = at
        firsts[row - 1] = frame - 1
        steps = ((row - 1, frame - 1), (row - 1, frame), (row, frame - 1))
        at = min(steps, key=lambda step: total.get(step, np.inf))
    assert first_frames(cost).tolist() == firsts.tolist()


def test_a_model_that_looks_at_one_place_after_another_gives_their_times() -> None:
    attention = torch.full((2, 4, 40), 1e-4)
    for token in range(4):
        attention[:, token, token * 10 : token * 10 + 10] = 0.1
    assert token_times(attention / attention.sum(-1, keepdim=True)) == pytest.approx(
        [0.0, 0.2, 0.4, 0.6], abs=0.03
    )
