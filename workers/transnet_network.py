"""The network of TransNetV2 as a function of its published weights.

Written from the paper (Souček and Lokoč 2020, arXiv:2008.04838, figure 2): three cells
of two blocks of 3D convolutions that see 1, 2, 4 and 8 pictures apart, beside them how
like each picture is to its 50 neighbours on each side, by learnt features and by colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scenelake.schemas.arrays import Float32, UInt8

if TYPE_CHECKING:
    from torch import Tensor

_CELLS, _BLOCKS = 3, 2
_DILATIONS = (1, 2, 4, 8)
_REACH = 50
_EPSILON = 1e-3
"""Of the batch normalisation it was trained with."""
_COLOURS = 512


class Network:
    """Windows of pictures to probabilities of being within a transition.

    Args:
        state: tensors by the names that the published checkpoint has.
    """

    def __init__(self, state: Mapping[str, Any], *, device: str) -> None:
        self._device = device
        self._weights: dict[str, Tensor] = {k: v.to(device).float() for k, v in state.items()}
        self._convolutions = {
            (cell, block): [self._convolution(cell, block, i) for i in range(len(_DILATIONS))]
            for cell in range(_CELLS)
            for block in range(_BLOCKS)
        }

    def __call__(self, pictures: UInt8) -> Float32:
        """(T, 27, 48, 3) RGB to (T,): how likely each picture is of a transition."""
        import torch

        with torch.inference_mode():
            shown = torch.from_numpy(pictures).to(self._device)
            found: Float32 = self._logits(shown).sigmoid().cpu().numpy()
        return found

    def _logits(self, shown: Tensor) -> Tensor:
        import torch

        features, means = shown.permute(3, 0, 1, 2)[None].float() / 255, []
        for cell in range(_CELLS):
            features = self._cell(features, cell)
            means.append(features[0].mean(dim=(2, 3)))
        flat = features[0].permute(1, 2, 3, 0).flatten(1)
        parts = [self._colour_likeness(shown), self._likeness(torch.cat(means).T), flat]
        hidden = self._linear("fc1", torch.cat(parts, dim=1)).relu()
        return self._linear("cls_layer1", hidden)[:, 0]

    def _cell(self, features: Tensor, cell: int) -> Tensor:
        """(1, C, T, H, W) to (1, C', T, H/2, W/2)."""
        from torch.nn.functional import avg_pool3d

        first = self._block(features, cell, 0).relu()
        second = self._block(first, cell, 1).relu()
        return avg_pool3d(first + second, (1, 2, 2))

    def _block(self, features: Tensor, cell: int, block: int) -> Tensor:
        """Each branch looks across a picture, then along time at its own distance."""
        import torch
        from torch.nn.functional import conv3d

        branches = zip(_DILATIONS, self._convolutions[cell, block], strict=True)
        return torch.cat(
            [
                conv3d(
                    conv3d(features, across, padding=(0, 1, 1)),
                    along,
                    bias,
                    dilation=(distance, 1, 1),
                    padding=(distance, 0, 0),
                )
                for distance, (across, along, bias) in branches
            ],
            dim=1,
        )

    def _convolution(self, cell: int, block: int, branch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Weights across, weights along, bias; with the normalisation multiplied in."""
        prefix = f"SDDCNN.{cell}.DDCNN.{block}"
        across, along = (
            self._weights[f"{prefix}.Conv3D_{_DILATIONS[branch]}.layers.{i}.weight"] for i in (0, 1)
        )
        ours = slice(branch * len(along), (branch + 1) * len(along))
        mean, variance, scale, shift = (
            self._weights[f"{prefix}.bn.{name}"][ours]
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        factor = scale / (variance + _EPSILON).sqrt()
        return across, along * factor.view(-1, 1, 1, 1, 1), shift - mean * factor

    def _likeness(self, features: Tensor) -> Tensor:
        """(T, C) to (T, 128) by cosines of learnt projections."""
        projected = self._linear("frame_sim_layer.projection", features)
        return self._linear("frame_sim_layer.fc", _neighbours(projected)).relu()

    def _colour_likeness(self, shown: Tensor) -> Tensor:
        """(T, H, W, 3) to (T, 128) by cosines of histograms of 8 x 8 x 8 colours."""
        import torch

        red, green, blue = (shown.long() >> 5).unbind(dim=3)
        colours = (red * 64 + green * 8 + blue).flatten(1)
        counts = torch.zeros(len(shown), _COLOURS, device=shown.device)
        counts.scatter_add_(1, colours, torch.ones_like(colours, dtype=counts.dtype))
        return self._linear("color_hist_layer.fc", _neighbours(counts)).relu()

    def _linear(self, name: str, values: Tensor) -> Tensor:
        from torch.nn.functional import linear

        return linear(values, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])


def _neighbours(values: Tensor) -> Tensor:
    """(T, C) to (T, 101): each row's cosine with the 50 before, itself and the 50 after."""
    import torch
    from torch.nn.functional import normalize, pad

    rows = normalize(values, dim=1)
    padded = pad(rows @ rows.T, (_REACH, _REACH))
    offsets = torch.arange(2 * _REACH + 1, device=values.device)
    return padded.gather(1, torch.arange(len(rows), device=values.device)[:, None] + offsets)
