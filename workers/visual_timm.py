"""Pictures by any classifier or backbone of timm, prepared as its own data config says.

Source: Wightman, PyTorch Image Models, doi:10.5281/zenodo.4414861.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenelake.schemas.config import VisualConfig
from scenelake.schemas.errors import MissingWeightsError
from scenelake.workers import weights
from scenelake.workers.conse import class_names
from scenelake.workers.visual_torch import Eye, Place, TorchVisual, compiled

if TYPE_CHECKING:
    import torch

_IMAGENET_CLASSES = 1000


class Timm(TorchVisual):
    """A :class:`~scenelake.workers.engines.VisualEncoder` of a folder in the hub's layout.

    Vectors are what the classifier decides by; its classes are the labels, where they are
    named in config.json or are ImageNet's thousand. Texts find none of these pictures.
    """

    @cached_property
    def dim(self) -> int:
        """Known from config.json, by a network without weights."""
        import torch

        with torch.device("meta"):
            network = _create(weights.locate(self._config.model), pretrained=False)
        return int(network.head_hidden_size)

    def _load(self, folder: Path, place: Place) -> Eye:
        import torch

        network = _create(folder, pretrained=True).eval().to(place.device, place.dtype)
        if place.device != "cpu":
            network = network.to(memory_format=torch.channels_last)
        names = _names(network)
        look = _Network(network, place, self._config, scores=bool(names)).look
        return Eye(look, names)


class _Network:
    """A loaded network and its own way of preparing pictures."""

    def __init__(self, network: Any, place: Place, config: VisualConfig, *, scores: bool) -> None:
        import torch
        from timm import data as timm_data

        made: Any = timm_data
        data = made.resolve_model_data_config(network)
        self._cut_out = made.create_transform(**data, is_training=False, normalize=False)
        self._mean, self._std = (
            torch.tensor(data[name], device=place.device).view(1, -1, 1, 1)
            for name in ("mean", "std")
        )
        self._network = network
        self._place = place
        self._scores = scores
        self._features = compiled(network.forward_features, config)

    def look(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(N, 3, H, W) to what the classifier decides by, and its classes' probabilities."""
        inputs = (self._cut_out(pixels).float() / 255 - self._mean) / self._std
        features = self._features(inputs.to(self._place.dtype))
        vectors = self._network.forward_head(features, pre_logits=True)
        if not self._scores:
            return vectors, None
        return vectors, self._network.forward_head(features).float().softmax(dim=1)


def _create(folder: Path, *, pretrained: bool) -> Any:
    import timm

    try:
        return timm.create_model(f"local-dir:{folder}", pretrained=pretrained)
    except (OSError, RuntimeError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise MissingWeightsError(f"{folder} is not for timm: {reason}") from error


def _names(network: Any) -> tuple[str, ...]:
    """Names of the classes, () where they are not known."""
    import timm.data

    told: Mapping[str, Any] = network.pretrained_cfg
    given = told.get("label_names")
    if given is not None and len(given) == network.num_classes:
        return tuple(map(str, given))
    if network.num_classes != _IMAGENET_CLASSES:
        return ()
    return class_names(Path(timm.data.__file__).parent / "_info")
