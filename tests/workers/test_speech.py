"""Writing speech down: real speech comes out, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.config import SpeechConfig, VadConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.media import AudioChunk, Utterance
from scenelake.schemas.rows import Word
from scenelake.workers import weights
from scenelake.workers.engines import Transcript
from scenelake.workers.speech import FasterWhisper
from scenelake.workers.vad import SileroVad

RATE = 16_000
Samples = NDArray[np.float32]

LONG = (
    "The old lighthouse stands on a rocky island north of the harbour and every evening the "
    "keeper climbs two hundred steps to light the lamp before the fishing boats come home "
    "from the open sea with their nets full of silver fish for the market in the morning."
)


def heard(samples: Samples, *, start_s: float = 0.0, **vad: float) -> list[Utterance]:
    """The utterances in some sound, as a film's would be found."""
    detector = SileroVad(VadConfig(**vad))
    detector.setup()
    return list(detector.utterances([AudioChunk(samples, RATE, start_s)]))


def whole(samples: NDArray[np.floating]) -> Utterance:
    """All of the sound as one utterance, as if a detector took it for speech."""
    return Utterance((np.clip(samples, -1, 1) * 32767).astype(np.int16), RATE, 0.0)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def word_error_rate(truth: str, hypothesis: str) -> float:
    """As jiwer counts, without case and punctuation."""

    def plain(written: str) -> str:
        return " ".join(re.sub(r"[^\w' ]+", " ", written.lower()).split())

    return float(jiwer.wer(plain(truth), plain(hypothesis)))


@pytest.fixture(scope="module")
def whisper() -> FasterWhisper:
    transcriber = FasterWhisper(SpeechConfig())
    transcriber.setup()
    return transcriber


@pytest.fixture(scope="module")
def poem(
    whisper: FasterWhisper, sonnet: Any, read_samples: Callable[[Path], Samples]
) -> tuple[list[Utterance], Transcript]:
    utterances = heard(read_samples(sonnet.audio))
    return utterances, whisper.transcribe(utterances)


def test_a_poem_is_written_down_as_well_as_by_faster_whisper_alone(
    poem: tuple[list[Utterance], Transcript], sonnet: Any
) -> None:
    """To a word in a hundred: another division of the speech makes so much of a difference."""
    from faster_whisper import WhisperModel

    config = SpeechConfig()
    alone = WhisperModel(str(weights.locate(config.model)), compute_type=config.compute_type)
    segments, _ = alone.transcribe(str(sonnet.audio), beam_size=5, word_timestamps=True)
    limit = word_error_rate(sonnet.text, " ".join(segment.text for segment in segments))
    assert word_error_rate(sonnet.text, text(poem[1].words)) <= limit + 0.01
    assert poem[1].language == "en"


def test_every_word_lies_within_an_utterance_and_they_are_in_order(
    poem: tuple[list[Utterance], Transcript],
) -> None:
    utterances, transcript = poem
    for word in transcript.words:
        assert any(u.start_s <= word.start_s <= word.end_s <= u.end_s for u in utterances), word
    assert all(a.start_s <= b.start_s for a, b in pairwise(transcript.words))


def test_words_are_bare_of_spaces_and_keep_their_punctuation(
    poem: tuple[list[Utterance], Transcript],
) -> None:
    words = [word.text for word in poem[1].words]
    assert all(word == word.strip() and " " not in word for word in words)
    assert any(word.endswith(",") for word in words)
    assert all(0 <= word.score <= 1 for word in poem[1].words)


def test_the_same_sound_gives_the_same_words_again(
    whisper: FasterWhisper, poem: tuple[list[Utterance], Transcript]
) -> None:
    utterances, transcript = poem
    last = utterances[-1]
    expected = [word for word in transcript.words if word.start_s >= last.start_s]
    assert list(whisper.transcribe([last]).words) == expected


