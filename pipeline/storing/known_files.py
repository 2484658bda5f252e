"""Which film a file is, remembered, so that a second run need not read an archive again.

LAKE/_cache/files/<hash of address>   the file's mark when it was read, and its video_id

A file whose mark (size and time of last change; an object's own tag) is as it was is taken
for the same content, as rsync does.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from scenelake.pipeline.storing.folder import Folder
from scenelake.workers.files import mark_of


@dataclass(frozen=True, slots=True)
class KnownFiles:
    """A lake's memory of the files it was made of."""

    folder: Folder
    trusted: bool

    def mark(self, uri: str) -> str | None:
        """The file's mark now; take it before reading the file."""
        return mark_of(uri) if self.trusted else None

    def video_id(self, uri: str, mark: str | None) -> str | None:
        """The film that a file of this mark is known to be, None where it is not."""
        if mark is None:
            return None
        try:
            known = json.loads(self.folder.read(_name(uri)))
        except (FileNotFoundError, ValueError):
            return None
        return str(known["video_id"]) if known.get("mark") == mark else None

    def remember(self, uri: str, mark: str | None, video_id: str) -> None:
        """Note what a file is, that was just read."""
        if mark is not None:
            note = {"uri": uri, "mark": mark, "video_id": video_id}
            self.folder.write(_name(uri), json.dumps(note).encode())


def _name(uri: str) -> str:
    return f"_cache/files/{hashlib.blake2b(uri.encode(), digest_size=10).hexdigest()}"
