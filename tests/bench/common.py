"""What the measurements share: the machine in words, tables, results, runs in processes."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from films import cache_folder

HERE = Path(__file__).parent
_LIBRARIES = (
    "av ctranslate2 daft faster-whisper numpy onnxruntime opencv-python-headless pyarrow "
    "rapidocr-onnxruntime ray scenedetect-headless torch transformers"
).split()


def machine() -> dict[str, Any]:
    """What matters to speed, and nothing that names the machine."""
    return {
        "cores": n_cores(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: v for name in _LIBRARIES if (v := _version(name))},
    }


def _version(library: str) -> str | None:
    """None of one that this measurement does without."""
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def n_cores() -> int:
    return len(os.sched_getaffinity(0))


def say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown; floats with two digits."""
    lines = [list(header), ["---"] * len(header), *[[_cell(c) for c in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def save(name: str, document: dict[str, Any]) -> None:
    """Keep a measurement for `render.py`, with the machine it was made on."""
    path = cache_folder() / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": machine(), **document}, indent=1), "utf-8")


def saved(name: str) -> dict[str, Any] | None:
    """A measurement that was made before."""
    path = cache_folder() / "results" / f"{name}.json"
    document: dict[str, Any] | None = json.loads(path.read_text("utf-8")) if path.exists() else None
    return document


def in_process(script: str, *arguments: object, timeout_s: float = 7200) -> dict[str, Any]:
    """The JSON that a script of this folder prints last, run in a fresh process.

    `process_s` is added: the process's whole life by the clock.

    Errors:
        RuntimeError: it failed; with the end of what it said.
    """
    start_s = time.perf_counter()
    with started(script, *arguments) as process:
        output, errors = process.communicate(timeout=timeout_s)
    return {**answer(process, output, errors), "process_s": time.perf_counter() - start_s}


def started(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A script of this folder, running."""
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Workers of Ray and Daft are to find our modules too.
        env={**os.environ, "PYTHONPATH": str(HERE), "DAFT_PROGRESS_BAR": "0"},
    )


def answer(process: subprocess.Popen[str], output: str, errors: str) -> dict[str, Any]:
    """The JSON that a script printed last."""
    if process.returncode:
        raise RuntimeError(f"{process.args}: exit {process.returncode}\n{errors[-4000:]}")
    document: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return document


def interleaved(runs: dict[str, tuple[Any, ...]], *, repeats: int) -> dict[str, list[Any]]:
    """Results of each run, one of each in turn, so that what else goes on hits all alike."""
    results: dict[str, list[Any]] = {name: [] for name in runs}
    for turn in range(repeats):
        for name, (script, *arguments) in runs.items():
            say(f"  {turn + 1}/{repeats} {name}")
            results[name].append(in_process(script, *arguments))
    return results


def median(results: Sequence[dict[str, Any]], key: str) -> float:
    return statistics.median(float(result[key]) for result in results)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """An empty folder, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="scenelake-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Moment:
    """A reading of the clock, of our tree's CPU seconds and of the whole machine's."""

    time_s: float
    cpu_s: float
    machine_cpu_s: float

    def until(self, later: Moment) -> dict[str, float]:
        """Seconds by the clock, seconds of CPU of ours, and of others' on the same machine.

        `freed_s` is the clock without what others took: what a machine of our own would
        have needed at least.
        """
        wall_s, ours_s = later.time_s - self.time_s, later.cpu_s - self.cpu_s
        others_s = max(0.0, later.machine_cpu_s - self.machine_cpu_s - ours_s)
        return {
            "wall_s": wall_s,
            "cpu_s": ours_s,
            "others_s": others_s,
            "freed_s": max(wall_s - others_s / n_cores(), ours_s / n_cores()),
        }


_spent_s: dict[int, float] = {}
"""Seconds of CPU of every process that was ever seen below this one."""


def now() -> Moment:
    """CPU is that of this process and its descendants, as last seen of those that are gone.

    Ray's workers end one by one and nobody waits for them: call it often.
    """
    ticks = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    user, nice, system, _idle, _io, irq, soft_irq, stolen = map(int, ticks)
    busy = user + nice + system + irq + soft_irq + stolen
    _spent_s.update(_descendants())
    return Moment(time.time(), sum(_spent_s.values()), busy / os.sysconf("SC_CLK_TCK"))


def _descendants() -> dict[int, float]:
    """Seconds of CPU of this process and each that lives below it, by process id."""
    parents: dict[int, int] = {}
    spent_s: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        spent_s[pid] = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return {pid: spent_s[pid] for pid in parents if os.getpid() in _line(pid, parents)}


def _line(pid: int, parents: dict[int, int]) -> Iterator[int]:
    """A process, its parent, and so on."""
    while pid in parents:
        yield pid
        pid = parents[pid]


def counts(scenes: Path, *, warm: str = "video = 'warm'") -> dict[str, int]:
    """Scenes, words, keyframes and lines of screen text in a folder of Parquet files.

    Args:
        warm: which rows, in SQL, are the warm film's, and do not count.
    """
    import duckdb

    query = (
        "select count(*), sum(len(words)), sum(len(keyframes)), sum(len(ocr)) "
        f"from read_parquet('{scenes}/**/*.parquet', union_by_name = true) where not ({warm})"
    )
    (row,) = duckdb.sql(query).fetchall()
    return dict(zip(("scenes", "words", "keyframes", "texts"), map(int, row), strict=True))


def counts_of_lake(lake: Path) -> dict[str, int]:
    """As `counts`, of a lake of ours."""
    films = f"select video_id from '{lake}/videos/*.parquet' where uri like '%/warm.mp4'"
    return counts(lake / "scenes", warm=f"video_id in ({films})")
