"""Shots and words as chance would have them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from scenelake.schemas.rows import Shot, Word


def random_shots(rng: np.random.Generator, duration_s: float) -> tuple[Shot, ...]:
    """Shots of half a second to two minutes that tile a film."""
    edges = [0.0]
    while edges[-1] < duration_s:
        edges.append(edges[-1] + float(np.exp(rng.uniform(np.log(0.5), np.log(120)))))
    inner = [edge for edge in edges[1:-1] if edge < duration_s - 0.1]
    return tuple(Shot(a, b) for a, b in pairwise([0.0, *inner, duration_s]))


def random_words(rng: np.random.Generator, duration_s: float) -> tuple[Word, ...]:
    """Words of 0.1 to 0.6 s, sometimes with a pause between, now and then overlapping."""
    words, at_s = [], float(rng.uniform(0, 3))
    while at_s < duration_s - 0.7:
        length_s = float(rng.uniform(0.1, 0.6))
        words.append(Word(f"w{len(words)}", at_s, at_s + length_s, 0.875))
        pause_s = rng.choice([0.0, 0.0, 0.05, 0.3, 4.0, -0.05])
        at_s += max(0.05, length_s + float(pause_s))
    return tuple(words)
