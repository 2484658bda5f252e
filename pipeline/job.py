"""The main job: films in, a lake of scenes out."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

from scenelake.pipeline.build import build
from scenelake.pipeline.inline_engine import run_inline
from scenelake.pipeline.parcels import Event, Parcel
from scenelake.pipeline.sources import expand
from scenelake.pipeline.steps import Step
from scenelake.pipeline.storing.folder import folder_at
from scenelake.pipeline.storing.lake_access import LakeAccess
from scenelake.pipeline.storing.store import Store
from scenelake.pipeline.watching.monitor import Monitor
from scenelake.pipeline.watching.report import report, write_report
from scenelake.pipeline.watching.summary import RunSummary, StageCount
from scenelake.pipeline.watching.watcher import QueueState, Verdict, Watcher, Watchers
from scenelake.schemas.config import Config
from scenelake.schemas.errors import InputErrorType, UsageError
from scenelake.schemas.flow import Busy, Receipt, Skipped
from scenelake.schemas.rows import Failure
from scenelake.workers.files import forget_copy

FAILURE_TYPES = (*get_args(InputErrorType), "transient", "lost")
"""What the `error_type` of a failure may be, besides the name of an unforeseen exception."""

EngineName = Literal["auto", "inline", "ray"]

_NOT_IN_RUNS = frozenset({"answer"})
"""Steps that have an engine and are not part of a run."""

_LOOK_AGAIN_S = 2.0
"""How often a film is looked at that another run has in hand."""


def run(
    inputs: Iterable[str | os.PathLike[str]],
    lake: str | os.PathLike[str],
    *,
    config: Config | None = None,
    engine: EngineName = "auto",
    address: str | None = None,
    retry_failed: bool | str = False,
    watcher: Watcher | None = None,
) -> RunSummary:
    """Bring films into a lake.

    Args:
        inputs: files, folders, globs, addresses or manifests.
        lake: the lake's folder, or its address in an object store; made if it is not there.
        config: default: the `embedded` profile.
        engine: "auto" is "ray" where `address` or RAY_ADDRESS is given, or where Ray is to
            run the describer's model; else "inline".
        address: of a running Ray cluster.
        retry_failed: only those inputs whose last run failed (all of them, if none is
            given); an error type instead of True: only those that failed of it.

    Errors:
        UsageError: wrong inputs or configuration, or missing weights; nothing was written.
        LakeError: the lake cannot be written.
    """
    config = config or Config()
    store = Store(folder_at(lake))
    run_id = _new_run_id()
    uris = _uris([os.fspath(item) for item in inputs], store, retry_failed=retry_failed)
    steps, info = build(config, folder=store.folder, run_id=run_id)
    engine = _engine(engine, address, steps)
    check_engines(config)
    store.prepare()
    summary = RunSummary(run_id, counts={step.name: StageCount() for step in steps})
    started_at, start_s = datetime.now(UTC), time.perf_counter()
    with Monitor() as monitor:
        job = _Job(
            lake=LakeAccess(store.folder, info, config.clips.length_s),
            config=config,
            summary=summary,
            watcher=Watchers(watcher or Watcher(), monitor),
        )
        job.watcher.begin(uris)
        with job.lake.claims.alive():
            waiting = uris
            while waiting:
                waiting = job.once(steps, waiting, engine=engine, address=address)
        summary.wall_s = time.perf_counter() - start_s
    document = report(
        summary,
        info,
        monitor.record(),
        engine=engine,
        started_at=started_at,
        lake=store.folder.uri,
    )
    write_report(lambda name, data: store.folder.write(f"runs/{name}", data), document)
    return summary


def check_engines(config: Config) -> None:
    """Make sure before a run that no model is missing, and that each can do what is asked.

    Errors:
        MissingWeightsError: says what to type.
        UsageError: a model does not know a language, or is not one for its engine.
    """
    from scenelake.workers import registry, weights

    for step, section in registry.engine_sections(config).items():
        if step in _NOT_IN_RUNS:
            continue
        engine = registry.make(step, section)
        for reference in getattr(engine, "weights", ()):
            weights.locate(reference)
        if hasattr(engine, "check"):
            engine.check()


@dataclass(slots=True)
class _Job:
    """One run, as the process that was asked for it sees it."""

    lake: LakeAccess
    config: Config
    summary: RunSummary
    watcher: Watcher
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def once(
        self, steps: list[Step], uris: list[str], *, engine: EngineName, address: str | None
    ) -> list[str]:
        """Take inputs through the steps; gives those that another run had in hand.

        Each has exactly one verdict: what a worker that died had done twice counts once.
        """
        parcels = [Parcel(uri, self.summary.run_id, uri) for uri in uris]
        open_, busy = dict.fromkeys(uris), dict[str, Busy]()
        results = self._execute(steps, parcels, engine=engine, address=address)
        with contextlib.closing(results):
            for parcel in results:
                if parcel.uri in open_ and parcel.ended:
                    del open_[parcel.uri]
                    if isinstance(parcel.item, Busy):
                        busy[parcel.uri] = parcel.item
                    else:
                        self._settle(parcel)
        for uri in open_:
            self._settle(_lost(uri, self.summary.run_id))
        self._wait_for_any(busy)
        return list(busy)

    def _execute(
        self, steps: list[Step], parcels: list[Parcel], *, engine: EngineName, address: str | None
    ) -> Generator[Parcel]:
        limits = self.config.limits
        if engine == "ray":
            from scenelake.pipeline.ray_engine import run_on_ray

            return run_on_ray(
                steps,
                parcels,
                self._event,
                address=address,
                attempts=limits.attempts,
                flow=self._flow,
                say=self.watcher.say,
            )
        return run_inline(
            steps, parcels, self._event, max_bytes=limits.bytes_on_the_way, flow=self._flow
        )

    def _event(self, event: Event) -> None:
        if event.kind == "finished":
            with self._counting:
                self.summary.counts[event.step].add(event)
        self.watcher.event(event)

    def _flow(self, queues: Mapping[str, QueueState]) -> None:
        self.watcher.flow(queues)

    def _settle(self, parcel: Parcel) -> None:
        """Count an input's end and write the row of a failed one."""
        item: Verdict = parcel.item
        if isinstance(item, Receipt):
            self.summary.committed += 1
            self.summary.media_s += item.media_s
        elif isinstance(item, Skipped):
            self.summary.skipped += 1
        else:
            item = self.lake.store.record_failure(item)
            if item.video_id:
                self.lake.claims.release(item.video_id)
            self.summary.failures.append(item)
        forget_copy(parcel.uri)
        self.watcher.verdict(parcel.uri, item)

    def _wait_for_any(self, busy: Mapping[str, Busy]) -> None:
        """Wait until one of the films that another run has in hand is free."""
        if busy:
            runs = ", ".join(sorted({item.run_id for item in busy.values()}))
            self.watcher.say(f"waiting for another run ({runs}): films in its hand: {len(busy)}")
        while busy and not any(self.lake.claims.is_free(b.video_id) for b in busy.values()):
            time.sleep(_LOOK_AGAIN_S)


