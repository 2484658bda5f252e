"""Python reads this at its start where PYTHONPATH names this folder: faults from outside.

In the process that decodes, the pictures of a film with "hangs", "eats" or "dies" in its
name make the decoder do that. Which clips are read is noted in the temporary folder, a line
each: decoder, film, clip. In the process of the command, a file "stop" in the temporary
folder names what is written to a lake just before that process is killed.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

HOME = Path(tempfile.gettempdir())


def troubled(look: Callable[..., Any]) -> Callable[..., Any]:
    """Reading of pictures, with a diary and three kinds of trouble."""

    def reading(path: str, clip: Any, config: Any, backend: str) -> Any:
        note(f"{backend} {clip.source.video_id} {clip.index}")
        name = Path(clip.source.uri).name
        if "hangs" in name:
            time.sleep(3600)
        if "eats" in name:
            eat()
        if "dies" in name:
            os.kill(os.getpid(), signal.SIGSEGV)
        return look(path, clip, config, backend)

    return reading


def eat() -> None:
    """As much memory as there is, in bites, like a decoder that believes a wrong size."""
    eaten = []
    while True:
        eaten.append(b"\1" * (8 << 20))
        time.sleep(0.01)


def note(line: str) -> None:
    with (HOME / "diary").open("a") as diary:
        diary.write(line + "\n")


def mortal(write: Callable[..., None]) -> Callable[..., None]:
    """Writing into a lake that ends the process where "stop" says so."""

    def writing(self: Any, name: str, data: bytes) -> None:
        stop = HOME / "stop"
        if stop.exists() and name.startswith(stop.read_text()):
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, name, data)

    return writing


def spoil_look(module: ModuleType) -> None:
    module.look = troubled(module.look)  # type: ignore[attr-defined]


def spoil_remote(module: ModuleType) -> None:
    module.RemoteFolder.write = mortal(module.RemoteFolder.write)


def spoil_local(module: ModuleType) -> None:
    module.LocalFolder.write = mortal(module.LocalFolder.write)


SPOILS: dict[str, Callable[[ModuleType], None]] = {
    "scenelake.workers.look": spoil_look,
    "scenelake.pipeline.storing.folder_remote": spoil_remote,
    "scenelake.pipeline.storing.folder_local": spoil_local,
}


class Finder(MetaPathFinder):
    """Lets modules be found as ever, and spoils some when they have been read."""

    def __init__(self) -> None:
        self._finding = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in SPOILS or self._finding:
            return None
        self._finding = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._finding = False
        if spec is not None:
            spec.loader.exec_module = self._spoiled(spec.loader, SPOILS[name])  # type: ignore
        return spec

    @staticmethod
    def _spoiled(loader: Any, spoil: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        read = loader.exec_module

        def read_and_spoil(module: ModuleType) -> None:
            read(module)
            spoil(module)

        return read_and_spoil


sys.meta_path.insert(0, Finder())
