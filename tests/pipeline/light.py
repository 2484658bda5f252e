"""Engines without weights, for tests that look at what runs when and what goes where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from scenelake.pipeline.watching import report_page
from scenelake.schemas.config import Config, OcrConfig, VisualConfig
from scenelake.schemas.media import FrameBatch, VisualEncoding
from scenelake.schemas.rows import Label, ScreenText
from scenelake.workers import registry
from tests.media.stripes import read_stripes

COLOURS = ("red", "green", "blue")


class MeanColour:
    """A picture's vector is its mean colour, its labels the colours that it has enough of."""

    dim = 3
    reads_text = False

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


class StripeReader:
    """Reads the number that a picture of `tests.media.stripes` shows."""

    def __init__(self, config: OcrConfig) -> None:
        self._config = config

    @property
    def model(self) -> str:
        return "stripes@1"

    def setup(self) -> None:
        """Nothing to load."""

    def read(self, frames: FrameBatch) -> list[tuple[ScreenText, ...]]:
        shown = zip(frames.data, map(float, frames.time_s), strict=True)
        return [(ScreenText(f"Plate {read_stripes(rgb)}", 1.0, time_s),) for rgb, time_s in shown]


@contextmanager
def light_engines() -> Iterator[None]:
    """``visual.engine: mean-colour`` and ``ocr.engine: stripes`` are known in this process.

    The page that a run leaves has no plots, which cost half of a small run's time.
    """
    light = {"visual.mean-colour": "MeanColour", "ocr.stripes": "StripeReader"}
    known = registry._engines() | {
        name: EntryPoint(name, f"{__name__}:{what}", registry.GROUP) for name, what in light.items()
    }
    with (
        mock.patch.object(registry, "_engines", return_value=known),
        mock.patch.object(report_page, "_plots", return_value=()),
    ):
        yield


def light_config(**sections: dict[str, object]) -> Config:
    """Nothing but the visual encoder runs on pictures, nothing writes sentences."""
    light: dict[str, object] = {
        "visual": {"engine": "mean-colour"},
        "ocr": {"engine": "none"},
        "describe": {"engine": "evidence"},
    }
    return Config.model_validate(light | sections)
