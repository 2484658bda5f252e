"""How values that flow check themselves."""

from __future__ import annotations


def require(condition: bool, message: str) -> None:
    """Raise a ValueError with a message, unless a condition holds."""
    if not condition:
        raise ValueError(message)
