"""Fewer keyframes, or smaller ones: what is saved and what is no longer seen. Prints JSON.

python tests/bench/choices_pictures.py frames|sizes
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import jiwer
import numpy as np
from common import fresh_folder, say
from films import minute_films, packages

from scenelake.pipeline.job import run
from scenelake.pipeline.lake import Lake
from scenelake.pipeline.settings import load_config
from scenelake.schemas.arrays import Float32, UInt8
from scenelake.schemas.config import DescribeConfig, OcrConfig
from scenelake.schemas.media import FrameBatch
from scenelake.schemas.rows import Keyframe
from scenelake.workers import registry
from scenelake.workers.keyframes import from_jpeg
from scenelake.workers.ocr import RapidOcr
from scenelake.workers.shown import choose, picture

SAME = (1.0, 0.98, 0.95, 0.9)
SIDES_PX = (640, 448, 320, 224)
SETTINGS = ("describe.engine=evidence", "ocr.engine=none", "keyframes.every_s=2")
_WITNESS = 0.5
"""Pictures whose grey thumbnails correlate less than this are surely not the same."""

Scenes = list[tuple[Keyframe, ...]]


def main() -> None:
    say(json.dumps({"frames": frames, "sizes": sizes}[sys.argv[1]]()))


def scenes_of(film: Path) -> Scenes:
    """A film's scenes, each its keyframes, one for every two seconds of a shot."""
    with fresh_folder() as folder:
        summary = run([film], folder / "lake", config=load_config(settings=SETTINGS))
        if summary.failures:
            raise RuntimeError(summary.failures[0].message)
        stored = Lake(folder / "lake").scenes(columns=["keyframes"])["keyframes"].to_pylist()
    return [tuple(_keyframe(frame) for frame in scene) for scene in stored]


def _keyframe(row: dict[str, Any]) -> Keyframe:
    return Keyframe(row["time_s"], row["jpeg"], np.asarray(row["vector"], np.float32))


def frames() -> dict[str, Any]:
    """`same_frame`, at several values."""
    films = {
        "Big Buck Bunny, 5 s": packages.big_buck_bunny(),
        "bikes, 10 s": packages.bikes(),
        "iscc-samples' film, 60 s": packages.iscc_videos()["mp4"],
        "music video, 212 s": packages.music_video(),
    }
    rows = []
    for name, film in films.items():
        scenes = scenes_of(film)
        n_frames = sum(map(len, scenes))
        for same in SAME:
            kept = [_kept(scene, same) for scene in scenes]
            n_lost = sum(_lost(scene, left) for scene, left in zip(scenes, kept, strict=True))
            share = 100 * sum(map(len, kept)) / n_frames
            rows.append([name, same, f"{share:.0f} % of {n_frames}", f"{n_lost} of {len(scenes)}"])
    header = ["film", "same_frame", "keyframes left", "scenes that lost a picture unlike the rest"]
    note = (
        "Speed follows the frames: a picture costs a model with eyes the same each time. A picture "
        f"is unlike the rest if its grey thumbnail (32 x 18) correlates less than {_WITNESS} with "
        "every one kept of its scene, a measure that the choice knows nothing of."
    )
    return {"header": header, "rows": rows, "note": note}


def _kept(scene: tuple[Keyframe, ...], same: float) -> tuple[Keyframe, ...]:
    return choose(scene, DescribeConfig(same_frame=same, max_frames=10_000))


def _lost(scene: tuple[Keyframe, ...], kept: tuple[Keyframe, ...]) -> bool:
    left, times_s = [_thumbnail(frame) for frame in kept], {frame.time_s for frame in kept}
    gone = [_thumbnail(frame) for frame in scene if frame.time_s not in times_s]
    return any(max(float(one @ other) for other in left) < _WITNESS for one in gone)


def _thumbnail(frame: Keyframe) -> Float32:
    """(576,) grey, without its mean, of length 1."""
    small = cv2.resize(from_jpeg(frame.jpeg), (32, 18), interpolation=cv2.INTER_AREA)
    grey = small.mean(axis=2, dtype=np.float32).ravel()
    grey -= grey.mean()
    return np.asarray(grey / max(float(np.linalg.norm(grey)), 1e-6), np.float32)


def sizes() -> dict[str, Any]:
    """Pictures of a film with captions, at several sizes."""
    (film,) = minute_films(1)
    chosen = [frame for scene in scenes_of(film) for frame in scene]
    reader, encoder = RapidOcr(OcrConfig()), registry.ready("visual", load_config().visual)
    reader.setup()
    found = {side: seen(chosen, side, reader, encoder) for side in SIDES_PX}
    first = found[SIDES_PX[0]]
    rows = [
        [
            side,
            one["jpeg_kb"],
            f"{first['ocr_s'] / one['ocr_s']:.2f}, {first['visual_s'] / one['visual_s']:.2f}",
            f"{one['n_lines']} of {first['n_lines']}",
            100 * jiwer.cer(first["text"], one["text"]),
            float((one["vectors"] * first["vectors"]).sum(axis=1).mean()),
            one["n_patches"],
        ]
        for side, one in found.items()
    ]
    header = ["longer side, px", "JPEG, kB", "speed of reading, of ConSE", "lines read"]
    header += ["characters read otherwise, %", "cosine of vectors", "tokens to a Qwen-VL"]
    note = (
        f"{len(chosen)} pictures of a made film of 640x360 with captions 16 to 30 pixels high; "
        "characters without spaces and case; tokens: one for 32 x 32 pixels. The "
        "reader enlarges every picture to the same size, so that it gains nothing."
    )
    return {"header": header, "rows": rows, "note": note}


def seen(chosen: list[Keyframe], side: int, reader: Any, encoder: Any) -> dict[str, Any]:
    """What is read and seen in pictures of at most this size, and the seconds that takes."""
    shown = [image for frame in chosen if (image := picture(frame, max_side_px=side))]
    pixels = [from_jpeg(image.jpeg) for image in shown]
    read, ocr_s = _each(reader.read, pixels)
    looked, visual_s = _each(encoder.encode, pixels)
    lines = [line.text for (lines,) in read for line in lines]
    return {
        "jpeg_kb": sum(len(image.jpeg) for image in shown) / len(shown) / 1e3,
        "ocr_s": ocr_s,
        "visual_s": visual_s,
        "n_lines": len(lines),
        "text": "".join(lines).lower().replace(" ", ""),
        "vectors": np.concatenate([one.vectors for one in looked]),
        "n_patches": sum(p.shape[0] * p.shape[1] // 32**2 for p in pixels) // len(pixels),
    }


def _each(work: Any, pixels: list[UInt8]) -> tuple[list[Any], float]:
    """Of every picture alone, and the seconds of all."""
    batches = [FrameBatch(data=one[None], time_s=np.zeros(1)) for one in pixels]
    work(batches[0])
    start_s = time.perf_counter()
    return [work(batch) for batch in batches], time.perf_counter() - start_s


if __name__ == "__main__":
    main()
