"""Inline against Ray, and 1, 2 and 4 workers for the steps that need most CPU.

    python tests/bench/scaling.py [--quick] [--repeats N]

Counts of workers beyond the machine's cores are left out.
"""

from __future__ import annotations

import argparse
from typing import Any

from common import interleaved, median, n_cores, save, say, table
from films import minute_films

HEAVY = ("decode", "visual", "ocr", "speech")
COUNTS = (1, 2, 4)
HEADER = ("engine", "workers", "wall s", "without others' CPU", "CPU s", "to one worker, inline")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="three films, once")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    films = minute_films(3 if arguments.quick else 12)
    jobs = {
        f"{engine} {count}": ("ours.py", engine, *films, *settings(count))
        for count in COUNTS
        if count <= n_cores()
        for engine in ("inline", "ray")
    }
    results = interleaved(jobs, repeats=1 if arguments.quick else arguments.repeats)
    document = {"cores": n_cores(), "n_films": len(films), "results": results}
    save("scaling", document)
    say(shown(document))


def settings(count: int) -> list[str]:
    return [word for step in HEAVY for word in ("--set", f"pools.{step}.max={count}")]


def shown(document: dict[str, Any]) -> str:
    results, cores = document["results"], document["cores"]
    base_s = median(results["inline 1"], "wall_s")
    rows = [
        [
            *name.split(),
            *(median(runs, key) for key in ("wall_s", "freed_s", "cpu_s")),
            median(runs, "wall_s") / base_s,
        ]
        for name, runs in results.items()
    ]
    left_out = [str(count) for count in COUNTS if count > cores]
    note = f"\n\nNot run: {', '.join(left_out)} workers, on {cores} cores." if left_out else ""
    return f"{document['n_films']} films of one minute.\n\n{table(HEADER, rows)}{note}"


if __name__ == "__main__":
    main()
