"""Small matrix products in one thread.

Threads that wait for each other cost more than they bring to the products of one query,
and on a busy machine a hundred times more.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """While it is entered, NumPy's products use one thread in this process."""
    limited: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limited


@cache
def _controller() -> ThreadpoolController:
    """Looks up the libraries that are loaded, which takes a millisecond."""
    return ThreadpoolController()
