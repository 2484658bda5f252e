"""How a camera sees a picture: it pans and zooms, and no two films see the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scenelake.pipeline.evaluation.own.script import Camera
from scenelake.schemas.arrays import Float64, UInt8

_LINE_SHARE = 0.085
"""Height of a letter, of the picture's: what a caption on television has."""


def seen(picture: UInt8, camera: Camera, *, part: float, size: tuple[int, int]) -> UInt8:
    """(H, W, 3): the view at `part` (0 to 1) of the camera's way."""
    eased = part * part * (3 - 2 * part)
    x, y, width = (a + eased * (b - a) for a, b in zip(camera.start, camera.end, strict=True))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    inverse = _window(picture, size, x=x, y=y, width=width)
    view = cv2.warpAffine(picture, inverse, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if camera.is_mirrored:
        view = cv2.flip(view, 1)
    return _graded(np.asarray(view, np.uint8), camera)


def captioned(view: UInt8, text: str) -> UInt8:
    """The view with a line of white letters on a dark band along its lower edge."""
    if not text:
        return view
    height, width = view.shape[:2]
    band = view[-round(height * 2 * _LINE_SHARE) :]
    band //= 4
    image = Image.fromarray(view)
    font = _font(round(height * _LINE_SHARE))
    middle = width / 2, height * (1 - _LINE_SHARE)
    ImageDraw.Draw(image).text(middle, text, fill=(255, 255, 255), font=font, anchor="mm")
    return np.asarray(image, np.uint8)


def _window(picture: UInt8, size: tuple[int, int], *, x: float, y: float, width: float) -> Float64:
    """(2, 3): where in the picture each point of the view is; the view stays inside."""
    (high, wide), (columns, lines) = picture.shape[:2], size
    scale = width * min(wide / columns, high / lines)
    left = min(max(x * wide - scale * columns / 2, 0), wide - scale * columns)
    top = min(max(y * high - scale * lines / 2, 0), high - scale * lines)
    return np.array([[scale, 0, left], [0, scale, top]])


def _graded(view: UInt8, camera: Camera) -> UInt8:
    factors = np.array([1 / camera.warmth, 1, camera.warmth]) * camera.brightness
    becomes = np.clip(np.arange(256)[:, np.newaxis] * factors, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(view, becomes[np.newaxis]), np.uint8)


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(file, size_px)
