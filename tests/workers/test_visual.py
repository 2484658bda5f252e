"""Pictures to vectors: what every visual engine does."""

from __future__ import annotations

import numpy as np
import pytest

from scenelake.schemas.media import FrameBatch
from scenelake.workers.engines import VisualEncoder

from .visual import DUAL, cosines, single


def test_a_picture_is_a_vector_of_length_one(encoder: VisualEncoder, slides: FrameBatch) -> None:
    encoding = encoder.encode(slides)

    assert encoding.vectors.dtype == np.float32
    assert encoding.vectors.shape == (len(slides.data), encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(encoding.vectors, axis=1), 1, atol=1e-5)


def test_an_encoding_says_when_and_by_whom(encoder: VisualEncoder, slides: FrameBatch) -> None:
    encoding = encoder.encode(slides)

    assert encoding.time_s.tolist() == slides.time_s.tolist()
    assert encoding.model == encoder.model


def test_no_pictures_are_no_vectors(encoder: VisualEncoder) -> None:
    encoding = encoder.encode(FrameBatch(np.zeros((0, 36, 64, 3), np.uint8), np.zeros(0)))

    assert encoding.vectors.shape == (0, encoder.dim)
    assert encoding.labels == ()


def test_a_picture_has_the_same_vector_alone_and_among_others(
    encoder: VisualEncoder, slides: FrameBatch
) -> None:
    together = encoder.encode(slides).vectors
    alone = np.concatenate([encoder.encode(single(picture)).vectors for picture in slides.data])

    assert cosines(together, alone).min() > 1 - 1e-4
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_vectors_come_in_the_order_of_the_pictures_however_many(
    encoder: VisualEncoder, slides: FrameBatch
) -> None:
    order = np.arange(20) % len(slides.data)
    many = encoder.encode(FrameBatch(slides.data[order], np.arange(20.0)))
    once = encoder.encode(slides).vectors

    assert np.abs(once - once[::-1]).max() > 1e-2
    np.testing.assert_allclose(many.vectors, once[order], atol=1e-4)


@pytest.mark.parametrize("shape", [(64, 36), (20, 500), (500, 20), (1, 1), (224, 224)])
def test_a_picture_of_any_shape_has_a_vector(
    encoder: VisualEncoder, shape: tuple[int, int]
) -> None:
    (vector,) = encoder.encode(single(np.full((*shape, 3), 90, np.uint8))).vectors

    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_pictures_that_may_only_be_read_are_no_trouble(
    encoder: VisualEncoder, slides: FrameBatch
) -> None:
    kept = slides.data.copy()
    kept.flags.writeable = False

    read = encoder.encode(FrameBatch(kept, slides.time_s))
    np.testing.assert_array_equal(read.vectors, encoder.encode(slides).vectors)
    np.testing.assert_array_equal(kept, slides.data)


@pytest.mark.parametrize("name", ["conse", *DUAL])
def test_a_query_is_a_vector_of_length_one_or_zeros(
    encoders: dict[str, VisualEncoder], name: str
) -> None:
    vectors = encoders[name].encode_text(["a cat", " ", "a dog " * 200])

    assert vectors.shape == (3, encoders[name].dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 1], atol=1e-5)
    assert encoders[name].encode_text([]).shape == (0, encoders[name].dim)
