"""What visual engines of torch share: the way of pictures to a device, of vectors back.

Pictures travel as bytes, from pinned memory where there is a GPU, and are resized and
normalised where the network is. All batches of a call are queued before the first result
is waited for.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenelake.schemas.arrays import Float32, UInt8
from scenelake.schemas.config import VisualConfig
from scenelake.schemas.errors import SceneLakeError, UsageError
from scenelake.schemas.media import FrameBatch, VisualEncoding
from scenelake.schemas.rows import Label
from scenelake.workers import weights
from scenelake.workers.devices import device_of, dtype_of, share_cores

if TYPE_CHECKING:
    import torch

    Look = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]]
    """(N, 3, H, W) uint8 RGB to vectors (N, D) and scores of the names (N, L), if any."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a network computes, and in what."""

    device: str
    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class Eye:
    """A loaded network: `look` scores each of `names`, as probabilities."""

    look: Look
    names: tuple[str, ...] = ()


class TorchVisual(ABC):
    """Base of the engines: they give `dim` and `_load`, and `encode_text` where they can.

    Errors:
        UsageError: the configuration names no model.
    """

    reads_text = False

    def __init__(self, config: VisualConfig) -> None:
        if not config.model:
            raise UsageError(
                f"visual.model: the engine {config.engine!r} comes with none; "
                "name a folder or a hub's owner/name@revision"
            )
        self._config = config
        self._eye: Eye | None = None
        self._place: Place | None = None

    @cached_property
    def model(self) -> str:
        return weights.identity(self._config.model)

    @property
    def weights(self) -> tuple[str, ...]:
        return (self._config.model,)

    @property
    @abstractmethod
    def dim(self) -> int:
        """Known before `setup`."""

    def setup(self) -> None:
        """Load the model onto its device; a second call does nothing.

        Errors:
            MissingWeightsError: it is not on this machine, or not for this engine.
            UsageError: no such device.
        """
        if self._eye is not None:
            return
        share_cores()
        device = device_of(self._config.device)
        self._place = Place(device, dtype_of(self._config.dtype, device))
        self._eye = self._load(weights.locate(self._config.model), self._place)

    def encode(self, frames: FrameBatch) -> VisualEncoding:
        """(N, H, W, 3) to (N, D) of length 1, with labels where there are names; N may be 0.

        Errors:
            SceneLakeError: the model gives something that is not a number for all of several.
        """
        import torch

        eye = self._ready()
        with torch.inference_mode():
            seen = [eye.look(pixels) for pixels in self._batches(frames.data)]
        vectors = np.concatenate(
            [np.zeros((0, self.dim), np.float32), *(_rows(v) for v, _ in seen)]
        )
        return VisualEncoding(
            vectors=self._unit(vectors),
            time_s=frames.time_s,
            labels=tuple(labels for part in seen for labels in self._labels(len(part[0]), part[1])),
            model=self.model,
        )

    def encode_text(self, texts: Sequence[str]) -> Float32:
        """Nothing: these models know pictures only.

        Errors:
            UsageError: always.
        """
        raise UsageError(
            f"visual.engine: {self._config.engine!r} ({self.model}) reads no texts, so that its "
            "vectors cannot be searched by words; siglip, clip and conse can"
        )

    @abstractmethod
    def _load(self, folder: Path, place: Place) -> Eye: ...

    def _ready(self) -> Eye:
        assert self._eye is not None, "setup() comes first"
        return self._eye

    def _batches(self, pictures: UInt8) -> Iterator[torch.Tensor]:
        assert self._place is not None
        size = self._config.batch_size
        for start in range(0, len(pictures), size):
            yield _on_device(pictures[start : start + size], self._place.device)

    def _unit(self, vectors: Float32) -> Float32:
        """To length 1; zeros stay zeros, and a picture that the model fails on alone gets them."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        bad = ~np.isfinite(lengths[:, 0])
        if bad.any():
            trouble = (
                f"{self.model}: {int(bad.sum())} of {len(vectors)} vectors are "
                f"not numbers with visual.dtype {self._config.dtype!r}; try float32"
            )
            if len(bad) > 1 and bad.all():
                raise SceneLakeError(trouble)
            logger.warning("%s", trouble)
            vectors = np.where(bad[:, None], 0, vectors)
            lengths = np.where(bad[:, None], 0, lengths)
        return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def _labels(self, count: int, scores: torch.Tensor | None) -> list[tuple[Label, ...]]:
        if scores is None:
            return [()] * count
        return [self._best(row) for row in _rows(scores)]

    def _best(self, scores: Float32) -> tuple[Label, ...]:
        """The surest names first; classes of one name (crane: bird, machine) are one label."""
        sums: dict[str, float] = {}
        for index in np.flatnonzero(scores > 0):
            name = self._ready().names[index]
            sums[name] = min(1.0, sums.get(name, 0.0) + float(scores[index]))
        best = sorted(sums.items(), key=lambda item: -item[1])[: self._config.max_labels]
        least = self._config.min_label_score
        return tuple(Label(name, score) for name, score in best if score >= least)


def _on_device(pictures: UInt8, device: str) -> torch.Tensor:
    """(N, H, W, 3) to (N, 3, H, W) uint8; the copy to a GPU goes on while this returns."""
    import torch

    pixels = torch.from_numpy(np.require(pictures, requirements=["C", "W"]))
    if device.startswith("cuda"):
        pixels = pixels.pin_memory()
    return pixels.to(device, non_blocking=True).permute(0, 3, 1, 2)


def _rows(values: torch.Tensor) -> Float32:
    rows: Float32 = values.float().cpu().numpy()
    return rows


def compiled(
    function: Callable[..., torch.Tensor], config: VisualConfig
) -> Callable[..., torch.Tensor]:
    """The function, by torch.compile where the configuration asks for it."""
    import torch

    return torch.compile(function) if config.compile else function
