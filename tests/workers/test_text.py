"""Texts to vectors: what every text engine does, and what MiniLM does besides."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from scenelake.schemas.config import TextConfig
from scenelake.schemas.errors import MissingWeightsError
from scenelake.workers import registry
from scenelake.workers.engines import TextEncoder
from scenelake.workers.text import MiniLm

SENTENCES = [
    "The volcano began to erupt before dawn.",
    "Lava",
    "Whoever bakes bread knows that the dough needs time, warmth and a patient hand.",
    "The mountain started spewing ash early in the morning.",
]


@pytest.fixture(scope="module", params=registry.names("text"))
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    engine: TextEncoder = registry.load("text", request.param)(TextConfig(engine=request.param))
    engine.setup()
    return engine


def test_a_text_is_a_vector_of_length_one(encoder: TextEncoder) -> None:
    vectors = encoder.encode(SENTENCES)

    assert vectors.dtype == np.float32
    assert vectors.shape == (len(SENTENCES), encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_are_no_vectors(encoder: TextEncoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_a_text_without_words_is_zeros(encoder: TextEncoder) -> None:
    vectors = encoder.encode(["", "lava", " \n\t "])

    assert vectors.any(axis=1).tolist() == [False, True, False]


def test_a_text_has_the_same_vector_alone_and_among_others(encoder: TextEncoder) -> None:
    together = encoder.encode(SENTENCES)
    alone = np.concatenate([encoder.encode([text]) for text in SENTENCES])

    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_vectors_come_in_the_order_of_the_texts_however_many(encoder: TextEncoder) -> None:
    texts = [f"{'very ' * (i % 7)}short film number {i}" for i in range(150)]

    again = encoder.encode(texts[::-1])[::-1]

    np.testing.assert_allclose(encoder.encode(texts), again, atol=1e-4)


def test_what_means_the_same_is_nearer_than_what_does_not(encoder: TextEncoder) -> None:
    eruption, _, bread, ash = encoder.encode(SENTENCES)

    assert eruption @ ash > eruption @ bread + 0.2


def test_thirty_seconds_of_speech_are_read_to_the_end(encoder: TextEncoder) -> None:
    talk = "and then we walked along the shore and talked about the weather " * 7
    calm, eruption, query = encoder.encode(
        [f"{talk} until tea.", f"{talk} until the volcano erupted.", "a volcano erupts"]
    )

    assert query @ eruption > query @ calm + 0.05


def test_a_text_of_any_length_has_a_vector(encoder: TextEncoder) -> None:
    (vector,) = encoder.encode(["one word after the other " * 500])

    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_loads_without_a_network_and_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> NoReturn:
        raise AssertionError("asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    encoder = MiniLm(TextConfig())
    encoder.setup()
    encoder.encode(["a cat"])

    assert capfd.readouterr() == ("", "")


def test_its_name_is_known_and_its_absence_told_where_weights_are_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCENELAKE_MODELS", str(tmp_path))
    encoder = MiniLm(TextConfig())

    assert encoder.model.startswith("minilm@")
    with pytest.raises(MissingWeightsError, match="scenelake models fetch"):
        encoder.setup()
