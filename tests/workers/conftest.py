"""Films read once, and models loaded once, for many tests."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.config import CutConfig, TextConfig, VisualConfig
from scenelake.schemas.film import Source
from scenelake.schemas.media import FrameBatch
from scenelake.workers.conse import Conse
from scenelake.workers.cut import AdaptiveCut
from scenelake.workers.engines import VisualEncoder
from scenelake.workers.probe import probe
from scenelake.workers.text import MiniLm
from scenelake.workers.video import open_video, upright_size

from .visual import BUILDERS, Folders, Picture, loaded

_EVERY_PX = 8
_WIDTH_PX = 256


@dataclass(frozen=True, slots=True)
class Reading:
    """What one decoder makes of a film.

    Attributes:
        times_s: (N,).
        points: (N, h, w, 3) uint8, every eighth pixel of every eighth line.
        cuts_s: what the cut detector finds in these pictures.
        n_refused: packets that the decoder refused.
    """

    times_s: NDArray[np.float64]
    points: NDArray[np.uint8]
    cuts_s: tuple[float, ...]
    n_refused: int


@pytest.fixture(scope="session")
def source_of() -> Callable[[Path], Source]:
    """``source_of(path)``: a film as `probe` finds it, its name for its address."""
    return functools.cache(_source)


@pytest.fixture(scope="session")
def read_film() -> Callable[[Path, str], Reading]:
    """``read_film(path, backend)``: a film decoded once a session."""
    return functools.cache(_read)


@pytest.fixture(scope="session")
def minilm() -> MiniLm:
    """The text encoder, loaded."""
    encoder = MiniLm(TextConfig())
    encoder.setup()
    return encoder


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root = tmp_path_factory.mktemp("tiny")
    return {name: build(root / name) for name, build in BUILDERS.items()}


@pytest.fixture(scope="session")
def encoders(folders: Folders) -> dict[str, VisualEncoder]:
    conse = Conse(VisualConfig())
    conse.setup()
    return {"conse": conse, **{name: loaded(name, folders[name]) for name in BUILDERS}}


@pytest.fixture(params=["conse", *BUILDERS])
def encoder(request: pytest.FixtureRequest, encoders: dict[str, VisualEncoder]) -> VisualEncoder:
    return encoders[request.param]


@pytest.fixture(scope="session")
def slides(photographs: dict[str, Picture]) -> FrameBatch:
    """The photographs as frames of one 16:9 film, two seconds apart."""
    size = (320, 180)
    frames = [
        np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8)
        for p in photographs.values()
    ]
    return FrameBatch(np.stack(frames), 2 * np.arange(len(frames), dtype=np.float64))


def _source(path: Path) -> Source:
    return probe(path, uri=path.name, video_id="film")


def _read(path: Path, backend: str) -> Reading:
    source = _source(path)
    assert source.video is not None
    reader = open_video(path, source, backend=backend, max_side_px=1 << 16)
    size = upright_size(source, max_side_px=1 << 16)
    small = upright_size(source, max_side_px=_WIDTH_PX)
    cutter = AdaptiveCut(CutConfig()).start(rate=source.video.rate)
    times_s, points, cuts_s = [], [], []
    for frame in reader.frames():
        picture = frame.picture(*size)
        times_s.append(frame.time_s)
        points.append(picture[::_EVERY_PX, ::_EVERY_PX].copy())
        if backend == "pyav":
            cuts_s += cutter.push(frame.picture(*small), frame.time_s)
    return Reading(np.array(times_s), np.stack(points), tuple(cuts_s), reader.report.n_refused)
