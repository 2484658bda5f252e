"""Visual engines for tests: conse, and others with small models of random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenelake.schemas.config import VisualConfig
from scenelake.schemas.media import FrameBatch
from scenelake.workers.visual_dinov2 import Dinov2
from scenelake.workers.visual_siglip import DualTower
from scenelake.workers.visual_timm import Timm
from tests.media import tiny_visual as tiny

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Folders = dict[str, Path]

BUILDERS: dict[str, Callable[[Path], Path]] = {
    "siglip": tiny.siglip,
    "siglip2": tiny.siglip2,
    "clip": tiny.clip,
    "dinov2": tiny.dinov2,
    "timm-vit": tiny.timm,
    "timm-convnext": lambda folder: tiny.timm(folder, architecture="test_convnext"),
    "timm-headless": lambda folder: tiny.timm(folder, architecture="test_efficientnet", classes=0),
}
DUAL = ["siglip", "siglip2", "clip"]
TEXTLESS = ["dinov2", "timm-vit", "timm-convnext", "timm-headless"]


def engine_class(name: str) -> type[Any]:
    if name in DUAL:
        return DualTower
    return Dinov2 if name == "dinov2" else Timm


def make(name: str, folder: Path, **values: Any) -> Any:
    """An engine of a folder, not set up."""
    config = VisualConfig(engine=name, model=str(folder), device="cpu", **values)
    return engine_class(name)(config)


def loaded(name: str, folder: Path, **values: Any) -> Any:
    engine = make(name, folder, **values)
    engine.setup()
    return engine


def single(picture: Picture) -> FrameBatch:
    return FrameBatch(picture[None], np.zeros(1))


def cosines(ours: Floats, theirs: Any) -> Floats:
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return np.asarray((ours * theirs).sum(axis=1) / lengths, np.float32)


def pil_images(film: FrameBatch) -> list[Any]:
    from PIL import Image

    return [Image.fromarray(picture) for picture in film.data]
