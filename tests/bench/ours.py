"""One run of scenelake, timed from the moment all models are loaded. Prints JSON.

python tests/bench/ours.py ENGINE FILM... [--set key=value]... [--no-gate]
"""

from __future__ import annotations

import argparse
import json
import logging
from typing import Any

from clock import Clock, new_gate
from common import counts_of_lake, fresh_folder, say
from films import warm_film
from gate import LOADING, put_gate

from scenelake.pipeline.job import run
from scenelake.pipeline.settings import load_config

SETTINGS = ("describe.engine=evidence",)
"""The baselines write no descriptions either."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=("inline", "ray"))
    parser.add_argument("films", nargs="+")
    parser.add_argument("--no-gate", action="store_true", help="no warm film either")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    arguments = parser.parse_args()
    say(json.dumps(timed_run(**vars(arguments))))


def timed_run(engine: Any, films: list[str], settings: list[str], no_gate: bool) -> dict[str, Any]:
    """`wall_s` from the opening of the gate; `whole_s` with start-up and the warm film."""
    with fresh_folder() as folder:
        by_film = engine == "inline" and not no_gate
        first = [str(warm_film())] if by_film else []
        new_gate(folder, n_ready=0 if by_film else len(LOADING))
        clock = Clock()
        if not no_gate:
            put_gate(engine=engine)
        if engine == "ray":
            start_ray()
        config = load_config(settings=[*SETTINGS, *settings])
        lake = folder / "lake"
        summary = run([*first, *films], lake, config=config, engine=engine)
        times, found = clock.stop(), counts_of_lake(lake)
        report = json.loads(next((lake / "runs").glob("*.json")).read_text())
    return {
        **times,
        "failed": [failure.message for failure in summary.failures],
        "committed": summary.committed,
        "stages": summary.stages,
        "usage": report["usage"],
        "counts": found,
    }


def start_ray() -> None:
    """As the engine starts it; that it ends again is not timed, nor is it in the baselines."""
    import ray

    ray.init(
        address="local", include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
    )


if __name__ == "__main__":
    main()
