"""What all tests share: real media, speech and folders for films made on the spot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import fsspec
import numpy as np
import pytest
from filelock import FileLock
from numpy.typing import NDArray

from .media import packages, s3, speech

REPOSITORY = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Sonnet:
    """A person reading (53 s), and the words."""

    audio: Path
    text: str


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo film and what is in it (pipeline/demo/truth.json)."""

    film: Path
    truth: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DemoRun:
    """What the command made of the demo film, with everything at its default, and printed."""

    folder: Path

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    @property
    def document_file(self) -> Path:
        return self.folder / "document.json"

    @property
    def told_file(self) -> Path:
        return self.folder / "told.txt"

    @property
    def document(self) -> dict[str, Any]:
        """From its stdout."""
        document: dict[str, Any] = json.loads(self.document_file.read_text("utf-8"))
        return document

    @property
    def told(self) -> str:
        """From its stderr."""
        return self.told_file.read_text("utf-8")


@pytest.fixture(scope="session")
def sonnet() -> Sonnet:
    return Sonnet(audio=packages.sonnet_audio(), text=packages.sonnet_text().read_text("utf-8"))


@pytest.fixture(scope="session")
def music_video() -> Path:
    return packages.music_video()


@pytest.fixture(scope="session")
def iscc_videos() -> dict[str, Path]:
    return packages.iscc_videos()


@pytest.fixture(scope="session")
def iscc_audio() -> dict[str, Path]:
    return packages.iscc_audio()


@pytest.fixture(scope="session")
def photographs() -> dict[str, NDArray[np.uint8]]:
    """(H, W, 3) uint8 RGB by what is seen."""
    return {what: _read_rgb(path) for what, path in packages.photographs().items()}


@pytest.fixture(scope="session")
def speak() -> Callable[..., NDArray[np.float32]]:
    """``speak(text, wpm=150, voice="en-us")``: float32 mono at 16 kHz."""
    return speech.speak


@pytest.fixture(scope="session")
def read_samples() -> Callable[..., NDArray[np.float32]]:
    """``read_samples(path)``: a whole file's sound, float32 mono at 16 kHz."""
    return speech.read_samples


@pytest.fixture(scope="session")
def demo() -> Demo:
    folder = REPOSITORY / "pipeline" / "demo"
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    return Demo(film=folder / "film.mp4", truth=truth)


@pytest.fixture(scope="session")
def demo_run(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """The demo film run by the command, once for all of pytest's workers: copy, don't change."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    made = DemoRun(folder / "demo")
    with FileLock(folder / "demo.lock"):
        if not made.document_file.exists():
            _run_demo(demo.film, made)
    return made


def _run_demo(film: Path, into: DemoRun) -> None:
    command = [sys.executable, "-c", "from scenelake.pipeline.cli import main; main()", "run"]
    done = subprocess.run(
        [*command, film, "--lake", into.lake, "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    into.told_file.write_text(done.stderr, "utf-8")
    into.document_file.write_text(done.stdout, "utf-8")


@pytest.fixture(scope="session")
def media_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to build films in, gone after the session."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.S3Server]:
    """A real S3 server; take ``s3_user`` to reach it."""
    with s3.running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """``s3_environment(AWS_ENDPOINT_URL=...)``: clients read the environment once, when made."""
    clients = fsspec.get_filesystem_class("s3")

    def become(**env: str) -> None:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        clients.clear_instance_cache()

    yield become
    clients.clear_instance_cache()


@pytest.fixture
def s3_user(s3_server: s3.S3Server, s3_environment: Callable[..., None]) -> s3.S3Server:
    """The server, in the environment of somebody who has a key to it."""
    s3_environment(**s3_server.env)
    return s3_server


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    """Ray on this machine, started once: starting it costs more than most tests."""
    import ray

    ray.init(address="local", include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def _read_rgb(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{path} is not a picture")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
