"""Which of iscc-samples' 21 containers hold what another holds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

TWINS = frozenset("3g2 f4v m4v mov mpeg ogg wmv".split())
"""The same packets of pictures as in 3gp, mp4, mpg, ogv and asf, in the same format."""


def twins_slow(containers: Iterable[str]) -> list[object]:
    """Parameters of a test: all of these, the twins among them for the slow run."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if name in TWINS else name for name in containers
    ]
