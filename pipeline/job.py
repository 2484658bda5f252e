"""The main job: films in, a lake of scenes out."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from scenelake.pipeline.build import build
from scenelake.pipeline.inline_engine import run_inline
from scenelake.pipeline.sources import expand
from scenelake.pipeline.steps import Event, Parcel, Step
from scenelake.pipeline.store import Store
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError
from scenelake.schemas.flow import Receipt, Skipped
from scenelake.schemas.rows import Failure

EngineName = Literal["auto", "inline", "ray"]


class Watcher:
    """Is told how a run goes; this one does not care. A display overrides what it needs."""

    def begin(self, uris: list[str]) -> None:
        """The run starts on these inputs."""

    def event(self, event: Event) -> None:
        """A step takes up an input, or is done with it."""

    def verdict(self, uri: str, item: Receipt | Skipped | Failure) -> None:
        """An input has come to its end."""


@dataclass(slots=True)
class RunSummary:
    """What a run did. `realtime_factor`: seconds of film committed per second of run."""

    run_id: str
    wall_s: float = 0.0
    media_s: float = 0.0
    committed: int = 0
    skipped: int = 0
    failures: list[Failure] = field(default_factory=list)
    stages: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        return len(self.failures)

    @property
    def realtime_factor(self) -> float:
        return self.media_s / self.wall_s if self.wall_s else 0.0

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


def run(
    inputs: Iterable[str | os.PathLike[str]],
    lake: str | os.PathLike[str],
    *,
    config: Config | None = None,
    engine: EngineName = "auto",
    address: str | None = None,
    retry_failed: bool = False,
    watcher: Watcher | None = None,
) -> RunSummary:
    """Bring films into a lake.

    Args:
        inputs: files, folders, globs, addresses or manifests.
        lake: the lake's folder; made if it is not there.
        config: default: the `embedded` profile.
        engine: "auto" is "ray" where `address` or RAY_ADDRESS is given, else "inline".
        address: of a running Ray cluster.
        retry_failed: only those inputs whose last run failed (all of them, if none is given).

    Errors:
        UsageError: wrong inputs or configuration, or missing weights; nothing was written.
        LakeError: the lake cannot be written.
    """
    config = config or Config()
    root = Path(lake).absolute()
    summary = RunSummary(run_id=_new_run_id())
    store = Store(root)
    uris = _uris([os.fspath(item) for item in inputs], store, retry_failed=retry_failed)
    steps, _ = build(config, lake=root, run_id=summary.run_id)
    check_weights(config)
    store.prepare()
    watcher = watcher or Watcher()
    watcher.begin(uris)
    parcels = [Parcel(uri, summary.run_id, uri) for uri in uris]
    busy: dict[str, list[float]] = defaultdict(list)
    start_s = time.perf_counter()
    results = _execute(steps, parcels, watcher.event, engine=engine, address=address)
    with contextlib.closing(results):
        for parcel in results:
            for name, seconds in parcel.busy_s:
                busy[name].append(seconds)
            watcher.verdict(parcel.uri, _settle(parcel, store, summary))
    summary.wall_s = time.perf_counter() - start_s
    summary.stages = {
        step.name: {"items": len(busy[step.name]), "busy_s": round(sum(busy[step.name]), 3)}
        for step in steps
    }
    return summary


def check_weights(config: Config) -> None:
    """Make sure before a run that no model is missing.

    Errors:
        MissingWeightsError: says what to type.
    """
    from scenelake.workers import weights

    for name in weights.needed("embedded"):
        weights.locate(name)


def _new_run_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


def _uris(inputs: list[str], store: Store, *, retry_failed: bool) -> list[str]:
    if not retry_failed:
        if not inputs:
            raise UsageError("nothing to do: name a film, a folder, a glob or a manifest")
        return expand(inputs)
    failed = store.failed_uris()
    named = set(expand(inputs)) if inputs else set(failed)
    return [uri for uri in failed if uri in named]


def _execute(
    steps: list[Step],
    parcels: list[Parcel],
    report: Callable[[Event], None],
    *,
    engine: EngineName,
    address: str | None,
) -> Generator[Parcel]:
    if engine == "ray" or (engine == "auto" and (address or os.environ.get("RAY_ADDRESS"))):
        from scenelake.pipeline.ray_engine import run_on_ray

        return run_on_ray(steps, parcels, report, address=address)
    return run_inline(steps, parcels, report)


def _settle(parcel: Parcel, store: Store, summary: RunSummary) -> Receipt | Skipped | Failure:
    """Count an input's end and write the row of a failed one."""
    item = parcel.item
    if isinstance(item, Receipt):
        summary.committed += 1
        summary.media_s += item.media_s
        return item
    if isinstance(item, Skipped):
        summary.skipped += 1
        return item
    if isinstance(item, Failure):
        recorded = store.record_failure(item)
        summary.failures.append(recorded)
        return recorded
    raise TypeError(f"{parcel.uri}: came out as {type(item).__name__}, not as a verdict")
