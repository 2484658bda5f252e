"""Texts about pictures to ConSE's vectors, without the classifier that looks at pictures.

A query is centred by the mean vector of ImageNet's class names. That mean is known for the
weights that we name, so that a search need not encode a thousand names first.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from scenelake.schemas.arrays import Float32
from scenelake.schemas.errors import UsageError
from scenelake.schemas.media import FrameBatch, VisualEncoding
from scenelake.workers.engines import TextEncoder

_MEAN = "conse_mean.npz"
"""``vector`` (D,) float32 and the ``model`` that it was computed with."""


class ConseQueries:
    """A :class:`~scenelake.workers.engines.VisualEncoder` for texts alone."""

    reads_text = True

    def __init__(self, model: str, text: TextEncoder, mean: Float32) -> None:
        self.model = model
        self._text = text
        self._mean = mean

    @property
    def dim(self) -> int:
        return self._text.dim

    @property
    def weights(self) -> tuple[str, ...]:
        return self._text.weights

    def setup(self) -> None:
        """Load the text model."""
        self._text.setup()

    def encode(self, frames: FrameBatch) -> VisualEncoding:
        """Not for pictures.

        Errors:
            UsageError: always.
        """
        raise UsageError("this encoder takes texts only")

    def encode_text(self, texts: Sequence[str]) -> Float32:
        """(N,) texts to (N, D) of length 1; a text without words gives zeros."""
        return centred(self._text.encode(texts), self._mean)


def known_mean(model: str) -> Float32 | None:
    """(D,) mean of the class names' vectors by a model; None where it is not known."""
    with (files("scenelake.workers") / _MEAN).open("rb") as file, np.load(file) as stored:
        vector: Float32 = stored["vector"]
        return vector if str(stored["model"]) == model else None


def centred(vectors: Float32, mean: Float32) -> Float32:
    """Texts' vectors without what all names share; zeros stay zeros."""
    has_words = vectors.any(axis=1, keepdims=True)
    return unit(np.where(has_words, vectors - mean, vectors))


def unit(vectors: Float32) -> Float32:
    """To length 1 along the last axis; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)
