"""What a run did, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scenelake.pipeline.parcels import Event
from scenelake.schemas.rows import Failure


@dataclass(slots=True)
class StageCount:
    """Items that a step worked on, the seconds it was busy with them, what else it counted."""

    items: int = 0
    busy_s: float = 0.0
    others: dict[str, float] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        self.items += 1
        self.busy_s += event.busy_s
        for name, value in event.counts.items():
            self.others[name] = self.others.get(name, 0) + value

    def to_json(self) -> dict[str, float]:
        others = {name: round(value, 3) for name, value in self.others.items()}
        return {"items": self.items, "busy_s": round(self.busy_s, 3), **others}


@dataclass(slots=True)
class RunSummary:
    """What a run did. `realtime_factor`: seconds of film committed per second of run."""

    run_id: str
    wall_s: float = 0.0
    media_s: float = 0.0
    committed: int = 0
    skipped: int = 0
    failures: list[Failure] = field(default_factory=list)
    counts: dict[str, StageCount] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        return len(self.failures)

    @property
    def realtime_factor(self) -> float:
        return self.media_s / self.wall_s if self.wall_s else 0.0

    @property
    def stages(self) -> dict[str, dict[str, float]]:
        return {name: count.to_json() for name, count in self.counts.items()}

    def to_json(self) -> dict[str, Any]:
        """The document that `scenelake run --json` prints."""
        return {
            "run_id": self.run_id,
            "committed": self.committed,
            "skipped": self.skipped,
            "failed": self.failed,
            "media_s": round(self.media_s, 3),
            "wall_s": round(self.wall_s, 3),
            "realtime_factor": round(self.realtime_factor, 3),
            "stages": self.stages,
            "failures": [
                {
                    "uri": failure.uri,
                    "stage": failure.stage,
                    "error_type": failure.error_type,
                    "message": failure.message,
                }
                for failure in self.failures
            ],
        }