def test_a_sentence_after_silence_is_timed_where_it_is_spoken(
    whisper: FasterWhisper, speak: Callable[..., Samples]
) -> None:
    sentence = speak("A small dog followed us to the beach.")
    sounding = np.flatnonzero(np.abs(sentence) > 0.02) / RATE
    utterances = heard(np.concatenate([silence(3), sentence, silence(3)]), start_s=60.0)
    words = whisper.transcribe(utterances).words
    assert word_error_rate("a small dog followed us to the beach", text(words)) == 0
    assert words[0].start_s == pytest.approx(63 + sounding[0], abs=0.3)
    assert words[-1].end_s == pytest.approx(63 + sounding[-1], abs=0.3)


@pytest.mark.parametrize(
    "said",
    [
        "Yes.",
        "Okay.",
        "Thank you.",
        "No, no, no, no.",
        "Seventeen.",
    ],
)
def test_a_short_answer_in_long_silence_is_kept(
    whisper: FasterWhisper, speak: Callable[..., Samples], said: str
) -> None:
    utterances = heard(np.concatenate([silence(8), speak(said), silence(8)]))
    written = text(whisper.transcribe(utterances).words).replace("17", "seventeen")
    assert word_error_rate(said, written) == 0


def test_a_sentence_too_long_for_one_utterance_loses_no_words(
    whisper: FasterWhisper, speak: Callable[..., Samples]
) -> None:
    sound = np.concatenate([silence(0.5), speak(LONG), silence(0.5)])
    in_one, in_pieces = heard(sound, max_s=30.0), heard(sound, max_s=6.0)
    assert len(in_one) == 1
    assert len(in_pieces) > 2
    n_in_one, n_in_pieces = (len(whisper.transcribe(u).words) for u in (in_one, in_pieces))
    assert n_in_pieces == pytest.approx(n_in_one, abs=3)
    assert n_in_one == pytest.approx(len(LONG.split()), abs=3)


def noise(seconds: float, loudness: float) -> Utterance:
    return whole(np.random.default_rng(1).normal(0, loudness, round(seconds * RATE)))


def tone(seconds: float, hertz: float) -> Utterance:
    return whole(0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE))


def beeps(seconds: float) -> Utterance:
    time_s = np.arange(round(seconds * RATE)) / RATE
    return whole(np.where(time_s % 1 < 0.2, 0.5 * np.sin(2 * np.pi * 1000 * time_s), 0))


def band(seconds: float) -> Utterance:
    """Chords with a drum twice a second."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    roots = np.array([261.6, 220.0, 174.6, 196.0])[(time_s.astype(int)) % 4]
    harmonics = [
        np.sin(2 * np.pi * roots * r * h * time_s) / h for r in (1, 1.25, 1.5) for h in (1, 2)
    ]
    drum = 2 * np.sin(2 * np.pi * 60 * time_s) * np.exp(-12 * (time_s % 0.5))
    return whole(0.15 * (sum(harmonics) * np.exp(-2 * (time_s % 1)) + drum))


@pytest.mark.parametrize(
    "sound",
    [
        whole(silence(3)),
        whole(silence(28)),
        noise(3, 0.01),
        noise(10, 0.1),
        noise(3, 0.5),
        tone(3, 440),
        tone(10, 1000),
        beeps(10),
        band(10),
    ],
    ids=["silence", "long silence", "hiss", "noise", "loud noise", "hum", "tone", "beeps", "band"],
)
def test_sound_without_speech_gives_no_words_even_if_taken_for_speech(
    whisper: FasterWhisper, sound: Utterance
) -> None:
    assert whisper.transcribe([sound]) == Transcript((), None)


@pytest.mark.parametrize("span_s", [(0, 18), (5, 10), (118, 127)])
def test_music_without_singing_gives_no_words_even_if_taken_for_speech(
    whisper: FasterWhisper,
    music_video: Path,
    read_samples: Callable[[Path], Samples],
    span_s: tuple[int, int],
) -> None:
    music = read_samples(music_video)[span_s[0] * RATE : span_s[1] * RATE]
    assert whisper.transcribe([whole(music)]) == Transcript((), None)


def test_a_film_without_speech_has_an_empty_transcript(whisper: FasterWhisper) -> None:
    assert whisper.transcribe([]) == Transcript((), None)


def test_a_language_that_the_model_does_not_know_is_refused_before_any_film() -> None:
    with pytest.raises(UsageError, match=r"speech\.language: .* 'xx'"):
        FasterWhisper(SpeechConfig(language="xx")).setup()
