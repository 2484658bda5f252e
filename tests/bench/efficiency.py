"""How near a run comes to what its steps need alone.

    python tests/bench/efficiency.py [--quick] [--repeats N]

The run's wall time from the moment all models are loaded, over the CPU seconds that its steps
need one after the other in one process, divided by the cores. 1.00 would be a run in which no
core ever waits and the steps do not disturb each other. Wall times of a shared machine carry
what others did: `without others' CPU` takes the CPU seconds of other processes off.
"""

from __future__ import annotations

import argparse
from typing import Any

from common import interleaved, median, n_cores, save, say, table
from films import minute_films

ENGINES = ("inline", "ray")
HEADER = ("engine", "wall s", "CPU s", "wall / ideal", "without others' CPU", "CPU / alone")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="three films, once")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    films = minute_films(3 if arguments.quick else 12)
    jobs = {"alone": ("alone.py", *films)}
    jobs |= {engine: ("ours.py", engine, *films) for engine in ENGINES}
    results = interleaved(jobs, repeats=1 if arguments.quick else arguments.repeats)
    document = {"n_films": len(films), "cores": n_cores(), "results": results}
    save("efficiency", document)
    say(shown(document))


def shown(document: dict[str, Any]) -> str:
    """Both tables: what steps need alone, and what runs take."""
    results, cores = document["results"], document["cores"]
    alone = results["alone"]
    steps = [
        [name, median([run["steps"][name] for run in alone], "cpu_s")] for name in alone[0]["steps"]
    ]
    total_s = median(alone, "cpu_s")
    ideal_s = total_s / cores
    rows = [
        [
            engine,
            median(results[engine], "wall_s"),
            median(results[engine], "cpu_s"),
            median(results[engine], "wall_s") / ideal_s,
            median(results[engine], "freed_s") / ideal_s,
            median(results[engine], "cpu_s") / total_s,
        ]
        for engine in ENGINES
    ]
    return "\n".join(
        [
            table(("step alone", "CPU s"), [*steps, ["all", total_s]]),
            "",
            f"Ideal on {cores} cores: {ideal_s:.1f} s.",
            "",
            table(HEADER, rows),
        ]
    )


if __name__ == "__main__":
    main()
