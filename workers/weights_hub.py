"""Weights from a model hub, in the hub's own cache, where other programs find them too.

A reference is ``owner/name``, ``owner/name@revision`` or, for one file of a repository,
``owner/name@revision:path/in/it``. Only `fetch` ever speaks to the hub; pickled weights
and formats that nothing here loads are not taken.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from scenelake.schemas.errors import MissingWeightsError, SceneLakeError

_REFERENCE = re.compile(
    r"(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?(:(?P<file>[^:]+))?", re.ASCII
)
_UNWANTED = (
    "*.h5 *.msgpack *.onnx *.ot *.tflite *.mlmodel pytorch_model*.bin tf_model* flax_model* "
    "original/* onnx/* openvino/* coreml/*"
).split()


@dataclass(frozen=True, slots=True)
class HubReference:
    """A repository of a hub, or one file of it."""

    repo: str
    revision: str = "main"
    file: str | None = None

    def __str__(self) -> str:
        file = "" if self.file is None else f":{self.file}"
        return f"{self.repo}@{self.revision}{file}"


def parse(reference: str) -> HubReference | None:
    """What a reference names, None where it is not one to a hub."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    return HubReference(match["repo"], match["revision"] or "main", match["file"])


def locate(reference: HubReference) -> Path:
    """The folder, or the file, in the hub's cache; asks nobody.

    Errors:
        MissingWeightsError: not there, or not all of it.
    """
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return _snapshot(reference, local_files_only=True)
    except (LocalEntryNotFoundError, FileNotFoundError):
        raise MissingWeightsError(
            f"weights {reference} are not on this machine; fetch them with `scenelake models "
            "fetch` and the same --profile or --config"
        ) from None


def identity(reference: HubReference) -> str:
    """``owner/name@commit``, of the commit that is in the cache.

    Errors:
        MissingWeightsError: not there.
    """
    path = locate(reference)
    commit = path.parts[path.parts.index("snapshots") + 1]
    file = "" if reference.file is None else f":{reference.file}"
    return f"{reference.repo}@{commit[:12]}{file}"


def fetch(reference: HubReference) -> Path:
    """Download what is missing; the folder, or the file.

    The hub is ``HF_ENDPOINT``, or Hugging Face; a token is taken from where its own
    programs keep it.

    Errors:
        SceneLakeError: no network, no such model, or one that asks for a licence or token.
    """
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return _snapshot(reference, local_files_only=False)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise SceneLakeError(
            f"weights {reference}: the hub gave nothing: {first}; on a machine without a "
            "network, give a folder that holds the model instead"
        ) from error


def _snapshot(reference: HubReference, *, local_files_only: bool) -> Path:
    from huggingface_hub import snapshot_download

    folder = Path(
        snapshot_download(
            reference.repo,
            revision=reference.revision,
            allow_patterns=reference.file,
            ignore_patterns=None if reference.file else _UNWANTED,
            local_files_only=local_files_only,
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    )
    path = folder if reference.file is None else folder / reference.file
    if not path.exists():
        raise FileNotFoundError(f"{reference.repo} has no file {reference.file}")
    return path
