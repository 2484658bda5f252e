"""The report of a run: one JSON document, and a page made of nothing but that document.

Schema of the document, version 1. Seconds and bytes are plain numbers; a time series is
columns of one length; nothing in it names the machine.

    schema           1
    run_id, version  of the run, of scenelake
    engine           "inline" or "ray"
    started_at       ISO 8601 with its zone
    wall_s, media_s  seconds of run, seconds of film committed
    realtime_factor  media_s / wall_s
    lake             the lake's address as given
    inputs           {total, committed, skipped, failed}: films
    configs          column family -> hash of all that shaped it
    models           step -> name@revision
    machine          {cpus, memory_bytes, python, system}, of the process that led the run
    usage            {peak_memory_bytes, memory_exact, cpu_s, n_processes} on that machine;
                     memory_exact: proportional set size throughout, else some is resident size
    stages           step -> {items, busy_s} and what else the step counted: of a describer
                     that asks a language model, n_prompts, n_retries, n_reply_tokens ...
    failures         error type -> {count, remedy, command, rows: [{uri, stage, message, attempts}]}
    slowest          [{uri, media_s, wall_s, busy_s}]: at most 20, slowest first
    series           {time_s, media_s, committed, failed, skipped, cpu_s, memory_bytes: [...],
                     queues: step -> {n_items: [...], n_bytes: [...]}}, of at most some 600
                     points; counts stand as at the end of each point's stretch, memory and
                     queues as at their peak in it
"""

from __future__ import annotations

import json
import os
import platform
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenelake.pipeline.remedies import remedy, retry_command
from scenelake.pipeline.watching.monitor import Record
from scenelake.pipeline.watching.report_page import page
from scenelake.pipeline.watching.series import Sample
from scenelake.pipeline.watching.summary import RunSummary
from scenelake.pipeline.watching.watcher import QueueState
from scenelake.schemas.rows import Failure

if TYPE_CHECKING:
    from scenelake.pipeline.storing.lake_access import RunInfo
    from scenelake.pipeline.watching.summary import RunSummary

SCHEMA_VERSION = 1

_NOTHING = QueueState(0, 0)


def write_report(write: Callable[[str, bytes], object], document: Mapping[str, Any]) -> None:
    """Give ``<run_id>.json`` and ``<run_id>.html`` to `write`, name and content."""
    run_id = document["run_id"]
    write(f"{run_id}.json", json.dumps(document, indent=1).encode())
    write(f"{run_id}.html", page(document).encode(errors="replace"))


def report(
    summary: RunSummary,
    info: RunInfo,
    record: Record,
    *,
    engine: str,
    started_at: datetime,
    lake: str,
) -> dict[str, Any]:
    """The document of a run that has ended."""
    return {
        "schema": SCHEMA_VERSION,
        "run_id": summary.run_id,
        "version": info.version,
        "engine": engine,
        "started_at": started_at.isoformat(timespec="seconds"),
        "wall_s": round(summary.wall_s, 3),
        "media_s": round(summary.media_s, 3),
        "realtime_factor": round(summary.realtime_factor, 3),
        "lake": lake,
        "inputs": _inputs(summary),
        "configs": dict(info.configs),
        "models": dict(info.models),
        "machine": machine(),
        "usage": _usage(record),
        "stages": _stages(summary, record),
        "failures": _failures(summary.failures, lake=lake),
        "slowest": [
            {
                "uri": film.uri,
                "media_s": round(film.media_s, 3),
                "wall_s": round(film.wall_s, 3),
                "busy_s": round(film.busy_s, 3),
            }
            for film in record.slowest
        ],
        "series": _series(record.samples),
    }


def machine() -> dict[str, Any]:
    """This machine as far as it matters to speed; nothing that names it."""
    return {
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def read_report(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A document that was written before.

    Errors:
        ValueError: it is of a version that this scenelake does not know.
    """
    document: dict[str, Any] = json.loads(Path(path).read_text("utf-8"))
    if document.get("schema") != SCHEMA_VERSION:
        raise ValueError(
            f"{path}: run report of schema {document.get('schema')!r}, expected {SCHEMA_VERSION}"
        )
    return document


def _inputs(summary: RunSummary) -> dict[str, int]:
    counts = {
        "committed": summary.committed,
        "skipped": summary.skipped,
        "failed": len(summary.failures),
    }
    return {"total": sum(counts.values()), **counts}


def _stages(summary: RunSummary, record: Record) -> dict[str, dict[str, Any]]:
    """As the command's own JSON has them; as the monitor has seen them where it has none."""
    if summary.stages:
        return {name: dict(stats) for name, stats in summary.stages.items()}
    return {
        name: {"items": stats.items, "busy_s": round(stats.busy_s, 3)}
        for name, stats in record.steps.items()
    }


def _usage(record: Record) -> dict[str, Any]:
    samples = record.samples
    return {
        "peak_memory_bytes": max((sample.memory_bytes for sample in samples), default=0),
        "memory_exact": record.memory_exact,
        "cpu_s": round(samples[-1].cpu_s, 2) if samples else 0.0,
        "n_processes": record.n_processes,
    }


def _failures(failures: Sequence[Failure], *, lake: str) -> dict[str, dict[str, Any]]:
    """By type, the commonest first."""
    by_type: dict[str, list[Failure]] = defaultdict(list)
    for failure in failures:
        by_type[failure.error_type].append(failure)
    return {
        name: {
            "count": len(group),
            "remedy": remedy(name),
            "command": retry_command(name, lake=lake),
            "rows": [_row(failure) for failure in group],
        }
        for name, group in sorted(by_type.items(), key=lambda item: -len(item[1]))
    }


def _row(failure: Failure) -> dict[str, Any]:
    return {
        "uri": failure.uri,
        "stage": failure.stage,
        "message": failure.message,
        "attempts": failure.attempts,
    }


def _series(samples: Sequence[Sample]) -> dict[str, Any]:
    steps = dict.fromkeys(step for sample in samples for step in sample.queues)
    return {
        "time_s": [round(sample.time_s, 3) for sample in samples],
        "media_s": [round(sample.media_s, 3) for sample in samples],
        "committed": [sample.committed for sample in samples],
        "failed": [sample.failed for sample in samples],
        "skipped": [sample.skipped for sample in samples],
        "cpu_s": [round(sample.cpu_s, 2) for sample in samples],
        "memory_bytes": [sample.memory_bytes for sample in samples],
        "queues": {step: _queue(samples, step) for step in steps},
    }


def _queue(samples: Sequence[Sample], step: str) -> dict[str, list[int]]:
    states = [sample.queues.get(step, _NOTHING) for sample in samples]
    return {
        "n_items": [state.n_items for state in states],
        "n_bytes": [state.n_bytes for state in states],
    }
