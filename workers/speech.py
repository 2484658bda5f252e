"""Writes speech down, with Whisper as run by faster-whisper on CTranslate2."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenelake.schemas.arrays import Float32
from scenelake.schemas.config import SpeechConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.media import Utterance
from scenelake.workers.attention_times import TokenWord, with_punctuation
from scenelake.workers.speech_common import SAMPLE_RATE, Task, WhisperTranscriber
from scenelake.workers.speech_windows import Listened, Stamped, in_windows, listened
from scenelake.workers.spoken import Segment, SpokenWord

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

_MAX_INITIAL_STAMP = 50
"""A first word begins within a second: so Whisper was trained."""


class FasterWhisper(WhisperTranscriber):
    """On a GPU where there is one; `compute_type` decides how exactly it computes.

    Source: https://github.com/SYSTRAN/faster-whisper
    """

    def __init__(self, config: SpeechConfig) -> None:
        super().__init__(config)
        self._whisper: WhisperModel | None = None

    @property
    def _loaded(self) -> WhisperModel:
        assert self._whisper is not None, "setup() comes first"
        return self._whisper

    def _n_vocabulary(self, path: Path) -> int:
        written = path / "vocabulary.json"
        if written.is_file():
            return len(json.loads(written.read_text("utf-8")))
        return (path / "vocabulary.txt").read_text("utf-8").count("\n")

    def _load(self, path: Path) -> None:
        from faster_whisper import WhisperModel

        device, _, index = self._config.device.partition(":")
        try:
            self._whisper = WhisperModel(
                str(path),
                device=device,
                device_index=int(index or 0),
                compute_type=self._config.compute_type,
                cpu_threads=_cpu_threads(),
            )
        except ValueError as error:  # CTranslate2's for a device or type that it lacks here
            raise UsageError(f"speech.device, speech.compute_type: {error}") from error

    def _n_tokens(self, text: str) -> int:
        return len(self._loaded.hf_tokenizer.encode(f" {text}", add_special_tokens=False).ids)

    def _language_odds(self, sound: Float32) -> Mapping[str, float]:
        *_, probabilities = self._loaded.detect_language(sound)
        return dict(probabilities)

    def _segments(
        self, utterances: Sequence[Utterance], *, language: str, task: Task
    ) -> list[list[Segment]]:
        if self._config.batch_size == 1:
            return [list(self._alone(u, language=language, task=task)) for u in utterances]
        batch = _Batch(self._loaded, self._config, language=language, task=task)
        sounds = [self._sound(utterance) for utterance in utterances]
        return in_windows(
            sounds, batch.listen, batch_size=self._config.batch_size, rate=SAMPLE_RATE
        )

    def _alone(self, utterance: Utterance, *, language: str, task: Task) -> Iterator[Segment]:
        segments, _ = self._loaded.transcribe(
            self._sound(utterance),
            language=language,
            task=task,
            beam_size=self._config.beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            initial_prompt=self._config.initial_prompt,
            hotwords=self._config.hotwords,
            word_timestamps=True,
        )
        for segment in segments:
            yield Segment(
                words=tuple(
                    SpokenWord(float(w.start), float(w.end), w.word, float(w.probability))
                    for w in segment.words or ()
                ),
                avg_logprob=segment.avg_logprob,
                no_speech_prob=segment.no_speech_prob,
                compression_ratio=segment.compression_ratio,
            )


class _Batch:
    """Windows of one language, many at once.

    The library's own batches leave out what a window has not told to its end, and let the
    words of one window move those of the next; so its parts are put together here.
    """

    def __init__(
        self, whisper: WhisperModel, config: SpeechConfig, *, language: str, task: Task
    ) -> None:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        self._whisper = whisper
        self._config = config
        self._tokenizer: Tokenizer = Tokenizer(
            whisper.hf_tokenizer, whisper.model.is_multilingual, task=task, language=language
        )
        self._suppressed = get_suppressed_tokens(self._tokenizer, [-1])

    def listen(self, windows: Sequence[Float32]) -> list[Listened]:
        from faster_whisper.audio import pad_or_trim

        features = [self._whisper.feature_extractor(window)[..., :-1] for window in windows]
        encoded = self._whisper.encode(np.stack([pad_or_trim(f) for f in features]))
        results = self._write(encoded, len(windows))
        written = [
            Stamped(tuple(result.sequences_ids[0]), self._tokenizer.timestamp_begin)
            for result in results
        ]
        found = self._whisper.find_alignment(
            self._tokenizer,
            [one.text_tokens for one in written],
            encoded,
            [feature.shape[-1] for feature in features],
        )
        return [
            listened(
                one,
                with_punctuation([_token_word(word) for word in words]),
                avg_logprob=_avg_logprob(result),
                no_speech_prob=result.no_speech_prob,
            )
            for one, words, result in zip(written, found, results, strict=True)
        ]

    def _write(self, encoded: Any, n: int) -> list[Any]:
        """What CTranslate2 writes of each of `n` encoded windows."""
        return list(
            self._whisper.model.generate(
                encoded,
                [self._prompt()] * n,
                beam_size=self._config.beam_size,
                max_length=self._whisper.max_length,
                return_scores=True,
                return_no_speech_prob=True,
                suppress_blank=True,
                suppress_tokens=self._suppressed,
                max_initial_timestamp_index=_MAX_INITIAL_STAMP,
            )
        )

    def _prompt(self) -> list[int]:
        told = self._config.initial_prompt
        before = self._tokenizer.encode(f" {told.strip()}") if told else []
        prompt: list[int] = self._whisper.get_prompt(
            self._tokenizer, before, hotwords=self._config.hotwords
        )
        return prompt


def _avg_logprob(result: Any) -> float:
    """A score is the mean over the tokens; Whisper counts the token of the end too."""
    n_tokens = len(result.sequences_ids[0])
    return float(result.scores[0]) * n_tokens / (n_tokens + 1)


def _token_word(found: Mapping[str, Any]) -> TokenWord:
    spoken = SpokenWord(
        start_s=float(found["start"]),
        end_s=float(found["end"]),
        text=found["word"],
        probability=float(found["probability"]),
    )
    return TokenWord(len(found["tokens"]), spoken)


def _cpu_threads() -> int:
    """Threads of one model; 0 leaves it to OMP_NUM_THREADS, which Ray sets for its workers."""
    if "OMP_NUM_THREADS" in os.environ:
        return 0
    return min(4, os.cpu_count() or 1)
