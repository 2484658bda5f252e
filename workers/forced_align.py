"""Times of words by a CTC model: each letter is put where the model hears it.

The words stay the transcriber's. Those that the model's alphabet cannot spell (numbers,
other scripts) keep the transcriber's times; between letters, a token that fits any sound
stands for them.
Sources: Kürzinger et al. 2020, arXiv:2007.09127; Pratap et al. 2023, arXiv:2305.13516.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenelake.schemas.arrays import Float32
from scenelake.schemas.config import SpeechConfig
from scenelake.schemas.errors import UsageError
from scenelake.schemas.media import Utterance
from scenelake.workers import devices, weights
from scenelake.workers.resample import samples_at
from scenelake.workers.spoken import SpokenWord

if TYPE_CHECKING:
    import torch

RATE = 16_000
_LEAST_SAMPLES = 400
"""What one frame of wav2vec 2.0 hears; less gives none."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """What a CTC model can spell.

    Attributes:
        tokens: letter -> token, letters as the model writes them.
        blank: the token of no letter.
        gap: the token between words, if there is one.
    """

    tokens: Mapping[str, int]
    blank: int
    gap: int | None

    def spell(self, text: str) -> list[int] | None:
        """Tokens of a word without its punctuation; None if a letter or digit has none."""
        spelled = []
        for character in text.strip():
            token = self._token(character)
            if token is None and character.isalnum():
                return None
            if token is not None:
                spelled.append(token)
        return spelled or None

    def _token(self, character: str) -> int | None:
        forms = (character, character.upper(), character.lower())
        return next((self.tokens[form] for form in forms if form in self.tokens), None)


@dataclass(frozen=True, slots=True)
class Spelling:
    """An utterance's words as one row of tokens.

    Attributes:
        tokens: of all words, gaps between them; `anything` for a word without spelling.
        spans: of each word, from its first token to one past its last; None if unspelt.
    """

    tokens: tuple[int, ...]
    spans: tuple[tuple[int, int] | None, ...]

    @classmethod
    def of(cls, texts: Sequence[str], alphabet: Alphabet, *, anything: int) -> Spelling:
        tokens: list[int] = []
        spans: list[tuple[int, int] | None] = []
        for text in texts:
            if tokens and alphabet.gap is not None:
                tokens.append(alphabet.gap)
            spelled = alphabet.spell(text)
            begin = len(tokens)
            tokens += spelled or [anything]
            spans.append((begin, len(tokens)) if spelled else None)
        return cls(tuple(tokens), tuple(spans))

    @property
    def n_frames(self) -> int:
        """The fewest frames that hold it: equal neighbours need a blank between them."""
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        return len(self.tokens) + sum(a == b for a, b in pairs)


class ForcedAligner:
    """Puts words where a model of the wav2vec 2.0 kind hears their letters."""

    def __init__(self, config: SpeechConfig) -> None:
        self._config = config
        self._device = "cpu"
        self._model: Any = None
        self._features: Any = None
        self._alphabet: Alphabet | None = None

    def setup(self) -> None:
        """Load the model.

        Errors:
            MissingWeightsError: it is not on this machine.
            UsageError: the folder holds no CTC model with an alphabet.
        """
        from transformers import AutoModelForCTC, Wav2Vec2FeatureExtractor

        folder = weights.locate(self._config.align_model)
        self._device = devices.device_of(self._config.device)
        dtype = devices.dtype_of(self._config.dtype, self._device, on_gpu="float16")
        self._alphabet = read_alphabet(folder)
        self._features = Wav2Vec2FeatureExtractor.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCTC.from_pretrained(folder, local_files_only=True, dtype=dtype)
        self._model = model.to(self._device).eval()

    def align(self, utterance: Utterance, words: Sequence[SpokenWord]) -> list[SpokenWord]:
        """The words of an utterance with the model's times, as far as it can spell them."""
        if not words:
            return []
        assert self._alphabet is not None, "setup() comes first"
        sound = samples_at(utterance, RATE, device=self._device)
        if len(sound) < _LEAST_SAMPLES:
            return list(words)
        log_probs = self._log_probs(sound)
        return aligned(words, log_probs, self._alphabet, length_s=len(sound) / RATE)

    def _log_probs(self, sound: Float32) -> torch.Tensor:
        """(frames, alphabet) float32."""
        import torch

        found = self._features(sound, sampling_rate=RATE, return_tensors="pt")
        values = found.input_values.to(self._device, self._model.dtype)
        with torch.inference_mode():
            logits = self._model(values).logits[0]
        return torch.log_softmax(logits.float(), dim=-1)


def aligned(
    words: Sequence[SpokenWord], log_probs: torch.Tensor, alphabet: Alphabet, *, length_s: float
) -> list[SpokenWord]:
    """The words at the times at which `log_probs` spell them.

    Args:
        log_probs: (frames, alphabet) of a sound of `length_s`.
    """
    anything = log_probs.shape[1]
    spelling = Spelling.of([word.text for word in words], alphabet, anything=anything)
    if not any(spelling.spans) or spelling.n_frames > len(log_probs):
        return list(words)
    frame_s = length_s / len(log_probs)
    frames = _token_frames(log_probs, spelling, alphabet.blank)
    spans_s = [
        (frames[span[0]][0] * frame_s, frames[span[1] - 1][1] * frame_s) if span else None
        for span in spelling.spans
    ]
    return list(_timed(words, spans_s, length_s))


def _token_frames(log_probs: torch.Tensor, spelling: Spelling, blank: int) -> list[tuple[int, int]]:
    """First frame of each token and one past its last."""
    import torch
    from torchaudio.functional import forced_align, merge_tokens

    fits_all = torch.zeros((len(log_probs), 1), device=log_probs.device)
    emission = torch.cat([log_probs, fits_all], dim=1)[None]
    targets = torch.tensor([spelling.tokens], dtype=torch.int32, device=log_probs.device)
    path, scores = forced_align(emission, targets, blank=blank)
    return [(s.start, s.end) for s in merge_tokens(path[0], scores[0], blank=blank)]


def _timed(
    words: Sequence[SpokenWord], spans_s: Sequence[tuple[float, float] | None], length_s: float
) -> Iterator[SpokenWord]:
    """Words at their spans; one without stays where it was, between its neighbours."""
    ends_s = np.minimum.accumulate([s[0] if s else length_s for s in spans_s][::-1])[::-1]
    last_s = 0.0
    for index, (word, span_s) in enumerate(zip(words, spans_s, strict=True)):
        until_s = float(ends_s[index + 1]) if index + 1 < len(words) else length_s
        start_s, end_s = span_s or (
            min(max(word.start_s, last_s), until_s),
            min(max(word.end_s, last_s), until_s),
        )
        last_s = end_s
        yield replace(word, start_s=start_s, end_s=end_s)


def read_alphabet(folder: Path) -> Alphabet:
    """The alphabet of a wav2vec 2.0 tokenizer in a folder.

    Errors:
        UsageError: there is none.
    """
    try:
        tokens: dict[str, int] = json.loads((folder / "vocab.json").read_text("utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"speech.align_model: {error.filename} is missing") from error
    settings = _settings(folder / "tokenizer_config.json")
    blank, gap = settings.get("pad_token", "<pad>"), settings.get("word_delimiter_token", "|")
    if blank not in tokens:
        raise UsageError(f"speech.align_model: {folder / 'vocab.json'} has no {blank!r}")
    letters = {letter: token for letter, token in tokens.items() if len(letter) == 1}
    gap_token = letters.pop(gap, None)
    return Alphabet(letters, blank=tokens[blank], gap=gap_token)


def _settings(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}
