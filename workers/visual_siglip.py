"""Pictures and texts in one space by two towers: SigLIP, SigLIP 2, CLIP and their kin.

Sources: Zhai et al. 2023, arXiv:2303.15343; Tschannen et al. 2025, arXiv:2502.14786;
Radford et al. 2021, arXiv:2103.00020. The models are those of transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scenelake.schemas.arrays import Float32
from scenelake.schemas.config import VisualConfig
from scenelake.schemas.errors import UsageError
from scenelake.workers import weights
from scenelake.workers.pretrained import load, load_model
from scenelake.workers.visual_torch import Eye, Place, TorchVisual, compiled

if TYPE_CHECKING:
    import torch

_TEXT_BATCH = 64
_LABEL_TEXT = "This is a photo of {}."
"""What transformers' own zero-shot classification puts a label into."""


class DualTower(TorchVisual):
    """A :class:`~scenelake.workers.engines.VisualEncoder` that texts can search.

    Labels are the words of `visual.vocabulary` that fit, by the model's own scale: CLIP's
    share one probability, each of SigLIP's has its own.
    """

    reads_text = True

    def __init__(self, config: VisualConfig) -> None:
        super().__init__(config)
        self._towers: _Towers | None = None

    @cached_property
    def dim(self) -> int:
        """Known from config.json alone."""
        from transformers import AutoConfig

        config = load(AutoConfig, weights.locate(self._config.model))
        if not hasattr(config, "text_config"):
            raise UsageError(
                f"visual.model: {self._config.model} is a {config.model_type}, without a tower "
                f"for texts, which the engine {self._config.engine!r} needs"
            )
        return int(getattr(config, "projection_dim", None) or config.vision_config.hidden_size)

    def encode_text(self, texts: Sequence[str]) -> Float32:
        """(N,) texts to (N, D) of length 1; a text without words gives zeros."""
        self._ready()
        assert self._towers is not None
        vectors = np.zeros((len(texts), self.dim), np.float32)
        rows = [row for row, text in enumerate(texts) if text.strip()]
        if rows:
            vectors[rows] = self._towers.read([texts[row] for row in rows]).float().cpu().numpy()
        return self._unit(vectors)

    def _load(self, folder: Path, place: Place) -> Eye:
        from transformers import AutoModel, AutoProcessor

        assert self.dim > 0, "there are two towers"
        model = load_model(AutoModel, folder, dtype=place.dtype).to(place.device)
        self._towers = _Towers(model, load(AutoProcessor, folder), place, self._config)
        return Eye(self._towers.look, self._config.vocabulary)


class _Towers:
    """A loaded model, its processor, and the vectors (L, D) of its vocabulary, if any."""

    def __init__(self, model: Any, processor: Any, place: Place, config: VisualConfig) -> None:
        self._model = model
        self._processor = processor
        self._place = place
        self._see = compiled(
            lambda **inputs: model.get_image_features(**inputs).pooler_output, config
        )
        self._words = self._read_words(config.vocabulary)

    def look(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(N, 3, H, W) to (N, D), and probabilities of the words of the vocabulary."""
        from torch.nn.functional import normalize

        inputs = to_inputs(self._processor.image_processor, pixels, self._place)
        vectors = normalize(self._see(**inputs).float(), dim=1)
        return vectors, None if self._words is None else self._probabilities(vectors)

    def read(self, texts: Sequence[str]) -> torch.Tensor:
        """(N,) texts to (N, D) of length 1."""
        import torch

        batches = [texts[i : i + _TEXT_BATCH] for i in range(0, len(texts), _TEXT_BATCH)]
        with torch.inference_mode():
            read = [self._model.get_text_features(**self._tokens(batch)) for batch in batches]
            vectors: torch.Tensor = torch.cat([features.pooler_output for features in read])
            return torch.nn.functional.normalize(vectors.float(), dim=1)

    def _tokens(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Each padded to the full length: SigLIP is trained so, and to CLIP it is all one.

        One text at a time: the tokenizer's own threads would complain after every fork.
        """
        import torch

        length = self._model.config.text_config.max_position_embeddings
        how = {"padding": "max_length", "truncation": True, "max_length": length}
        each = [self._processor.tokenizer([t], return_tensors="pt", **how) for t in texts]
        return {
            name: torch.cat([one[name] for one in each]).to(self._place.device) for name in each[0]
        }

    def _read_words(self, words: Sequence[str]) -> torch.Tensor | None:
        return self.read([_LABEL_TEXT.format(word) for word in words]) if words else None

    def _probabilities(self, vectors: torch.Tensor) -> torch.Tensor:
        assert self._words is not None
        logits: torch.Tensor = vectors @ self._words.T * self._model.logit_scale.float().exp()
        bias: torch.Tensor | None = getattr(self._model, "logit_bias", None)
        return logits.softmax(dim=1) if bias is None else (logits + bias.float()).sigmoid()


def to_inputs(image_processor: Any, pixels: torch.Tensor, place: Place) -> dict[str, torch.Tensor]:
    """What an image processor of transformers makes of (N, 3, H, W) uint8, on its device."""
    made = image_processor(
        images=list(pixels), input_data_format="channels_first", return_tensors="pt"
    )
    return {
        name: value.to(place.device, place.dtype if value.is_floating_point() else value.dtype)
        for name, value in made.items()
    }
