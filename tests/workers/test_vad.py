"""Finding where people speak, in real and in synthesised sound."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.config import VadConfig
from scenelake.schemas.media import AudioChunk, Utterance
from scenelake.workers.vad import SileroVad

RATE = 16_000
Samples = NDArray[np.float32]


def chunks(samples: Samples, *, every_s: float = 1.0, start_s: float = 0.0) -> Iterator[AudioChunk]:
    n = round(every_s * RATE)
    for first in range(0, len(samples), n):
        yield AudioChunk(samples[first : first + n], RATE, start_s + first / RATE)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def noise(seconds: float, loudness: float) -> Samples:
    random = np.random.default_rng(0)
    samples = random.standard_normal(round(seconds * RATE)) * loudness
    return np.clip(samples, -1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def vad() -> SileroVad:
    detector = SileroVad(VadConfig())
    detector.setup()
    return detector


def same(one: list[Utterance], other: list[Utterance]) -> bool:
    def key(utterances: list[Utterance]) -> list[tuple[float, bytes]]:
        return [(u.start_s, u.samples.tobytes()) for u in utterances]

    return key(one) == key(other)


@pytest.mark.parametrize("every_s", [0.0313, 0.1, 10.0, 100.0])
def test_how_the_sound_is_chunked_changes_nothing(
    vad: SileroVad, sonnet: Any, read_samples: Callable[[Path], Samples], every_s: float
) -> None:
    samples = read_samples(sonnet.audio)
    in_seconds = list(vad.utterances(chunks(samples)))
    assert in_seconds
    assert same(in_seconds, list(vad.utterances(chunks(samples, every_s=every_s))))


def test_a_poem_is_heard_whole_in_utterances_that_do_not_overlap(
    vad: SileroVad, sonnet: Any, read_samples: Callable[[Path], Samples]
) -> None:
    samples = read_samples(sonnet.audio)
    utterances = list(vad.utterances(chunks(samples)))
    assert sum(u.end_s - u.start_s for u in utterances) > 0.9 * len(samples) / RATE
    assert all(u.end_s - u.start_s <= VadConfig().max_s for u in utterances)
    ends_s = [0.0, *(u.end_s for u in utterances), len(samples) / RATE]
    starts_s = [0.0, *(u.start_s for u in utterances), len(samples) / RATE]
    assert all(end <= start for end, start in zip(ends_s, starts_s[1:], strict=False))


@pytest.mark.parametrize(
    "sound",
    [silence(20), noise(20, 0.003), noise(20, 0.1), noise(20, 0.5)],
    ids=["silence", "hiss", "noise", "loud noise"],
)
def test_silence_and_noise_hold_no_speech(vad: SileroVad, sound: Samples) -> None:
    assert list(vad.utterances(chunks(sound))) == []


def test_a_song_is_not_speech(
    vad: SileroVad, music_video: Path, read_samples: Callable[[Path], Samples]
) -> None:
    assert list(vad.utterances(chunks(read_samples(music_video)[: 90 * RATE]))) == []


def test_a_word_after_long_silence_is_found_where_it_is(
    vad: SileroVad, speak: Callable[..., Samples]
) -> None:
    sound = np.concatenate([silence(30), speak("Good morning"), silence(5)])
    (utterance,) = vad.utterances(chunks(sound))
    assert utterance.start_s == pytest.approx(30 - VadConfig().pad_s, abs=0.15)


@pytest.mark.parametrize("gap_s", [0.5, 7.0, 3600.0])
def test_a_gap_between_chunks_is_time_that_passed(
    vad: SileroVad, speak: Callable[..., Samples], gap_s: float
) -> None:
    first = np.concatenate([speak("The first sentence ends here."), silence(3)])
    second = np.concatenate([silence(1), speak("The second one is late.")])
    late_s = len(first) / RATE + gap_s

    def stream() -> Iterator[AudioChunk]:
        yield from chunks(first)
        yield from chunks(second, start_s=late_s)

    *_, last = vad.utterances(stream())
    assert last.start_s == pytest.approx(late_s + 1 - VadConfig().pad_s, abs=0.15)


def test_sound_that_comes_twice_is_heard_once(
    vad: SileroVad, speak: Callable[..., Samples]
) -> None:
    sound = np.concatenate([silence(1), speak("This is said only once in the film."), silence(1)])

    def overlapping() -> Iterator[AudioChunk]:
        for first in range(0, len(sound), RATE // 2):
            yield AudioChunk(sound[first : first + RATE], RATE, first / RATE)

    assert same(list(vad.utterances(overlapping())), list(vad.utterances(chunks(sound))))


def test_damaged_samples_do_not_deafen_what_follows(
    vad: SileroVad, speak: Callable[..., Samples]
) -> None:
    sound = np.concatenate([silence(2), speak("Good morning, everyone."), silence(2)])
    sound[1000:1100] = np.nan
    assert len(list(vad.utterances(chunks(sound)))) == 1


def test_sound_at_another_rate_is_refused(vad: SileroVad) -> None:
    with pytest.raises(ValueError, match="48000 Hz"):
        list(vad.utterances([AudioChunk(silence(1), 48_000, 0.0)]))


def test_finding_speech_leaves_torch_alone() -> None:
    """Importing the silero_vad package would set torch's threads for everybody."""
    code = (
        "import sys; from scenelake.schemas.config import VadConfig;"
        "from scenelake.workers.vad import SileroVad; SileroVad(VadConfig()).setup();"
        "sys.exit('torch' in sys.modules or 'silero_vad' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
