"""Small pictures for pages, inside the page itself."""

from __future__ import annotations

import base64

import numpy as np

_QUALITY = 72


def data_url(jpeg: bytes, *, max_width: int) -> str | None:
    """A JPEG as an address that holds it, no wider than that; None if it is no picture."""
    import cv2

    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    if picture is None:
        return None
    height, width = picture.shape[:2]
    if width > max_width:
        size = (max_width, max(1, round(height * max_width / width)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
