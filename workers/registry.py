"""Finds the class that does a step, by the step's name and the engine's.

Engines are entry points of the group ``scenelake.engines`` named ``<step>.<engine>``,
``visual.conse``. The built-in ones are declared in our own pyproject.toml, and another
package adds its own in the same way. Nothing is imported until it is asked for.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from scenelake.schemas.errors import UsageError

GROUP = "scenelake.engines"


@cache
def _engines() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def names(step: str) -> list[str]:
    """Engines known for a step."""
    prefix = f"{step}."
    return sorted(n.removeprefix(prefix) for n in _engines() if n.startswith(prefix))


def load(step: str, engine: str) -> Any:
    """The class behind ``<step>.<engine>``.

    Errors:
        UsageError: no such engine; the message lists those there are.
    """
    point = _engines().get(f"{step}.{engine}")
    if point is None:
        known = ", ".join(names(step)) or "none"
        raise UsageError(f"{step}.engine: no engine is named {engine!r}; known: {known}")
    return point.load()


def make(step: str, section: Any) -> Any:
    """The engine that a section of the configuration names; its weights are not loaded yet.

    Errors:
        UsageError: no such engine.
    """
    return load(step, section.engine)(section)


@cache
def ready(step: str, section: Any) -> Any:
    """The engine that a section of the configuration names, with its weights loaded.

    Made once in a process: a second question does not load the models again.
    """
    engine = make(step, section)
    engine.setup()
    return engine
