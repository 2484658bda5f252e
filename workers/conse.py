"""Pictures and texts in one space without a joint model: ConSE over ImageNet's classes.

A classifier says what a picture may show; the vectors of those class names, weighted by
their probability, are the picture's vector in the text model's space.

Source: Norouzi et al. 2013, arXiv:1312.5650. Three changes, all measured on photographs:

* a class is put to the text model with its article, "an Egyptian cat": the bare word
  lies near nothing anybody asks for;
* the mean of the classes is taken from classes and queries alike (Mu and Viswanath,
  arXiv:1702.01417). What all names share says nothing, and drew queries to the pictures
  that the classifier is least sure of;
* all classes count, each by the root of its probability, where the paper takes the ten
  likeliest by the probability itself. The classifier is too sure of itself: a second guess
  of 4 % weighs a fifth of the first one's 96 %. 40 photographs, three queries each: the right
  one among the first three for 82 % instead of 77 %, first for 59 % instead of 50 %.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from scenelake.schemas.arrays import Float32, UInt8
from scenelake.schemas.config import TextConfig, VisualConfig
from scenelake.schemas.media import FrameBatch, VisualEncoding
from scenelake.schemas.rows import Label
from scenelake.workers import weights
from scenelake.workers.conse_queries import ConseQueries, centred, known_mean, unit
from scenelake.workers.devices import share_cores
from scenelake.workers.engines import TextEncoder
from scenelake.workers.text import MiniLm

METHOD = 2
"""Raise it with every change to crops, class texts, weights or centring: stored vectors then count
as made by another model."""

WEIGHTS = "efficientnet-lite0"
NAMES = "imagenet-names"
SIDE_PX = 224
MAX_CANDIDATES = 10
"""Labels are taken from so many classes."""
MAX_CROPS = 4


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The network, its classes' names, and their vectors (1000, D) from their `mean` (D,)."""

    network: Any
    names: tuple[str, ...]
    vectors: Float32
    mean: Float32


class Conse:
    """A :class:`~scenelake.workers.engines.VisualEncoder` of EfficientNet-Lite0 and a text model.

    Args:
        text: encodes class names and queries; MiniLM if not given.
    """

    reads_text = True

    def __init__(self, config: VisualConfig, text: TextEncoder | None = None) -> None:
        self._config = config
        self._text: TextEncoder = MiniLm(TextConfig()) if text is None else text
        self._loaded: _Loaded | None = None

    @property
    def model(self) -> str:
        return f"{weights.identity(WEIGHTS)}+{self._text.model}+conse@{METHOD}"

    @property
    def dim(self) -> int:
        return self._text.dim

    @property
    def weights(self) -> tuple[str, ...]:
        return (WEIGHTS, NAMES, *self._text.weights)

    def for_queries(self) -> ConseQueries | Conse:
        """What encodes texts only, where the mean of the class names is known."""
        light = getattr(self._text, "for_queries", None)
        mean = known_mean(self.model)
        return self if light is None or mean is None else ConseQueries(self.model, light(), mean)

    def setup(self) -> None:
        """Load the classifier and the text model, and encode the 1000 class names."""
        names = class_names(weights.locate(NAMES))
        network = _load_network(weights.locate(WEIGHTS))
        self._text.setup()
        vectors = self._text.encode([_with_article(name) for name in names])
        mean: Float32 = vectors.mean(axis=0)
        self._loaded = _Loaded(network=network, names=names, vectors=vectors - mean, mean=mean)

    def encode(self, frames: FrameBatch) -> VisualEncoding:
        """(N, H, W, 3) to (N, D) of length 1, with labels; N may be 0."""
        size = self._config.batch_size
        batches = [frames.data[i : i + size] for i in range(0, len(frames.data), size)]
        scores = [row for batch in batches for row in self._probabilities(batch)]
        vectors = np.zeros((len(scores), self.dim), np.float32)
        for row, probabilities in enumerate(scores):
            vectors[row] = self._vector(probabilities)
        return VisualEncoding(
            vectors=vectors,
            time_s=frames.time_s,
            labels=tuple(self._labels(probabilities) for probabilities in scores),
            model=self.model,
        )

    def encode_text(self, texts: Sequence[str]) -> Float32:
        """(N,) texts to (N, D) of length 1; a text without words gives zeros."""
        return centred(self._text.encode(texts), self._ready().mean)

    def _ready(self) -> _Loaded:
        assert self._loaded is not None, "setup() comes first"
        return self._loaded

    def _probabilities(self, pictures: UInt8) -> Float32:
        """(N, H, W, 3) to (N, 1000), each picture's mean over its crops."""
        import torch

        crops = np.stack([crop for picture in pictures for crop in _crops(picture)])
        inputs = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() - 127) / 128
        with torch.inference_mode():
            scores = torch.softmax(self._ready().network(inputs), dim=1)
            mean: Float32 = scores.reshape(len(pictures), -1, scores.shape[1]).mean(dim=1).numpy()
        return mean

    def _vector(self, probabilities: Float32) -> Float32:
        return unit(np.sqrt(probabilities) @ self._ready().vectors)

    def _labels(self, probabilities: Float32) -> tuple[Label, ...]:
        """Names by probability; two classes of one name (crane: bird, machine) are one label."""
        scores: defaultdict[str, float] = defaultdict(float)
        for index in np.argsort(-probabilities)[:MAX_CANDIDATES]:
            scores[self._ready().names[index]] += float(probabilities[index])
        best = sorted(scores.items(), key=lambda item: -item[1])[: self._config.max_labels]
        return tuple(
            Label(name, score) for name, score in best if score >= self._config.min_label_score
        )


def class_names(folder: Path) -> tuple[str, ...]:
    """The first name of each ImageNet class, in the classifier's order: "Egyptian cat"."""
    synsets = (folder / "imagenet_synsets.txt").read_text("utf-8").split()
    lines = (folder / "imagenet_synset_to_lemma.txt").read_text("utf-8").splitlines()
    lemmas = dict(line.split("\t", maxsplit=1) for line in lines)
    return tuple(lemmas[synset].split(", ")[0].replace("_", " ") for synset in synsets)


def _with_article(name: str) -> str:
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"


def _load_network(folder: Path) -> Any:
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    share_cores()
    (path,) = folder.glob("*.pth")
    network = EfficientNet.from_name(WEIGHTS)
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.eval()


def _crops(picture: UInt8) -> list[UInt8]:
    """Squares along the longer side, as many as it takes to see all of it, undistorted.

    One for a square picture, two for 16:9, three for 2.39:1; their places are even.
    """
    import cv2

    height, width = picture.shape[:2]
    side, axis = (width, 0) if height > width else (height, 1)
    count = min(ceil(max(height, width) / side), MAX_CROPS)
    starts = np.linspace(0, max(height, width) - side, count).astype(int)
    squares = [picture.take(range(start, start + side), axis=axis) for start in starts]
    how = cv2.INTER_AREA if side > SIDE_PX else cv2.INTER_CUBIC
    return [np.asarray(cv2.resize(s, (SIDE_PX, SIDE_PX), interpolation=how)) for s in squares]
