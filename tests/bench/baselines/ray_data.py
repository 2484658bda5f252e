"""The job on Ray Data, as its documentation has it: actors that load a model, mapped in a row.

    PYTHONPATH=tests/bench python tests/bench/baselines/ray_data.py FILM...

Each step asks for an equal share of the CPUs, since all five must be there at once. Prints JSON.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import ray
from clock import Clock, new_gate, pass_in, ready
from common import counts, fresh_folder, n_cores, say

from baselines.films_to_rows import Eyes, ScreenText, Speech, TextVectors, Voices, read_pictures

Row = dict[str, Any]
N_STEPS = 5


class Decode:
    def __init__(self) -> None:
        self._voices = Voices()
        ready("decode")

    def __call__(self, row: Row) -> Row:
        pass_in(row["path"])
        return {**read_pictures(row["path"]), **self._voices(row["path"])}


class See(Eyes):
    def __init__(self) -> None:
        super().__init__()
        ready("see")

    def __call__(self, row: Row) -> Row:
        return {**row, **super().__call__(row["times_s"], row["jpegs"])}


class ReadScreen(ScreenText):
    def __init__(self) -> None:
        super().__init__()
        ready("read")

    def __call__(self, row: Row) -> Row:
        return {**row, **super().__call__(row["times_s"], row["jpegs"])}


class Listen(Speech):
    def __init__(self) -> None:
        super().__init__()
        ready("listen")

    def __call__(self, row: Row) -> Row:
        return {**row, **super().__call__(row["starts_s"], row["samples"])}


class Scenes(TextVectors):
    def __init__(self) -> None:
        super().__init__()
        ready("scenes")

    def __call__(self, row: Row) -> list[Row]:
        return super().__call__(row)


def main(films: list[str]) -> None:
    with fresh_folder() as folder:
        new_gate(folder, n_ready=N_STEPS)
        clock = Clock()
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        share = {"num_cpus": 0.8 * n_cores() / N_STEPS, "concurrency": 1}
        dataset = ray.data.from_items(
            [{"path": film} for film in films], override_num_blocks=len(films)
        )
        for step in (Decode, See, ReadScreen, Listen):
            dataset = dataset.map(step, **share)
        dataset.flat_map(Scenes, **share).write_parquet(str(folder / "scenes"))
        times = clock.stop()
        found = counts(folder / "scenes")
        ray.shutdown()
    say(json.dumps({**times, "counts": found}))


if __name__ == "__main__":
    main(sys.argv[1:])
