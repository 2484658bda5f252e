"""Short names of films for one line of text, distinct within a run."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

_MAX_NAME = 40
_ALL_PARTS = 1 << 16


class Names:
    """Gives each film of a run a short name that no other film of it has.

    It is the file's name, with folders before it where several films share that, and with
    a few digits of a hash behind it where what tells them apart had to be cut.
    """

    def __init__(self, uris: Sequence[str]) -> None:
        self._n_parts = _parts_needed(uris)
        counts = Counter(self._short(uri) for uri in uris)
        self._alike = {name for name, count in counts.items() if count > 1}

    def __call__(self, uri: str) -> str:
        name = self._short(uri)
        if name not in self._alike:
            return name
        mark = "~" + hashlib.blake2b(uri.encode(errors="replace"), digest_size=3).hexdigest()
        return _cut(name, _MAX_NAME - len(mark)) + mark

    def _short(self, uri: str) -> str:
        return short(uri, n_parts=self._n_parts.get(_last(uri, 1), 1))


def short(uri: str, *, n_parts: int = 1) -> str:
    """The last parts of an address, cut in the middle to 40 characters if they are long."""
    return _cut(printable(_last(uri, n_parts) or uri), _MAX_NAME)


def printable(text: str) -> str:
    """Text that moves no cursor and breaks no line; a file's name may hold anything."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _parts_needed(uris: Sequence[str]) -> dict[str, int]:
    """Name -> how many last parts tell apart the addresses that end in it, if not one."""
    counts = Counter(_last(uri, 1) for uri in uris)
    groups: dict[str, list[str]] = defaultdict(list)
    for uri in uris:
        if counts[name := _last(uri, 1)] > 1:
            groups[name].append(uri)
    return {name: _distinct_at(group) for name, group in groups.items()}


def _distinct_at(uris: list[str]) -> int:
    deepest = max(uri.count("/") + 1 for uri in uris)
    for n_parts in range(2, deepest):
        if len({_last(uri, n_parts) for uri in uris}) == len(uris):
            return n_parts
    return _ALL_PARTS


def _last(uri: str, n_parts: int) -> str:
    """The last parts of an address; what follows a `?` names no film and may be a secret."""
    path = uri.partition("?")[0] if "://" in uri else uri
    return "/".join(path.rstrip("/").split("/")[-n_parts:])


def _cut(text: str, n_chars: int) -> str:
    if len(text) <= n_chars:
        return text
    n_head = (n_chars - 1) // 2
    return text[:n_head] + "…" + text[len(text) - (n_chars - 1 - n_head) :]
