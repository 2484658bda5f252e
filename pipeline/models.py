"""What ``scenelake models list`` and ``scenelake models fetch`` do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from scenelake.workers import weights as store

_log = logging.getLogger(__name__)


def listing(*, profile: str | None = None) -> list[dict[str, Any]]:
    """One row for each of the weights, with its state on this machine (reads every byte).

    Args:
        profile: only what this profile needs; None: all there are.

    Errors:
        UsageError: no such profile.
    """
    return [{**_row(name), "state": store.check(name)} for name in _names(profile)]


def fetch(
    *, profile: str | None = None, report: Callable[[str], None] = _log.info
) -> list[dict[str, Any]]:
    """Fetch what is missing or damaged; the rows of :func:`listing`, and whether `fetched`.

    Args:
        profile: only what this profile needs; None: all there are.
        report: is told, line by line, what happens.

    Errors:
        UsageError: no such profile.
        SceneLakeError: weights could not be fetched; those before them stay.
    """
    fetched = {name: store.fetch(name, report=report) for name in _names(profile)}
    return [{**row, "fetched": fetched[row["name"]]} for row in listing(profile=profile)]


def _names(profile: str | None) -> tuple[str, ...]:
    return tuple(store.CATALOGUE) if profile is None else store.needed(profile)


def _row(name: str) -> dict[str, Any]:
    weights = store.CATALOGUE[name]
    return {
        "name": name,
        "revision": weights.revision,
        "what": weights.what,
        "package": weights.requirement,
        "n_bytes": weights.n_bytes,
        "licence": weights.licence,
        "folder": str(store.models_dir() / name),
    }
