"""What is in a film, and when: written beside it as JSON, last, as the proof that it is made."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenelake.pipeline.evaluation.records import Span


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence; times in seconds on the film's clock, silence around it left off."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class SceneTruth:
    """One scene; where it dissolves into the next one, it ends in the middle of that.

    Attributes:
        shows: what is pictured, in words, and `picture`, the name that we gave it.
        sound: what is heard after the words, "" for nothing.
    """

    start_s: float
    end_s: float
    picture: str
    shows: str
    topic: str
    said: tuple[Said, ...]
    screen_text: str
    sound: str
    dissolves: bool

    @property
    def span(self) -> Span:
        return self.start_s, self.end_s

    @property
    def spoken(self) -> Span:
        return self.said[0].start_s, self.said[-1].end_s


@dataclass(frozen=True, slots=True)
class FilmTruth:
    """One film. `script` is a hash of all that it was made from."""

    name: str
    file: str
    script: str
    town: str
    duration_s: float
    fps: float
    size: tuple[int, int]
    voice: str
    scenes: tuple[SceneTruth, ...]

    @property
    def text(self) -> str:
        """All that is said."""
        return " ".join(said.text for scene in self.scenes for said in scene.said)

    @property
    def cuts_s(self) -> tuple[float, ...]:
        """When it cuts, dissolves left out."""
        return tuple(scene.start_s for scene in self.scenes[1:] if not scene.dissolves)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def truth_path(film: Path) -> Path:
    return film.with_suffix(".json")


def write(truth: FilmTruth, path: Path) -> None:
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(truth.to_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    partial.replace(path)


def read(path: Path) -> FilmTruth:
    told = json.loads(path.read_text("utf-8"))
    scenes = tuple(
        SceneTruth(**{**scene, "said": tuple(Said(**said) for said in scene["said"])})
        for scene in told["scenes"]
    )
    return FilmTruth(**{**told, "scenes": scenes, "size": tuple(told["size"])})
