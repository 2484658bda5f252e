"""A visual encoder without weights, for tests that look at what runs when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from scenelake.schemas.config import Config, VisualConfig
from scenelake.schemas.flow import Float32, FrameBatch, VisualEncoding
from scenelake.schemas.rows import Label
from scenelake.workers import registry

COLOURS = ("red", "green", "blue")


class MeanColour:
    """A picture's vector is its mean colour, its labels the colours that it has enough of."""

    dim = 3

    def __init__(self, config: VisualConfig) -> None:
        self._config = config

    @property
    def model(self) -> str:
        return "mean-colour@1"

    def setup(self) -> None:
        """Nothing to load."""

    def encode(self, frames: FrameBatch) -> VisualEncoding:
        means = frames.data.mean(axis=(1, 2)) + 1
        vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
        return VisualEncoding(
            vectors=vectors.astype(np.float32),
            time_s=frames.time_s,
            labels=tuple(self._labels(mean / mean.sum()) for mean in means),
            model=self.model,
        )

    def _labels(self, shares: NDArray[np.float64]) -> tuple[Label, ...]:
        least = self._config.min_label_score
        named = zip(COLOURS, map(float, shares), strict=True)
        return tuple(Label(name, share) for name, share in named if share >= least)

    def encode_text(self, texts: list[str]) -> Float32:
        return np.zeros((len(texts), self.dim), np.float32)


@contextmanager
def light_engines() -> Iterator[None]:
    """``visual.engine: mean-colour`` is known in this process."""
    name = "visual.mean-colour"
    point = EntryPoint(name, f"{__name__}:MeanColour", registry.GROUP)
    known = registry._engines() | {name: point}
    with mock.patch.object(registry, "_engines", return_value=known):
        yield


def light_config(**sections: dict[str, object]) -> Config:
    """Nothing but the visual encoder runs on pictures, nothing writes sentences."""
    light: dict[str, object] = {
        "visual": {"engine": "mean-colour"},
        "ocr": {"engine": "none"},
        "describe": {"engine": "evidence"},
    }
    return Config.model_validate(light | sections)
