"""What ``scenelake doctor`` finds out: what is installed, what loads, what would be used.

Whatever may crash is tried in a process of its own (`doctor_probe`). A step is ready when
its engine has loaded its weights there, which is the same code that a run would use.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from scenelake.pipeline.machine import models
from scenelake.pipeline.machine.doctor_probe import MARK
from scenelake.pipeline.machine.doctor_report import (
    Device,
    Library,
    Machine,
    Report,
    Step,
    installed_version,
    problems,
)
from scenelake.schemas.config import Config
from scenelake.workers import registry

PACKAGE = "scenelake"
TIMEOUT_S = 300.0
"""A first import of torch from a cold disk may take minutes; longer than this is a hang."""

MODULES = {
    "av": "av",
    "decord2": "decord",
    "duckdb": "duckdb",
    "opencv-python-headless": "cv2",
    "pyarrow": "pyarrow.parquet",
    "ray": "ray.data",
    "torch": "torch",
    "torchaudio": "torchaudio",
    "transformers": "transformers",
    "xllamacpp": "xllamacpp",
}
"""Packages known for not loading where something is amiss -> the module that shows it.

The others show it when their step is tried.
"""

Probe = Callable[..., dict[str, Any]]
"""Runs `doctor_probe` with the arguments given; its answer, with `error` if it failed."""


def run_probe(*args: str) -> dict[str, Any]:
    """Try one thing in a process of its own, which may crash or hang."""
    command = [sys.executable, "-P", "-m", "scenelake.pipeline.machine.doctor_probe", *args]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return {"error_type": "Timeout", "error": f"no answer within {TIMEOUT_S:.0f} s"}
    for line in reversed(done.stdout.splitlines()):
        if line.startswith(MARK):
            answer: dict[str, Any] = json.loads(line.removeprefix(MARK))
            return answer
    return {"error_type": "Crash", "error": _how_it_ended(done)}


def examine(*, config: Config | None = None, probe: Probe = run_probe) -> Report:
    """Look at everything that a run with this configuration would use.

    Loads each step's weights, two steps at a time. Nothing is written or downloaded.
    """
    config = config or Config()
    with ThreadPoolExecutor(max_workers=2) as pool:
        torch_devices = pool.submit(probe, "devices")
        libraries = tuple(pool.map(lambda wanted: _library(wanted, probe), _wanted()))
        engines = registry.engine_sections(config).items()
        steps = tuple(pool.map(lambda step: _step(step, probe), engines))
        devices = (_cpu(), *(Device(**row) for row in torch_devices.result().get("devices", ())))
    needed = dict.fromkeys(name for step in steps for name in step.weights)
    weights = tuple(models.row(name) for name in needed)
    return Report(
        version=metadata.version(PACKAGE),
        machine=_machine(),
        devices=devices,
        libraries=libraries,
        weights=weights,
        steps=steps,
        problems=tuple(problems(libraries=libraries, weights=weights, steps=steps)),
    )


def _wanted() -> list[Requirement]:
    """What scenelake itself asks for; extras are the user's own choice."""
    wanted = (Requirement(text) for text in metadata.requires(PACKAGE) or ())
    return [r for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})]


def _library(wanted: Requirement, probe: Probe) -> Library:
    version = installed_version(wanted.name)
    module = MODULES.get(wanted.name)
    failed = probe("import", module) if version and module else {}
    return Library(
        name=wanted.name,
        version=version,
        wanted=str(wanted.specifier),
        error=failed.get("error"),
    )


def _step(named_section: tuple[str, Any], probe: Probe) -> Step:
    name, section = named_section
    answer = probe("step", name, section.model_dump_json())
    return Step(
        name=name,
        engine=section.engine,
        model=answer.get("model"),
        error_type=answer.get("error_type"),
        error=answer.get("error"),
        weights=tuple(answer.get("weights", ())),
    )


def _how_it_ended(done: subprocess.CompletedProcess[str]) -> str:
    """Of a child that gave no answer: its signal, or its last line."""
    if done.returncode < 0:
        return f"crashed with {signal.Signals(-done.returncode).name}"
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return f"ended with code {done.returncode}: {lines[-1] if lines else 'no message'}"


def _machine() -> Machine:
    return Machine(
        python=platform.python_version(),
        platform=platform.platform(),
        n_cores=_n_cores(),
        memory_bytes=_memory_bytes(),
    )


def _cpu() -> Device:
    return Device("cpu", f"{platform.machine()}, {_n_cores()} cores", _memory_bytes())


def _n_cores() -> int:
    """Cores this process may use, which a container may have narrowed."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory_bytes() -> int | None:
    """The machine's memory, or a container's limit where that is less."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return None
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return total if text == "max" else min(total, int(text))
