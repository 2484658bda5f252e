"""Writes speech down, with Whisper as run by faster-whisper on CTranslate2."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from scenelake.schemas.config import SpeechConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.flow import Float32, Utterance
from scenelake.schemas.rows import Word
from scenelake.workers import weights
from scenelake.workers.engines import Transcript
from scenelake.workers.phantoms import believed
from scenelake.workers.wordtimes import on_film_clock

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

SAMPLE_RATE = 16_000
N_LISTENED = 3
"""The language is told from this many utterances, the longest."""
ISO_639_1 = {"jw": "jv", "yue": "zh"}
"""Whisper's own codes that ISO 639-1 writes otherwise."""


class FasterWhisper:
    """A :class:`~scenelake.workers.engines.Transcriber`; on a GPU where there is one.

    Decodes without sampling, so that the same sound always gives the same words.
    Source: https://github.com/SYSTRAN/faster-whisper
    """

    def __init__(self, config: SpeechConfig) -> None:
        self._config = config
        self._whisper: WhisperModel | None = None

    @property
    def model(self) -> str:
        return weights.identity(self._config.model)

    def setup(self) -> None:
        """Load the model.

        Errors:
            MissingWeightsError: it is not on this machine.
            UsageError: the model does not know the configured language.
        """
        from faster_whisper import WhisperModel

        self._whisper = WhisperModel(
            str(weights.locate(self._config.model)),
            compute_type=self._config.compute_type,
            cpu_threads=_cpu_threads(),
        )
        language = self._config.language
        if language is not None and language not in self._whisper.supported_languages:
            raise UsageError(f"speech.language: {self._config.model} does not know {language!r}")

    def transcribe(self, utterances: Sequence[Utterance]) -> Transcript:
        """Words of one film, on its clock; without words, no language.

        Errors:
            ValueError: an utterance is not at 16 kHz.
        """
        if not utterances:
            return Transcript((), None)
        language = self._config.language or self._language(utterances)
        words = tuple(word for u in utterances for word in self._words(u, language))
        return Transcript(words, ISO_639_1.get(language, language) if words else None)

    def _words(self, utterance: Utterance, language: str) -> Iterator[Word]:
        assert self._whisper is not None, "setup() comes first"
        segments, _ = self._whisper.transcribe(
            _samples(utterance),
            language=language,
            beam_size=self._config.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
        )
        yield from on_film_clock(believed(segments, self._config), utterance, language=language)

    def _language(self, utterances: Sequence[Utterance]) -> str:
        """The likeliest language of the longest utterances, each weighted by its length."""
        assert self._whisper is not None, "setup() comes first"
        if not self._whisper.model.is_multilingual:
            return "en"
        votes: Counter[str] = Counter()
        longest = sorted(utterances, key=lambda u: -len(u.samples))[:N_LISTENED]
        for utterance in longest:
            *_, probabilities = self._whisper.detect_language(_samples(utterance))
            for language, probability in probabilities:
                votes[language] += probability * len(utterance.samples)
        return votes.most_common(1)[0][0]


def _samples(utterance: Utterance) -> Float32:
    if utterance.sample_rate != SAMPLE_RATE:
        raise ValueError(f"utterance at {utterance.sample_rate} Hz, Whisper takes {SAMPLE_RATE}")
    return np.divide(utterance.samples, 32768, dtype=np.float32)


def _cpu_threads() -> int:
    """Threads of one model; 0 leaves it to OMP_NUM_THREADS, which Ray sets for its workers."""
    if "OMP_NUM_THREADS" in os.environ:
        return 0
    return min(4, os.cpu_count() or 1)
