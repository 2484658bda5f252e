"""Which of iscc-samples' 21 containers hold what another holds."""

from __future__ import annotations

from collections.abc import Iterable

from tests.params import slow

TWINS = frozenset("3g2 f4v m4v mov mpeg ogg wmv".split())
"""The same packets of pictures as in 3gp, mp4, mpg, ogv and asf, in the same format."""


def twins_slow(containers: Iterable[str]) -> list[object]:
    """Parameters of a test: all of these, the twins among them for the slow run."""
    names = list(containers)
    return [n for n in names if n not in TWINS] + slow(*(n for n in names if n in TWINS))
