"""Times what may cost per film, film by film in one process. Prints JSON.

Functions are wrapped where they are called; the time of one includes those it calls.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any

from alone import advanced, parcels
from common import fresh_folder, say
from films import warm_film
from ours import SETTINGS

from scenelake.pipeline import plan
from scenelake.pipeline.build import build
from scenelake.pipeline.parcels import Event
from scenelake.pipeline.settings import load_config
from scenelake.pipeline.steps import Worker
from scenelake.pipeline.storing import folder_local
from scenelake.pipeline.storing.claims import Claims
from scenelake.pipeline.storing.folder import folder_at
from scenelake.pipeline.storing.folder_local import LocalFolder
from scenelake.pipeline.storing.lake_access import LakeAccess
from scenelake.pipeline.storing.staging import Staging
from scenelake.pipeline.storing.store import Store
from scenelake.workers.sandbox import Sandbox

CALLS: tuple[tuple[Any, str], ...] = (
    (plan, "check_readable"),
    (plan, "content_id"),
    (Sandbox, "call"),
    (Claims, "take"),
    (Claims, "holds"),
    (Claims, "release"),
    (Claims, "is_free"),
    (LakeAccess, "is_committed"),
    (LakeAccess, "receipt"),
    (Staging, "put_clip"),
    (Staging, "clips"),
    (Staging, "outline"),
    (Staging, "piece"),
    (Staging, "win"),
    (Staging, "clear"),
    (Staging, "forget_races"),
    (Store, "commit"),
    (LocalFolder, "write"),
    (LocalFolder, "create"),
    (folder_local, "_to_disk"),
    (folder_local, "_folder_to_disk"),
)


def main(films: list[str]) -> None:
    spent: dict[str, list[float]] = defaultdict(list)
    with fresh_folder() as folder:
        lake = folder_at(folder / "lake")
        lake.make()
        config = load_config(settings=SETTINGS)
        steps, info = build(config, folder=lake, run_id="alone")
        with LakeAccess(lake, info, config.clips.length_s).claims.alive():
            workers = [Worker(step, _ignore) for step in steps]
            _through(workers, [str(warm_film())])
            for owner, name in CALLS:
                setattr(owner, name, timed(getattr(owner, name), spent[_label(owner, name)]))
            for film in films:
                _through(workers, [film])
            for worker in workers:
                worker.close()
    calls = {
        name: {"per_film": len(times) / len(films), "ms_each": 1000 * sum(times) / len(times)}
        for name, times in spent.items()
        if times
    }
    say(json.dumps({"calls": calls}))


def timed(function: Callable[..., Any], times: list[float]) -> Callable[..., Any]:
    @wraps(function)
    def wrapper(*arguments: Any, **options: Any) -> Any:
        start_s = time.perf_counter()
        try:
            return function(*arguments, **options)
        finally:
            times.append(time.perf_counter() - start_s)

    return wrapper


def _label(owner: Any, name: str) -> str:
    return f"{owner.__name__.rpartition('.')[2]}.{name}"


def _through(workers: list[Worker], films: list[str]) -> None:
    items = parcels(films)
    for worker in workers:
        items = advanced(worker, items)


def _ignore(event: Event) -> None:
    """Nobody watches."""


if __name__ == "__main__":
    main(sys.argv[1:])
