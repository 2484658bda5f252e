"""The libraries that metrics are taken from: an extra, loaded when a metric wants it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from scenelake.schemas.errors import UsageError


def library(module: str) -> Any:
    """A module of the extra `eval`.

    Errors:
        UsageError: it is not installed; the message says what to type.
    """
    try:
        return import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        line = f"evaluation needs {name}: pip install 'scenelake[eval]'"
        raise UsageError(line) from error
