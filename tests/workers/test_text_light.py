"""Queries are encoded without torch, to the same vectors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from scenelake.schemas.config import Config
from scenelake.workers import registry

TEXTS = [
    "a cat",
    "What is the name of the tall woman in the red coat?",
    "",
    "   ",
    "Été à Paris, naïve café",
    "猫が好き",
    "x" * 3000,
    " ".join(["word"] * 400),
]


@pytest.mark.parametrize(("step", "encode"), [("text", "encode"), ("visual", "encode_text")])
def test_a_query_has_the_vector_that_the_scenes_model_gives_it(step: str, encode: str) -> None:
    section = getattr(Config(), step)
    full = registry.ready(step, section)
    light = registry.ready(step, section, for_queries=True)
    assert light.model == full.model
    assert type(light) is not type(full)
    ours, theirs = getattr(light, encode)(TEXTS), getattr(full, encode)(TEXTS)
    np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_a_query_needs_no_torch() -> None:
    script = (
        "import sys; from scenelake.workers import registry; "
        "from scenelake.schemas.config import Config; c = Config(); "
        "registry.ready('text', c.text, for_queries=True).encode(['a cat']); "
        "registry.ready('visual', c.visual, for_queries=True).encode_text(['a cat']); "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == 0
