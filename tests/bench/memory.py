"""Memory of a run against the length of its film.

    python tests/bench/memory.py [--quick] [--engines inline ray] [--minutes 1 6 20 60]

The peak of the proportional set size, summed over the run's processes and sampled from outside
every 0.3 s; shared pages count once. Long films are one film of a minute over and over.
"""

from __future__ import annotations

import argparse
import threading
import time
from typing import Any

from common import answer, save, say, started, table
from films import LARGE, SIZE, long_film

from scenelake.pipeline.watching.processes import usage

MINUTES = (1, 6, 20, 60)
QUICK_SIZE = (320, 180)
_EVERY_S = 0.3
_TARGET = 1.25


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="320x180, up to 12 minutes, inline")
    parser.add_argument("--engines", nargs="+", default=["inline", "ray"])
    parser.add_argument("--size", default="720p", choices=("720p", "360p"))
    parser.add_argument("--minutes", nargs="+", type=int, default=MINUTES)
    arguments = parser.parse_args()
    size = LARGE if arguments.size == "720p" else SIZE
    minutes, engines = arguments.minutes, arguments.engines
    if arguments.quick:
        size, minutes, engines = QUICK_SIZE, (1, 6, 12), ["inline"]
    results: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
    document = {"size": f"{size[0]}x{size[1]}", "results": results}
    for length in minutes:
        for engine in engines:
            results[engine].append(watched(engine, length, size))
            say(f"  {engine}, {length} min: {results[engine][-1]['peak_bytes'] / 2**20:.0f} MiB")
            save("memory", document)
    say(shown(document))


def watched(engine: str, minutes: int, size: tuple[int, int]) -> dict[str, Any]:
    """One run, and the course of its memory."""
    process = started("ours.py", engine, "--no-gate", long_film(minutes, size=size))
    series: list[tuple[float, int]] = []
    watcher = threading.Thread(target=_watch, args=(process, series))
    watcher.start()
    output, errors = process.communicate()
    watcher.join()
    return {
        "minutes": minutes,
        "peak_bytes": max(n_bytes for _, n_bytes in series),
        "series": _thinned(series),
        **answer(process, output, errors),
    }


def _watch(process: Any, series: list[tuple[float, int]]) -> None:
    start_s = time.monotonic()
    while process.poll() is None:
        series.append((round(time.monotonic() - start_s, 1), usage(process.pid).memory_bytes))
        time.sleep(_EVERY_S)


def _thinned(series: list[tuple[float, int]], n_points: int = 200) -> list[tuple[float, int]]:
    """Peaks of even stretches."""
    step = max(1, len(series) // n_points)
    groups = [series[i : i + step] for i in range(0, len(series), step)]
    return [max(group, key=lambda point: point[1]) for group in groups]


def shown(document: dict[str, Any]) -> str:
    """The table; ratios are to the film of 6 minutes."""
    results = document["results"]
    rows = []
    for engine, runs in results.items():
        by_length = {run["minutes"]: run["peak_bytes"] for run in runs}
        for run in runs:
            ratio = run["peak_bytes"] / by_length[6] if 6 in by_length else float("nan")
            rows.append(
                [
                    engine,
                    run["minutes"],
                    f"{run['peak_bytes'] / 2**20:.0f}",
                    ratio,
                    run["wall_s"],
                    run["counts"]["scenes"],
                ]
            )
    header = ("engine", "film, minutes", "peak MiB", "to 6 minutes'", "wall s", "scenes")
    return f"Films of {document['size']}.\n\n{table(header, rows)}"


if __name__ == "__main__":
    main()
