"""Pictures to vectors: what every visual engine does, and what ConSE does besides."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from string import ascii_lowercase

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.config import VisualConfig
from scenelake.schemas.flow import FrameBatch
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


@pytest.fixture(scope="module", params=registry.names("visual"))
def encoder(request: pytest.FixtureRequest) -> VisualEncoder:
    name = request.param
    engine: VisualEncoder = registry.load("visual", name)(VisualConfig(engine=name))
    engine.setup()
    return engine


@pytest.fixture(scope="module")
def film(photographs: Photographs) -> FrameBatch:
    """The photographs as frames of one 16:9 film with black bars, two seconds apart."""
    frames = [_on_canvas(picture, width=640, height=360) for picture in photographs.values()]
    return FrameBatch(np.stack(frames), 2 * np.arange(len(frames), dtype=np.float64))


def test_a_picture_is_a_vector_of_length_one(encoder: VisualEncoder, film: FrameBatch) -> None:
    encoding = encoder.encode(film)

    assert encoding.vectors.dtype == np.float32
    assert encoding.vectors.shape == (len(film.data), encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(encoding.vectors, axis=1), 1, atol=1e-5)


def test_an_encoding_says_when_and_by_whom(encoder: VisualEncoder, film: FrameBatch) -> None:
    encoding = encoder.encode(film)

    assert encoding.time_s.tolist() == film.time_s.tolist()
    assert encoding.model == encoder.model


def test_no_pictures_are_no_vectors(encoder: VisualEncoder) -> None:
    encoding = encoder.encode(FrameBatch(np.zeros((0, 36, 64, 3), np.uint8), np.zeros(0)))

    assert encoding.vectors.shape == (0, encoder.dim)
    assert encoding.labels == ()


def test_a_picture_has_the_same_vector_alone_and_among_others(
    encoder: VisualEncoder, film: FrameBatch
) -> None:
    together = encoder.encode(film).vectors
    alone = [encoder.encode(_single(picture)).vectors for picture in film.data]

    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-4)


def test_vectors_come_in_the_order_of_the_pictures_however_many(
    encoder: VisualEncoder, film: FrameBatch
) -> None:
    order = np.arange(20) % len(film.data)
    many = encoder.encode(FrameBatch(film.data[order], np.arange(20.0)))

    np.testing.assert_allclose(many.vectors, encoder.encode(film).vectors[order], atol=1e-4)


@pytest.mark.parametrize("shape", [(64, 36), (20, 500), (500, 20), (1, 1), (224, 224)])
def test_a_picture_of_any_shape_has_a_vector(
    encoder: VisualEncoder, shape: tuple[int, int]
) -> None:
    (vector,) = encoder.encode(_single(np.full((*shape, 3), 90, np.uint8))).vectors

    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_query_is_a_vector_of_length_one_or_zeros(encoder: VisualEncoder) -> None:
    vectors = encoder.encode_text(["a cat", " "])

    assert vectors.shape == (2, encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0], atol=1e-5)
    assert encoder.encode_text([]).shape == (0, encoder.dim)


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
