"""What a search gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """One ranking that has a scene.

    Attributes:
        ranking: "words", "told" or "seen".
        rank: its place there; 1 is the best.
        score: how rare the words are that are there; cosine of vectors.
        matched: field -> the words of the query that are in it.
    """

    ranking: str
    rank: int
    score: float
    matched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """A scene that fits, and how well: a higher `score` is better.

    Attributes:
        folded: scenes of the same film, seconds away, that say and show the same.
        why: what found it, the ranking that counted most first.
    """

    video_id: str
    uri: str
    scene_id: str
    start_s: float
    end_s: float
    score: float
    title: str
    description: str
    snippet: str
    folded: tuple[str, ...] = ()
    why: tuple[Found, ...] = ()

    def to_json(self, *, explain: bool = False) -> dict[str, Any]:
        """The hit as `scenelake search --json` prints it."""
        document = asdict(self)
        return document if explain else {k: v for k, v in document.items() if k != "why"}
