"""Parameters of tests."""

from __future__ import annotations

import pytest


def slow(*values: object) -> list[object]:
    """Those that are left to the slow run."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]
