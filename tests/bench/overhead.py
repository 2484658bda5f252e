"""What a film costs besides its content: thousands of films of one second.

    python tests/bench/overhead.py [--quick]

Screen text is not read: that is work on content, and would be most of it. Busy seconds of
the steps are the report's. Calls that could cost are timed in one process,
one film after the other: hash, probe, the way into the decoder's process and back, writes.
"""

from __future__ import annotations

import argparse
from typing import Any

from common import fresh_folder, in_process, save, say, table
from films import short_films

ENGINES = ("inline", "ray")
_N_SINGLE = 100


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="200 films")
    arguments = parser.parse_args()
    films = short_films(200 if arguments.quick else 2000)
    runs = {}
    with fresh_folder() as folder:
        manifest = folder / "films.txt"
        manifest.write_text("\n".join(map(str, films)))
        for engine in ENGINES:
            say(f"  {engine}")
            runs[engine] = in_process("ours.py", engine, manifest, "--set", "ocr.engine=none")
    calls = in_process("overhead_calls.py", *films[:_N_SINGLE])
    document = {"n_films": len(films), "runs": runs, "calls": calls["calls"]}
    save("overhead", document)
    say(shown(document))


def shown(document: dict[str, Any]) -> str:
    n_films, runs = document["n_films"], document["runs"]
    rows = [
        [engine, run["wall_s"], 1000 * run["wall_s"] / n_films, 1000 * run["cpu_s"] / n_films]
        for engine, run in runs.items()
    ]
    # The time of `plan` has the wait at the gate in it.
    steps = [step for step in runs["inline"]["stages"] if step != "plan"]
    busy = [
        [step, *(1000 * runs[engine]["stages"][step]["busy_s"] / n_films for engine in runs)]
        for step in steps
    ]
    calls = [
        [name, call["per_film"], call["ms_each"], call["per_film"] * call["ms_each"]]
        for name, call in document["calls"].items()
    ]
    return "\n\n".join(
        [
            table(("engine", f"{n_films} films, s", "ms a film", "CPU ms a film"), rows),
            table(("step", *(f"busy ms a film, {engine}" for engine in runs)), busy),
            table(("call, alone", "a film", "ms each", "ms a film"), calls),
        ]
    )


if __name__ == "__main__":
    main()
