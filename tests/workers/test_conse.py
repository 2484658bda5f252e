"""What ConSE does besides what every visual engine does (see test_visual)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from string import ascii_lowercase

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.config import VisualConfig
from scenelake.schemas.media import FrameBatch
from scenelake.workers import registry
from scenelake.workers.conse import Conse
from scenelake.workers.engines import VisualEncoder

Picture = NDArray[np.uint8]
Photographs = dict[str, Picture]


class LetterCounter:
    """A text engine without weights: how often each letter occurs."""

    model = "letters@1"
    dim = 26

    def setup(self) -> None:
        pass

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        counts = [[text.lower().count(c) for c in ascii_lowercase] for text in texts]
        vectors = np.array(counts, np.float32).reshape(len(texts), self.dim)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


QUERIES = {
    "a cat": "cat",
    "hot drink": "coffee",
    "hot drink in a mug": "coffee",
    "space launch": "rocket",
    "motorbike in a garage": "motorcycle",
    "a person in a space suit": "astronaut",
}


@pytest.fixture(scope="module")
def encoder() -> VisualEncoder:
    engine: VisualEncoder = registry.load("visual", "conse")(VisualConfig())
    engine.setup()
    return engine


@pytest.mark.parametrize(("query", "wanted"), QUERIES.items())
def test_words_find_the_photograph(
    encoder: VisualEncoder, photographs: Photographs, query: str, wanted: str
) -> None:
    assert _found(encoder, query, photographs) == wanted


@pytest.mark.parametrize(("query", "wanted"), QUERIES.items())
def test_words_find_the_photograph_between_black_bars(
    encoder: VisualEncoder, photographs: Photographs, query: str, wanted: str
) -> None:
    barred = {k: _on_canvas(v, width=640, height=360) for k, v in photographs.items()}

    assert _found(encoder, query, barred) == wanted


@pytest.mark.parametrize("left", [0.0, 0.5, 1.0])
def test_what_is_at_the_side_of_a_wide_picture_is_seen(
    encoder: VisualEncoder, photographs: Photographs, left: float
) -> None:
    wide = _on_canvas(photographs["cat"], width=860, height=360, left=left)
    cat, train = encoder.encode_text(["a cat", "a steam train"])
    (vector,) = encoder.encode(_single(wide)).vectors

    assert vector @ cat > vector @ train + 0.2


@pytest.mark.parametrize(
    ("photograph", "name"), [("cat", "Egyptian cat"), ("coffee", "espresso"), ("rocket", "missile")]
)
def test_labels_name_what_is_seen(photographs: Photographs, photograph: str, name: str) -> None:
    (labels,) = _classifier(VisualConfig()).encode(_single(photographs[photograph])).labels

    assert labels[0].name == name


def test_labels_are_the_surest_ones_first(photographs: Photographs) -> None:
    few = _classifier(VisualConfig(max_labels=2, min_label_score=0.05))
    for picture in photographs.values():
        (labels,) = few.encode(_single(picture)).labels
        assert len(labels) <= 2
        assert all(0.05 <= label.score <= 1 for label in labels)
        assert all(a.score >= b.score for a, b in pairwise(labels))


def test_a_grey_picture_has_no_label() -> None:
    sure = _classifier(VisualConfig(min_label_score=0.5))
    (labels,) = sure.encode(_single(np.full((360, 640, 3), 128, np.uint8))).labels

    assert labels == ()


def test_vectors_lie_in_the_space_of_the_text_engine_it_is_given(photographs: Photographs) -> None:
    engine = _classifier(VisualConfig())
    encoding = engine.encode(_single(photographs["cat"]))

    assert encoding.vectors.shape == (1, LetterCounter.dim)
    assert encoding.model.startswith("efficientnet-lite0@")
    assert "+letters@1+conse@" in encoding.model


def test_two_classes_of_one_name_are_one_label(photographs: Photographs) -> None:
    all_of_them = _classifier(VisualConfig(max_labels=10, min_label_score=0))
    (labels,) = all_of_them.encode(_single(photographs["rocket"])).labels
    names = [label.name for label in labels]

    assert "crane" in names
    assert len(set(names)) == len(names)


def test_loads_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    _classifier(VisualConfig())

    assert capfd.readouterr() == ("", "")


def _classifier(config: VisualConfig) -> Conse:
    engine = Conse(config, LetterCounter())
    engine.setup()
    return engine


def _single(picture: Picture) -> FrameBatch:
    return FrameBatch(picture[None], np.zeros(1))


def _on_canvas(picture: Picture, *, width: int, height: int, left: float = 0.5) -> Picture:
    """The picture as large as it goes on black, `left` of the spare width to its left."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.zeros((height, width, 3), np.uint8)
    y = (height - small.shape[0]) // 2
    x = int((width - small.shape[1]) * left)
    canvas[y : y + small.shape[0], x : x + small.shape[1]] = small
    return canvas


def _found(encoder: VisualEncoder, query: str, pictures: Photographs) -> str:
    (wanted,) = encoder.encode_text([query])
    scores = {
        what: float(encoder.encode(_single(picture)).vectors[0] @ wanted)
        for what, picture in pictures.items()
    }
    return max(scores, key=lambda what: scores[what])
