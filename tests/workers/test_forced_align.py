"""Words put where a CTC model hears their letters; the words stay as they are."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from scenelake.schemas.config import SpeechConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.media import Utterance
from scenelake.workers.forced_align import Alphabet, ForcedAligner, aligned, read_alphabet
from scenelake.workers.spoken import SpokenWord
from tests.media.whisper_checkpoints import ctc_folder

ALPHABET = Alphabet({"A": 1, "B": 2, "'": 4}, blank=0, gap=3)
BLANK, A, B, GAP = range(4)


def heard(tokens: list[int]) -> torch.Tensor:
    """What a sure model hears, a token a frame: (frames, 5)."""
    odds = torch.full((len(tokens), 5), 0.01)
    odds[range(len(tokens)), tokens] = 0.96
    return odds.log()


def spoken(*texts: str) -> list[SpokenWord]:
    """Words a second apart, as a transcriber might time them."""
    return [SpokenWord(float(i), i + 0.5, f" {text}", 0.7) for i, text in enumerate(texts)]


def spans(words: list[SpokenWord]) -> list[tuple[float, float]]:
    return [(round(w.start_s, 6), round(w.end_s, 6)) for w in words]


def test_words_are_where_their_letters_are_heard() -> None:
    log_probs = heard([BLANK, A, B, B, BLANK, GAP, BLANK, B, BLANK, A])
    words = aligned(spoken("ab", "ba"), log_probs, ALPHABET, length_s=1.0)
    assert spans(words) == [(0.1, 0.4), (0.7, 1.0)]
    assert [(w.text, w.probability) for w in words] == [(" ab", 0.7), (" ba", 0.7)]


def test_letters_said_twice_are_two() -> None:
    log_probs = heard([A, BLANK, A, GAP, GAP, B])
    assert spans(aligned(spoken("aa", "b"), log_probs, ALPHABET, length_s=6.0)) == [(0, 3), (5, 6)]


def test_case_and_punctuation_do_not_matter() -> None:
    log_probs = heard([BLANK, A, B, BLANK])
    assert spans(aligned(spoken("“Ab,”"), log_probs, ALPHABET, length_s=4.0)) == [(1, 3)]


@pytest.mark.parametrize("odd", ["17", "漢", "a7"])
def test_a_word_that_cannot_be_spelt_keeps_its_times_between_its_neighbours(odd: str) -> None:
    log_probs = heard([A, GAP, BLANK, BLANK, BLANK, GAP, B, BLANK])
    words = [
        SpokenWord(0.0, 2.5, " a", 0.9),
        SpokenWord(2.0, 7.5, f" {odd}", 0.9),
        SpokenWord(7.5, 8.0, " b", 0.9),
    ]
    found = aligned(words, log_probs, ALPHABET, length_s=8.0)
    assert spans(found) == [(0.0, 1.0), (2.0, 6.0), (6.0, 7.0)]
    assert [w.text for w in found] == [" a", f" {odd}", " b"]


def test_words_that_are_too_many_for_the_sound_keep_their_times() -> None:
    words = spoken("abab", "ba")
    assert aligned(words, heard([A, B, A]), ALPHABET, length_s=3.0) == words


def test_words_none_of_which_can_be_spelt_keep_their_times() -> None:
    words = spoken("17", "...")
    assert aligned(words, heard([A, B, A]), ALPHABET, length_s=3.0) == words


@pytest.fixture(scope="module")
def aligner(tmp_path_factory: pytest.TempPathFactory) -> ForcedAligner:
    folder = ctc_folder(tmp_path_factory.mktemp("ctc"))
    aligner = ForcedAligner(SpeechConfig(align_model=str(folder)))
    aligner.setup()
    return aligner


def utterance(seconds: float) -> Utterance:
    samples = np.random.default_rng(0).normal(0, 3000, round(seconds * 16_000))
    return Utterance(samples.astype(np.int16), 16_000, 5.0)


def test_a_real_model_gives_times_in_order_within_the_utterance(aligner: ForcedAligner) -> None:
    words = spoken("the", "old", "lighthouse", "of", "1887", "stands", "there")
    found = aligner.align(utterance(6.0), words)
    assert [(w.text, w.probability) for w in found] == [(w.text, w.probability) for w in words]
    assert all(0 <= w.start_s <= w.end_s <= 6.0 for w in found)
    assert all(a.end_s <= b.start_s for a, b in pairwise(found))
    assert spans(found) != spans(words)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.03])
def test_hardly_any_sound_changes_nothing(aligner: ForcedAligner, seconds: float) -> None:
    assert aligner.align(utterance(seconds), spoken("hello")) == spoken("hello")


def test_no_words_stay_none(aligner: ForcedAligner) -> None:
    assert aligner.align(utterance(1.0), []) == []


@pytest.mark.parametrize(
    "spoil",
    [lambda vocab: vocab.unlink(), lambda vocab: vocab.write_text('{"a": 0}')],
    ids=["no vocabulary", "no blank"],
)
def test_a_folder_without_an_alphabet_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    vocab = tmp_path / "vocab.json"
    vocab.write_text('{"<pad>": 0}')
    spoil(vocab)
    with pytest.raises(UsageError, match=r"speech\.align_model: .*vocab\.json"):
        read_alphabet(tmp_path)
