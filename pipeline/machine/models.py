"""What ``scenelake models list`` and ``scenelake models fetch`` do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from scenelake.schemas.config import Config
from scenelake.workers import registry
from scenelake.workers import weights as store
from scenelake.workers.catalogue import CATALOGUE

_log = logging.getLogger(__name__)


def listing(*, config: Config | None = None) -> list[dict[str, Any]]:
    """One row for each of the weights, with its state on this machine.

    Reads every byte of packaged weights, and asks no hub.

    Args:
        config: only what this configuration needs; None: all of the catalogue.

    Errors:
        UsageError: the configuration names an engine or weights that nobody knows.
    """
    return [row(reference) for reference in _references(config)]


def fetch(*, config: Config, report: Callable[[str], None] = _log.info) -> list[dict[str, Any]]:
    """Fetch what is missing or damaged; the rows of :func:`listing`, and whether `fetched`.

    Args:
        report: is told, line by line, what happens.

    Errors:
        UsageError: the configuration names an engine or weights that nobody knows.
        SceneLakeError: weights could not be fetched; those before them stay.
    """
    references = _references(config)
    fetched = [store.fetch(reference, report=report) for reference in references]
    rows = listing(config=config)
    return [{**known, "fetched": new} for known, new in zip(rows, fetched, strict=True)]


def _references(config: Config | None) -> tuple[str, ...]:
    return tuple(CATALOGUE) if config is None else registry.weights_of(config)


def row(reference: str) -> dict[str, Any]:
    """What is known of some weights; see :func:`listing`."""
    place = store.place(reference)
    return {
        "name": place.reference,
        "kind": place.kind,
        "state": place.state,
        "what": place.what,
        "origin": place.origin,
        "n_bytes": place.n_bytes,
        "licence": place.licence,
        "folder": None if place.path is None else str(place.path),
    }
