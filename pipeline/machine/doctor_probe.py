"""The child process of `doctor`: tries one thing, and says in one line of JSON how it went.

    python -m scenelake.pipeline.machine.doctor_probe import cv2
    python -m scenelake.pipeline.machine.doctor_probe devices
    python -m scenelake.pipeline.machine.doctor_probe step speech '{"engine": ...}'

What it tries may take the process down with it; that is why it is one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from scenelake.schemas.config import Config
from scenelake.workers import registry
from scenelake.workers.devices import accelerators

MARK = "scenelake-doctor "
"""Begins the line of the answer, as libraries write to stdout too."""

_kept: list[Any] = []
"""What was loaded, so that none of it is taken down before the answer is given."""


def try_import(module: str) -> dict[str, Any]:
    import_module(module)
    return {}


def list_devices() -> dict[str, Any]:
    return {"devices": accelerators()}


def try_step(step: str, section_json: str) -> dict[str, Any]:
    """Make the step's engine from its section of the configuration, and load its weights."""
    section = type(getattr(Config(), step)).model_validate_json(section_json)
    engine = registry.make(step, section)
    _kept.append(engine)
    answer: dict[str, Any] = {"weights": list(getattr(engine, "weights", ()))}
    try:
        answer["model"] = engine.model
        engine.setup()
    except Exception as error:  # whatever it is, the parent reports it
        return {**answer, **_told(error)}
    return answer


_TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    "import": try_import,
    "devices": list_devices,
    "step": try_step,
}


def main(argv: list[str]) -> int:
    task, *args = argv
    try:
        answer = _TASKS[task](*args)
    except Exception as error:  # whatever it is, the parent reports it
        answer = _told(error)
    sys.stdout.write(f"\n{MARK}{json.dumps(answer)}\n")
    return 0


def _told(error: Exception) -> dict[str, Any]:
    return {"error_type": type(error).__name__, "error": _one_line(error)}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the answer is given: no library may hang over its own end
