"""Which of a scene's keyframes a model is shown, and how large.

A frame nearly equal to the last one shown tells nothing new. What is left is spread over
the scene, and a picture is scaled down to what it is worth: pictures cost a model most.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

from scenelake.schemas.config import FramesConfig
from scenelake.schemas.rows import Keyframe, Vector
from scenelake.workers.chat import Image

logger = logging.getLogger(__name__)

T = TypeVar("T")

DULL_LIKENESS = 0.9
"""In a scene all of whose neighbouring frames are this alike, or more, little changes.

Measured with ConSE, two seconds apart: 0.92 to 1.00 in shots of one still thing, 0.16 and
less across a cut. Other encoders have other scales."""

JPEG_QUALITY = 90


def choose(keyframes: Sequence[Keyframe], config: FramesConfig) -> tuple[Keyframe, ...]:
    """The frames to be shown, in time order: at most `max_frames`, none like the last."""
    return spread(_distinct(keyframes, same=config.same_frame), config.max_frames)


def spread(items: Sequence[T], count: int) -> tuple[T, ...]:
    """At most `count` of some items, evenly over all of them: each the middle of its share."""
    if len(items) <= count:
        return tuple(items)
    return tuple(items[(2 * i + 1) * len(items) // (2 * count)] for i in range(count))


def side_px(keyframes: Sequence[Keyframe], config: FramesConfig) -> int:
    """How large a scene's pictures are shown: smaller where its frames hardly differ.

    One frame alone, or one whose vector is not known, does not make a scene dull.
    """
    if config.dull_side_px is None or len(keyframes) < 2:
        return config.frame_side_px
    likenesses = [_likeness(a.vector, b.vector) for a, b in pairwise(keyframes)]
    dull = all(likeness >= DULL_LIKENESS for likeness in likenesses)
    return min(config.frame_side_px, config.dull_side_px) if dull else config.frame_side_px


def picture(keyframe: Keyframe, *, max_side_px: int) -> Image | None:
    """A keyframe no larger than asked; as it is where it is no larger; None: not a picture."""
    import cv2

    from scenelake.workers.keyframes import from_jpeg, to_jpeg

    try:
        pixels = from_jpeg(keyframe.jpeg)
    except (ValueError, cv2.error) as error:
        logger.warning("a keyframe at %.3f s is left out: %s", keyframe.time_s, error)
        return None
    height, width = pixels.shape[:2]
    scale = max_side_px / max(height, width)
    if scale >= 1:
        return Image(keyframe.jpeg, keyframe.time_s)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return Image(to_jpeg(small, quality=JPEG_QUALITY), keyframe.time_s)


def _distinct(keyframes: Sequence[Keyframe], *, same: float) -> list[Keyframe]:
    kept: list[Keyframe] = []
    for keyframe in keyframes:
        if same >= 1 or not kept or _likeness(kept[-1].vector, keyframe.vector) <= same:
            kept.append(keyframe)
    return kept


def _likeness(a: Vector | None, b: Vector | None) -> float:
    """Cosine of two vectors (D,); -1 where one is not known: none, or zeros."""
    if a is None or b is None:
        return -1.0
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else -1.0