def _lost(uri: str, run_id: str) -> Parcel:
    """The verdict on an input of which nothing came back: our fault, and said."""
    failure = Failure(
        uri=uri,
        stage="run",
        error_type="lost",
        message=f"{uri}: no step gave a verdict on it; give the same command again",
        run_id=run_id,
        at=datetime.now(UTC),
    )
    return Parcel(uri, run_id, failure)


def _new_run_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


def _engine(engine: EngineName, address: str | None, steps: list[Step]) -> EngineName:
    only_ray = next((step.model for step in steps if step.model), None)
    if only_ray and engine == "inline":
        raise UsageError(
            f"describe.engine {only_ray.engine} runs within Ray Data: --engine ray, or "
            "describe.engine server for a model's server"
        )
    if engine != "auto":
        return engine
    return "ray" if address or os.environ.get("RAY_ADDRESS") or only_ray else "inline"


def _uris(inputs: list[str], store: Store, *, retry_failed: bool | str) -> list[str]:
    if not retry_failed:
        if not inputs:
            raise UsageError("nothing to do: name a film, a folder, a glob or a manifest")
        return expand(inputs)
    error_type = retry_failed if isinstance(retry_failed, str) else None
    failed = store.failed_uris(error_type=error_type)
    named = set(expand(inputs)) if inputs else set(failed)
    return [uri for uri in failed if uri in named]
