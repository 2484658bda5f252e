"""The same films by scenelake and by three jobs written without it.

    python tests/bench/throughput.py [--quick] [--repeats N]

All start with the same warm film; `after start-up` is counted from when that one is through.
"""

from __future__ import annotations

import argparse
from typing import Any

from common import interleaved, median, save, say, table
from films import minute_films

OURS = ("scenelake inline", "scenelake ray")
HEADER = (
    "job", "wall s", "without others' CPU", "CPU s", "start-up s", "whole process s",
    "scenes", "words", "keyframes",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="three films, once")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    films = minute_films(3 if arguments.quick else 12)
    results = interleaved(
        {
            "scenelake inline": ("ours.py", "inline", *films),
            "scenelake ray": ("ours.py", "ray", *films),
            "plain script": ("baselines/plain.py", *films),
            "Ray Data": ("baselines/ray_data.py", *films),
            "Daft": ("baselines/daft_job.py", *films),
        },
        repeats=1 if arguments.quick else arguments.repeats,
    )
    save("throughput", {"n_films": len(films), "results": results})
    say(shown({"results": results}))


def shown(document: dict[str, Any]) -> str:
    """The table, and how the best baseline compares."""
    results = document["results"]
    rows = [
        [
            name,
            *(
                median(runs, key)
                for key in ("wall_s", "freed_s", "cpu_s", "start_up_s", "process_s")
            ),
            *(runs[0]["counts"][key] for key in ("scenes", "words", "keyframes")),
        ]
        for name, runs in results.items()
    ]
    lines = [table(HEADER, rows), ""]
    others = [name for name in results if name not in OURS]
    for ours in OURS:
        ratios = ", ".join(f"{ratio(results, ours, other):.2f} of {other}'s" for other in others)
        lines.append(f"{ours} takes {ratios} wall time after start-up (median of paired runs).")
    return "\n".join(lines)


def ratio(results: dict[str, Any], ours: str, other: str) -> float:
    """Our wall time over another's, each pair from one turn."""
    pairs = zip(results[ours], results[other], strict=True)
    return median([{"ratio": a["wall_s"] / b["wall_s"]} for a, b in pairs], "ratio")


if __name__ == "__main__":
    main()
