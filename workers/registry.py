"""Finds the class that does a step, by the step's name and the engine's.

Engines are entry points of the group ``scenelake.engines`` named ``<step>.<engine>``,
``visual.conse``. The built-in ones are declared in our own pyproject.toml, and another
package adds its own in the same way. Nothing is imported until it is asked for.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from scenelake.schemas.config import Config, EngineSection
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
        UsageError: no such engine, or its section is wrong; the message names the section.
    """
    try:
        return load(step, section.engine)(section)
    except UsageError as error:
        if str(error).startswith(f"{step}."):
            raise
        raise type(error)(f"{step}: {error}") from error


def engine_sections(config: Config) -> dict[str, EngineSection]:
    """Steps that have an engine, in the order of the configuration, with their sections."""
    sections = ((name, getattr(config, name)) for name in type(config).model_fields)
    return {name: section for name, section in sections if isinstance(section, EngineSection)}


def weights_of(config: Config) -> tuple[str, ...]:
    """References of the weights that a configuration's engines load, each once.

    Errors:
        UsageError: no such engine.
    """
    sections = engine_sections(config).items()
    engines = [make(step, section) for step, section in sections]
    return tuple(dict.fromkeys(ref for e in engines for ref in getattr(e, "weights", ())))


def ready(step: str, section: EngineSection, *, for_queries: bool = False) -> Any:
    """The engine that a section of the configuration names, with its weights loaded.

    Made once in a process: a second question does not load the models again.

    Args:
        for_queries: by the engine's own lighter way of encoding a single short text, where
            it has one: a search is answered before a large library would have loaded.
    """
    key = (step, section.model_dump_json(), for_queries)
    with _loading:
        if key not in _loaded:
            engine = make(step, section)
            if for_queries and hasattr(engine, "for_queries"):
                engine = engine.for_queries()
            engine.setup()
            _loaded[key] = engine
        return _loaded[key]


_loaded: dict[tuple[str, str, bool], Any] = {}
_loading = threading.RLock()
"""One engine may ask for another while it is set up."""
