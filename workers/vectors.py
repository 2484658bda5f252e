"""Text vectors that are asked for again and again: each text is encoded once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scenelake.schemas.arrays import Float32
from scenelake.workers.engines import TextEncoder

MAX_TEXTS = 10_000
"""About 15 MB of vectors; past that all are forgotten."""


class Vectors:
    """An encoder with a memory, for many questions about the same scenes."""

    def __init__(self, text: TextEncoder) -> None:
        self._text = text
        self._known: dict[str, Float32] = {}

    def of(self, texts: Sequence[str]) -> Float32:
        """(N,) texts to (N, D) float32 of length 1."""
        if len(self._known) > MAX_TEXTS:
            self._known.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._text.encode(new), strict=True))
        return np.stack([self._known[text] for text in texts])
