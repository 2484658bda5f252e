"""Queries to vectors, by the models that made a lake's."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from scenelake.schemas.arrays import Float32, UInt8
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError
from scenelake.schemas.media import FrameBatch
from scenelake.workers import registry
from scenelake.workers.engines import TextEncoder, VisualEncoder


class Encoders:
    """The models of a configuration; their weights are loaded when they are first needed."""

    def __init__(self, config: Config) -> None:
        self._config = config

    @cached_property
    def models(self) -> dict[str, str]:
        """Kind of vector -> the model."""
        told: TextEncoder = registry.make("text", self._config.text)
        return {"seen": self._pictures.model, "told": told.model}

    @property
    def reads_text(self) -> bool:
        """Whether texts find pictures at all."""
        return self._pictures.reads_text

    def text(self, text: str, *, kind: str) -> Float32:
        """(D,) to compare with vectors of this kind."""
        if kind == "told":
            words: TextEncoder = registry.ready("text", self._config.text, for_queries=True)
            return _only(words.encode([text]))
        pictures: VisualEncoder = registry.ready("visual", self._config.visual, for_queries=True)
        return _only(pictures.encode_text([text]))

    def picture(self, path: Path) -> Float32:
        """(D,) of a picture file, made as small as keyframes are.

        Errors:
            UsageError: there is none, or nothing that can be read as a picture.
        """
        pixels = _pixels(path, side_px=self._config.keyframes.max_side_px)
        pictures: VisualEncoder = registry.ready("visual", self._config.visual)
        batch = FrameBatch(data=pixels[None], time_s=np.zeros(1))
        return _only(pictures.encode(batch).vectors)

    @cached_property
    def _pictures(self) -> VisualEncoder:
        encoder: VisualEncoder = registry.make("visual", self._config.visual)
        return encoder


def _only(vectors: Float32) -> Float32:
    vector: Float32 = vectors[0]
    return vector


def _pixels(path: Path, *, side_px: int) -> UInt8:
    """(H, W, 3) uint8 RGB, upright."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "not a picture that can be read"
        raise UsageError(f"{path}: {reason}") from error
    picture.thumbnail((side_px, side_px))
    return np.asarray(picture)
