"""Writes speech down, with Whisper as run by transformers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenelake.schemas.arrays import Float32
from scenelake.schemas.config import SpeechConfig
from scenelake.schemas.media import Utterance
from scenelake.workers import devices
from scenelake.workers.attention_times import TokenWord, as_words, token_times
from scenelake.workers.speech_common import SAMPLE_RATE, Task, WhisperTranscriber
from scenelake.workers.speech_windows import Listened, Stamped, in_windows, listened
from scenelake.workers.spoken import Segment
from scenelake.workers.whisper_reread import Look, avg_logprobs, reread, start_logits
from scenelake.workers.wordtimes import WITHOUT_SPACES

if TYPE_CHECKING:
    import torch

_MAX_NEW_TOKENS = 224
_SAMPLES_PER_FRAME = 160
_PADDING = 0.0
"""What stands after a window that is not full. Whisper's authors write zeros there, which in
its logarithmic scale are not silence; written as silence, some texts come out otherwise."""
_MAX_INITIAL_STAMP = 50
"""A first word begins within a second: so Whisper was trained."""


class TransformersWhisper(WhisperTranscriber):
    """Many utterances at once, on a GPU where there is one.

    Text comes from the library's `generate`. Times do not: it takes them from the attention
    at writing, which goes on in a batch for all until the last is done, and of which beams
    keep all. Here each text is shown to the model once more, as openai-whisper does, so that
    the times do not depend on the batch.
    Source: https://huggingface.co/docs/transformers/model_doc/whisper
    """

    def __init__(self, config: SpeechConfig) -> None:
        super().__init__(config)
        self._whisper: Any = None
        self._processor: Any = None

    def _n_vocabulary(self, path: Path) -> int:
        return int(json.loads((path / "config.json").read_text("utf-8"))["vocab_size"])

    def _load(self, path: Path) -> None:
        from transformers import WhisperForConditionalGeneration, WhisperProcessor

        devices.share_cores()
        device = devices.device_of(self._config.device)
        dtype = devices.dtype_of(self._config.dtype, device, on_gpu="float16")
        self._processor = WhisperProcessor.from_pretrained(path, local_files_only=True)
        model: Any = WhisperForConditionalGeneration.from_pretrained(
            path, local_files_only=True, dtype=dtype
        )
        _prepared(model.generation_config)
        self._whisper = model.to(device).eval()

    def _n_tokens(self, text: str) -> int:
        return len(self._tokens(text))

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._processor.tokenizer.encode(f" {text}", add_special_tokens=False)
        return tokens

    def _language_odds(self, sound: Float32) -> Mapping[str, float]:
        import torch

        generation = self._whisper.generation_config
        codes = {name[2:-2]: token for name, token in generation.lang_to_id.items()}
        with torch.inference_mode():
            logits = start_logits(self._whisper, self._encode([sound]))[0]
        odds = logits[list(codes.values())].float().softmax(dim=-1).tolist()
        return dict(zip(codes, odds, strict=True))

    def _segments(
        self, utterances: Sequence[Utterance], *, language: str, task: Task
    ) -> list[list[Segment]]:
        import torch

        def listen(windows: Sequence[Float32]) -> list[Listened]:
            with torch.inference_mode():
                return self._listen(windows, language=language, task=task)

        sounds = [self._sound(utterance) for utterance in utterances]
        return in_windows(sounds, listen, batch_size=self._config.batch_size, rate=SAMPLE_RATE)

    def _listen(self, windows: Sequence[Float32], *, language: str, task: Task) -> list[Listened]:
        encoded = self._encode(windows)
        start = self._start(language, task)
        written = self._generate(encoded, start, language=language, task=task)
        texts = [one.text_tokens for one in written]
        looks = reread(
            self._whisper,
            encoded,
            texts,
            prompt=self._prompt_tokens(),
            start=[*start, self._whisper.generation_config.no_timestamps_token_id],
            n_samples=[len(window) for window in windows],
        )
        sure = avg_logprobs(
            self._whisper,
            encoded,
            [one.tokens for one in written],
            before=[*self._prompt_tokens(), *start],
            first_stamp=written[0].first_stamp,
        )
        spaced = (language if task == "transcribe" else "en") not in WITHOUT_SPACES
        return [
            listened(
                one,
                self._timed(text, look, spaced=spaced),
                avg_logprob=avg_logprob,
                no_speech_prob=look.no_speech_prob,
            )
            for one, text, look, avg_logprob in zip(written, texts, looks, sure, strict=True)
        ]

    def _encode(self, windows: Sequence[Float32]) -> torch.Tensor:
        """(N, positions, width) of windows of at most 30 s."""
        found = self._processor.feature_extractor(
            list(windows), sampling_rate=SAMPLE_RATE, return_tensors="pt"
        )
        features = found.input_features
        for row, window in enumerate(windows):
            features[row, :, len(window) // _SAMPLES_PER_FRAME :] = _PADDING
        features = features.to(self._whisper.device, self._whisper.dtype)
        encoded: torch.Tensor = self._whisper.get_encoder()(features).last_hidden_state
        return encoded

    def _start(self, language: str, task: Task) -> list[int]:
        """What a text begins with: its language and the task, where the model knows many."""
        generation = self._whisper.generation_config
        start = [generation.decoder_start_token_id]
        if len(self._languages) > 1:
            start += [generation.lang_to_id[f"<|{language}|>"], generation.task_to_id[task]]
        return start

    def _generate(
        self, encoded: torch.Tensor, start: Sequence[int], *, language: str, task: Task
    ) -> list[Stamped]:
        """What is written of each window."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        options: dict[str, Any] = {}
        if len(self._languages) > 1:
            options |= {"language": f"<|{language}|>", "task": task}
        prompt = self._prompt_tokens()
        if prompt:
            options["prompt_ids"] = torch.tensor(prompt, device=encoded.device)
        n_before = len(prompt) + len(start)
        rows = self._whisper.generate(
            encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
            attention_mask=torch.ones(encoded.shape[:2], device=encoded.device),
            return_timestamps=True,
            force_unique_generate_call=True,
            do_sample=False,
            num_beams=self._config.beam_size,
            early_stopping=self._config.beam_size > 1,
            renormalize_logits=True,
            **options,
        )
        return [self._stamped(row[n_before:]) for row in rows.tolist()]

    def _stamped(self, tokens: list[int]) -> Stamped:
        generation = self._whisper.generation_config
        end = self._whisper.config.eos_token_id
        text = tokens[: tokens.index(end)] if end in tokens else tokens
        return Stamped(tuple(text), generation.no_timestamps_token_id + 1)

    def _prompt_tokens(self) -> list[int]:
        """What a text is taken to follow, after the mark of a prompt; nothing without one."""
        if not self._prompt:
            return []
        return [int(token) for token in self._processor.get_prompt_ids(self._prompt)]

    def _timed(self, text: Sequence[int], look: Look, *, spaced: bool) -> list[TokenWord]:
        if not text:
            return []
        return as_words(
            text,
            token_times(look.attention),
            look.probabilities,
            decode=self._processor.tokenizer.decode,
            spaced=spaced,
        )


def _prepared(generation: Any) -> None:
    """Leave to us what to do of a text that the model doubts; begin as Whisper was trained."""
    generation.max_initial_timestamp_index = _MAX_INITIAL_STAMP
    generation.max_length = _MAX_NEW_TOKENS  # the library adds what comes before the text
    for doubt in ("compression_ratio_threshold", "logprob_threshold", "no_speech_threshold"):
        setattr(generation, doubt, None)
