"""What each step needs alone: all films through one step, then all through the next. Prints JSON.

    python tests/bench/alone.py FILM... [--set key=value]...

One process, models loaded by a warm film before the clock starts, which keeps its memory as the
engines' do. CPU seconds are those of this process and its children (the decoder's), CPU that
threads spend waiting included.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common import counts_of_lake, fresh_folder, now, say
from films import warm_film
from ours import SETTINGS

from scenelake.pipeline.build import build
from scenelake.pipeline.parcels import Event, Parcel
from scenelake.pipeline.settings import load_config
from scenelake.pipeline.steps import Step, Worker
from scenelake.pipeline.storing.folder import folder_at
from scenelake.pipeline.storing.lake_access import LakeAccess
from scenelake.workers.devices import keep_memory


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("films", nargs="+")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    arguments = parser.parse_args()
    keep_memory()
    config = load_config(settings=[*SETTINGS, *arguments.settings])
    with fresh_folder() as folder:
        lake = folder_at(folder / "lake")
        lake.make()
        steps, info = build(config, folder=lake, run_id="alone")
        access = LakeAccess(lake, info, config.clips.length_s)
        with access.claims.alive():
            needs = through(steps, arguments.films)
        found = counts_of_lake(folder / "lake")
    total = {key: sum(need[key] for need in needs.values()) for key in ("cpu_s", "wall_s")}
    say(json.dumps({"steps": needs, **total, "counts": found}))


def through(steps: list[Step], films: list[str]) -> dict[str, dict[str, float]]:
    """Seconds, and seconds of CPU, that each step takes for all films."""
    workers = {step.name: Worker(step, _ignore) for step in steps}
    warm = parcels([str(warm_film())])
    for worker in workers.values():
        warm = advanced(worker, warm)
    items = parcels(films)
    needs = {}
    for name, worker in workers.items():
        start = now()
        items = advanced(worker, items)
        needs[name] = start.until(now())
    for worker in workers.values():
        worker.close()
    failed = [parcel.item for parcel in items if type(parcel.item).__name__ != "Receipt"]
    if failed:
        raise RuntimeError(f"not committed: {failed}")
    return needs


def parcels(films: Iterable[str]) -> list[Parcel]:
    return [Parcel(str(Path(film)), "alone", str(Path(film))) for film in films]


def advanced(worker: Worker, items: list[Parcel]) -> list[Parcel]:
    return [out for item in items for out in worker.advance(item)]


def _ignore(event: Event) -> Any:
    """Nobody watches."""


if __name__ == "__main__":
    main()
