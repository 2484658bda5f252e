"""Pictures by what they look like alone: DINOv2 and other vision models of transformers.

Source: Oquab et al. 2023, arXiv:2304.07193.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from scenelake.workers import weights
from scenelake.workers.pretrained import load, load_model
from scenelake.workers.visual_siglip import to_inputs
from scenelake.workers.visual_torch import Eye, Place, TorchVisual, compiled

if TYPE_CHECKING:
    import torch


class Dinov2(TorchVisual):
    """A :class:`~scenelake.workers.engines.VisualEncoder` that gives the class token.

    Pictures find pictures; texts find none.
    """

    @cached_property
    def dim(self) -> int:
        """Known from config.json alone."""
        from transformers import AutoConfig

        return int(load(AutoConfig, weights.locate(self._config.model)).hidden_size)

    def _load(self, folder: Path, place: Place) -> Eye:
        from transformers import AutoImageProcessor, AutoModel

        model = load_model(AutoModel, folder, dtype=place.dtype).to(place.device)
        processor = load(AutoImageProcessor, folder)
        see = compiled(lambda **inputs: model(**inputs).last_hidden_state[:, 0], self._config)

        def look(pixels: torch.Tensor) -> tuple[torch.Tensor, None]:
            return see(**to_inputs(processor, pixels, place)), None

        return Eye(look)
