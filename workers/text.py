"""Texts to vectors: all-MiniLM-L6-v2, a small BERT trained on pairs of sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scenelake.schemas.arrays import Float32
from scenelake.schemas.config import TextConfig
from scenelake.schemas.errors import SceneLakeError
from scenelake.workers import weights
from scenelake.workers.devices import share_cores
from scenelake.workers.pretrained import load
from scenelake.workers.text_light import LightMiniLm

WEIGHTS = "minilm"
DIM = 384
MAX_TOKENS = 256
"""What the model was trained on, about 180 words of English; later words are not read."""

_BATCH_SIZE = 16


@dataclass(frozen=True, slots=True)
class _Loaded:
    tokenizer: Any
    model: Any
    n_special: int
    pad_id: int


class MiniLm:
    """Mean of the last layer over the text's tokens, as Sentence-BERT pools it.

    Source: Reimers and Gurevych 2019, arXiv:1908.10084.
    """

    def __init__(self, config: TextConfig) -> None:
        self._config = config
        self._loaded: _Loaded | None = None

    @property
    def model(self) -> str:
        return weights.identity(WEIGHTS)

    @property
    def weights(self) -> tuple[str, ...]:
        return (WEIGHTS,)

    @property
    def dim(self) -> int:
        return DIM

    def for_queries(self) -> LightMiniLm:
        """The same vectors for one text at a time, ready in a tenth of the time."""
        return LightMiniLm(weights_name=WEIGHTS, dim=DIM, max_tokens=MAX_TOKENS)

    def setup(self) -> None:
        """Load the weights from this machine; a second call does nothing.

        Errors:
            MissingWeightsError: they are not here.
            SceneLakeError: they are of a model with other vectors.
        """
        if self._loaded is not None:
            return
        loaded = _load(str(weights.locate(WEIGHTS)))
        size = loaded.model.config.hidden_size
        if size != DIM:
            raise SceneLakeError(f"weights {WEIGHTS}: vectors of {size}, expected {DIM}")
        self._loaded = loaded

    def encode(self, texts: Sequence[str]) -> Float32:
        """(N,) texts to (N, 384) float32 of length 1; a text without words gives zeros."""
        assert self._loaded is not None, "setup() comes first"
        vectors = np.zeros((len(texts), DIM), np.float32)
        tokens = [_tokens(self._loaded, text) for text in texts]
        for rows in _batches(tokens, n_special=self._loaded.n_special):
            vectors[rows] = _embed(self._loaded, [tokens[row] for row in rows])
        return vectors


def _load(folder: str) -> _Loaded:
    from transformers import AutoModel, AutoTokenizer

    share_cores()
    tokenizer = load(AutoTokenizer, Path(folder))
    return _Loaded(
        tokenizer=tokenizer,
        model=load(AutoModel, Path(folder)).eval(),
        n_special=tokenizer.num_special_tokens_to_add(),
        pad_id=tokenizer.pad_token_id,
    )


def _tokens(loaded: _Loaded, text: str) -> list[int]:
    """One text at a time: the tokenizer's own threads would complain after every fork."""
    ids: list[int] = loaded.tokenizer(text, truncation=True, max_length=MAX_TOKENS)["input_ids"]
    return ids


def _batches(tokens: Sequence[Sequence[int]], *, n_special: int) -> Iterator[list[int]]:
    """Rows that have words, in batches of about the same length, so that little is padding."""
    rows = sorted(
        (row for row, ids in enumerate(tokens) if len(ids) > n_special),
        key=lambda row: len(tokens[row]),
    )
    for first in range(0, len(rows), _BATCH_SIZE):
        yield rows[first : first + _BATCH_SIZE]


def _embed(loaded: _Loaded, batch: Sequence[Sequence[int]]) -> Float32:
    import torch

    longest = max(len(ids) for ids in batch)
    padded = [[*ids, *[loaded.pad_id] * (longest - len(ids))] for ids in batch]
    mask = torch.tensor([[column < len(ids) for column in range(longest)] for ids in batch])
    with torch.inference_mode():
        states = loaded.model(input_ids=torch.tensor(padded), attention_mask=mask.long())
        sums = (states.last_hidden_state * mask[..., None]).sum(dim=1)
        # The sum points where the mean does, and only the direction is kept.
        vectors: Float32 = torch.nn.functional.normalize(sums, dim=1).numpy()
    return vectors
