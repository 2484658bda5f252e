"""What `doctor` has found, and what to do about each thing that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement

from scenelake.workers import registry

FETCH = "scenelake models fetch, with the same --profile, --config and --set"


@dataclass(frozen=True, slots=True)
class Machine:
    """`memory_bytes` None: the system does not tell."""

    python: str
    platform: str
    n_cores: int
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Library:
    """A package that scenelake asks for. `version` None: not installed; `error`: does not load."""

    name: str
    version: str | None
    wanted: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """What models may compute on: ``"cpu"``, ``"cuda"`` or ``"mps"``."""

    kind: str
    name: str
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the configuration: which engine and model, and whether they load.

    `weights` are names of rows of the report's weights.
    """

    name: str
    engine: str
    model: str | None
    error_type: str | None = None
    error: str | None = None
    weights: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return self.error is None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what to type or to change."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that `examine` found. `weights` are the rows of :func:`models.listing`."""

    version: str
    machine: Machine
    devices: tuple[Device, ...]
    libraries: tuple[Library, ...]
    weights: tuple[dict[str, Any], ...]
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """As plain dicts and lists, with `ok`, and `ready` of each step."""
        steps = [{**asdict(step), "ready": step.ready} for step in self.steps]
        return {"ok": self.ok, **asdict(self), "steps": steps}


def problems(
    *, libraries: Sequence[Library], weights: Sequence[dict[str, Any]], steps: Sequence[Step]
) -> Iterator[Problem]:
    """Causes first: a step that a library or weights explain is not a problem of its own."""
    yield from _library_problems(libraries)
    yield from _weights_problems(weights)
    yield from _step_problems(steps, libraries=libraries, weights=weights)


def installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _library_problems(libraries: Iterable[Library]) -> Iterator[Problem]:
    for library in libraries:
        asked = f"{library.name}{library.wanted}"
        if library.version is None:
            yield Problem(f"{library.name} is not installed", f"pip install '{asked}'")
        elif not Requirement(asked).specifier.contains(library.version, prereleases=True):
            what = f"{library.name} is {library.version}, scenelake works with {library.wanted}"
            yield Problem(what, f"pip install '{asked}'")
        elif library.error is not None:
            what = f"{library.name} {library.version} does not load: {library.error}"
            again = f"pip install --force-reinstall --no-deps {library.name}=={library.version}"
            yield Problem(f"{what}{_known_cause(library)}", again)


def _known_cause(library: Library) -> str:
    """opencv-python and its headless twin own the same folder; the later one wins.

    rapidocr-onnxruntime brings the former, which wants a desktop's libraries.
    """
    if library.name == "opencv-python-headless" and installed_version("opencv-python"):
        return " (opencv-python, which needs the system's libGL, is installed over it)"
    return ""


def _weights_problems(rows: Iterable[dict[str, Any]]) -> Iterator[Problem]:
    for row in rows:
        if row["state"] != "valid":
            where = f" in {row['folder']}" if row["folder"] else " on this machine"
            yield Problem(f"weights {row['name']} are {row['state']}{where}", _remedy(row))


def _remedy(row: dict[str, Any]) -> str:
    if row["kind"] == "folder":
        return "put the model there, or name another folder"
    return FETCH


def _step_problems(
    steps: Sequence[Step], *, libraries: Sequence[Library], weights: Sequence[dict[str, Any]]
) -> Iterator[Problem]:
    """Steps that are not ready for a reason that is not a problem already."""
    broken_library = any(_library_problems(libraries))
    bad_weights = any(_weights_problems(weights))
    explained = {
        "MissingWeightsError": bad_weights,
        "ModuleNotFoundError": broken_library,
        "ImportError": broken_library,
        "OSError": broken_library,
        "Crash": broken_library,
    }
    for step in steps:
        if not step.ready and not explained.get(step.error_type or "", False):
            what = f"step {step.name} cannot use {step.engine}: {step.error}"
            yield Problem(what, _remedy_for_step(step))


def _remedy_for_step(step: Step) -> str:
    if step.error_type == "MissingWeightsError":
        return FETCH
    others = [name for name in registry.names(step.name) if name != step.engine]
    if others:
        return f"mend the cause, or --set {step.name}.engine={others[0]}"
    return "mend the cause; no other engine is installed for this step"
