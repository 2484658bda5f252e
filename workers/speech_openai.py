"""Writes speech down, with Whisper as its authors run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenelake.schemas.arrays import Float32
from scenelake.schemas.config import SpeechConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.media import Utterance
from scenelake.workers import devices
from scenelake.workers.speech_common import Task, WhisperTranscriber
from scenelake.workers.spoken import Segment, SpokenWord

if TYPE_CHECKING:
    from whisper.model import Whisper


class OpenAiWhisper(WhisperTranscriber):
    """One utterance at a time, whatever `batch_size`: its beam search knows no batches.

    Takes a checkpoint ``.pt``, or a folder with one. Under the name that its authors gave
    it (``large-v3-turbo.pt``) it is known which heads of the model follow the speech; times
    of words of others are less exact.
    Source: https://github.com/openai/whisper
    """

    def __init__(self, config: SpeechConfig) -> None:
        super().__init__(config)
        self._whisper: Whisper | None = None
        self._fp16 = False

    @property
    def _loaded(self) -> Whisper:
        assert self._whisper is not None, "setup() comes first"
        return self._whisper

    def _n_vocabulary(self, path: Path) -> int:
        """From the checkpoint's head; its weights are mapped, not read."""
        import torch

        checkpoint = torch.load(_checkpoint(path), map_location="cpu", weights_only=True, mmap=True)
        return int(checkpoint["dims"]["n_vocab"])

    def _load(self, path: Path) -> None:
        """Load the model; the library unpickles no more than tensors.

        Errors:
            UsageError: it cannot compute in the configured dtype.
        """
        import torch
        import whisper

        devices.share_cores()
        device = devices.device_of(self._config.device)
        dtype = devices.dtype_of(self._config.dtype, device, on_gpu="float16")
        if dtype not in (torch.float32, torch.float16):
            raise UsageError(f"speech.dtype: openai-whisper has no {self._config.dtype}")
        self._fp16 = dtype == torch.float16 and device != "cpu"
        checkpoint = _checkpoint(path)
        self._whisper = whisper.load_model(str(checkpoint), device=device)
        heads = whisper._ALIGNMENT_HEADS.get(checkpoint.stem)
        if heads is not None:
            self._whisper.set_alignment_heads(heads)

    def _n_tokens(self, text: str) -> int:
        from whisper.tokenizer import get_tokenizer

        return len(get_tokenizer(self._loaded.is_multilingual).encode(f" {text}"))

    def _language_odds(self, sound: Float32) -> Mapping[str, float]:
        import whisper

        mel = whisper.log_mel_spectrogram(sound, self._loaded.dims.n_mels)
        mel = whisper.pad_or_trim(mel, whisper.audio.N_FRAMES)
        _, odds = self._loaded.detect_language(mel.to(self._loaded.device))
        return dict(odds)

    def _segments(
        self, utterances: Sequence[Utterance], *, language: str, task: Task
    ) -> list[list[Segment]]:
        return [self._alone(self._sound(u), language=language, task=task) for u in utterances]

    def _alone(self, sound: Float32, *, language: str, task: Task) -> list[Segment]:
        beam_size = self._config.beam_size
        found = self._loaded.transcribe(
            sound,
            language=language,
            task=task,
            beam_size=beam_size if beam_size > 1 else None,
            temperature=0.0,
            condition_on_previous_text=False,
            initial_prompt=self._prompt or None,
            word_timestamps=True,
            fp16=self._fp16,
        )
        return [_segment(segment) for segment in found["segments"]]


def _segment(found: Mapping[str, Any]) -> Segment:
    return Segment(
        words=tuple(
            SpokenWord(float(w["start"]), float(w["end"]), w["word"], float(w["probability"]))
            for w in found["words"]
        ),
        avg_logprob=found["avg_logprob"],
        no_speech_prob=found["no_speech_prob"],
        compression_ratio=found["compression_ratio"],
    )


def _checkpoint(path: Path) -> Path:
    """The checkpoint itself, or the one in a folder.

    Errors:
        FileNotFoundError: there is none, or more than one.
    """
    if path.is_file():
        return path
    found = list(path.glob("*.pt"))
    if len(found) != 1:
        raise FileNotFoundError(2, f"{len(found)} checkpoints", str(path / "*.pt"))
    return found[0]
