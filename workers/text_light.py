"""One short text to its vector, without a library of tensors.

all-MiniLM-L6-v2 for queries: the same weights and, to rounding, the same vectors as
:class:`~scenelake.workers.text.MiniLm` gives, in NumPy. Loading takes a tenth of a second,
where torch and transformers take four.

Sources: Devlin et al. 2019, arXiv:1810.04805 (BERT); Reimers and Gurevych 2019,
arXiv:1908.10084 (mean over tokens).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from scenelake.schemas.arrays import Float32
from scenelake.schemas.errors import MissingWeightsError
from scenelake.workers import weights
from scenelake.workers.blas import one_thread

_N_KEPT = 64
"""Texts whose vectors are remembered: one query is put to pictures and to words."""


class LightMiniLm:
    """A :class:`~scenelake.workers.engines.TextEncoder` that takes one text at a time.

    Args:
        weights_name: as `workers.weights` knows it.
        max_tokens: later ones are not read.
    """

    def __init__(self, *, weights_name: str, dim: int, max_tokens: int) -> None:
        self.dim = dim
        self._name = weights_name
        self._max_tokens = max_tokens

    @property
    def model(self) -> str:
        return weights.identity(self._name)

    @property
    def weights(self) -> tuple[str, ...]:
        return (self._name,)

    def setup(self) -> None:
        """Load the weights from this machine, once in a process.

        Errors:
            MissingWeightsError: they are not here, or not those of a BERT.
        """
        _load(weights.locate(self._name), self._max_tokens)

    def encode(self, texts: Sequence[str]) -> Float32:
        """(N,) texts to (N, D) float32 of length 1; a text without words gives zeros."""
        folder = weights.locate(self._name)
        vectors = [_vector(folder, self._max_tokens, text) for text in texts]
        return np.stack(vectors) if vectors else np.zeros((0, self.dim), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Bert:
    tokenizer: Any
    n_special: int
    n_layers: int
    n_heads: int
    epsilon: float
    tensors: Mapping[str, Float32]

    def embed(self, ids: Sequence[int]) -> Float32:
        """(T,) tokens to (D,) of length 1."""
        t = self.tensors
        states = t["embeddings.word_embeddings.weight"][list(ids)]
        states = states + t["embeddings.position_embeddings.weight"][: len(ids)]
        states = states + t["embeddings.token_type_embeddings.weight"][0]
        states = self._norm(states, "embeddings.LayerNorm")
        for layer in range(self.n_layers):
            states = self._layer(states, f"encoder.layer.{layer}")
        total = states.sum(axis=0)
        return np.asarray(total / np.linalg.norm(total), np.float32)

    def _layer(self, states: Float32, name: str) -> Float32:
        attended = self._attention(states, f"{name}.attention.self")
        attended = self._linear(attended, f"{name}.attention.output.dense")
        states = self._norm(states + attended, f"{name}.attention.output.LayerNorm")
        wide = _gelu(self._linear(states, f"{name}.intermediate.dense"))
        return self._norm(
            states + self._linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm"
        )

    def _attention(self, states: Float32, name: str) -> Float32:
        query, key, value = (
            self._linear(states, f"{name}.{part}").reshape(len(states), self.n_heads, -1)
            for part in ("query", "key", "value")
        )
        scores = np.einsum("qhd,khd->hqk", query, key) / np.sqrt(query.shape[-1])
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed = np.einsum("hqk,khd->qhd", shares, value)
        return np.asarray(mixed.reshape(len(states), -1), np.float32)

    def _linear(self, states: Float32, name: str) -> Float32:
        product: Float32 = states @ self.tensors[f"{name}.weight"].T
        return product + self.tensors[f"{name}.bias"]

    def _norm(self, states: Float32, name: str) -> Float32:
        centred = states - states.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(self.epsilon))
        return np.asarray(
            centred / spread * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]
        )


@lru_cache(maxsize=1)
def _load(folder: Path, max_tokens: int) -> _Bert:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tensors = load_file(folder / "model.safetensors")
        if config["model_type"] != "bert" or config["hidden_act"] != "gelu":
            raise MissingWeightsError(f"{folder} is not for this BERT: {config['model_type']}")
    except (OSError, ValueError, KeyError) as error:
        raise MissingWeightsError(f"{folder} cannot be loaded: {error}") from error
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return _Bert(
        tokenizer=tokenizer,
        n_special=tokenizer.num_special_tokens_to_add(False),
        n_layers=config["num_hidden_layers"],
        n_heads=config["num_attention_heads"],
        epsilon=config["layer_norm_eps"],
        tensors=tensors,
    )


@lru_cache(maxsize=_N_KEPT)
def _vector(folder: Path, max_tokens: int, text: str) -> Float32:
    bert = _load(folder, max_tokens)
    ids = bert.tokenizer.encode(text).ids
    if len(ids) <= bert.n_special:
        return np.zeros(len(bert.tensors["embeddings.LayerNorm.bias"]), np.float32)
    with one_thread():
        vector = bert.embed(ids)
    vector.flags.writeable = False
    return vector


def _gelu(values: Float32) -> Float32:
    return np.asarray(values * 0.5 * (1 + _erf(values * np.float32(np.sqrt(0.5)))), np.float32)


def _erf(values: Float32) -> Float32:
    """To 1.5e-7: Abramowitz and Stegun 1964, 7.1.26."""
    sizes = np.abs(values)
    t = 1 / (1 + np.float32(0.3275911) * sizes)
    series = np.float32(1.061405429) * t + np.float32(-1.453152027)
    for factor in (1.421413741, -0.284496736, 0.254829592):
        series = series * t + np.float32(factor)
    return np.asarray(np.sign(values) * (1 - series * t * np.exp(-sizes * sizes)), np.float32)
