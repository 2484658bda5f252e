"""Puts steps together and runs them: sources, plan, engines, store, queries, commands.

>>> from scenelake.pipeline import Lake, run
>>> run(["films/"], "my-lake")
>>> Lake("my-lake").search("a cat")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scenelake.pipeline.job import run as run
    from scenelake.pipeline.lake import Lake as Lake

__all__ = ["Lake", "run"]

_HOMES = {"Lake": "scenelake.pipeline.lake", "run": "scenelake.pipeline.job"}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line must not wait for Arrow to say `--help`."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
