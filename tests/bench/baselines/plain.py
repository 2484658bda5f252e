"""The job as a plain script: film by film, step by step. Prints JSON.

PYTHONPATH=tests/bench python tests/bench/baselines/plain.py FILM...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from common import counts, fresh_folder, now, say
from films import warm_film


def main(films: list[str]) -> None:
    start = now()
    from baselines.films_to_rows import Eyes, ScreenText, Speech, TextVectors, Voices, read_pictures

    voices, speech, eyes, screen, vectors = Voices(), Speech(), Eyes(), ScreenText(), TextVectors()

    def scenes(film: str) -> list[dict[str, object]]:
        row = {**read_pictures(film), **voices(film)}
        row |= speech(row["starts_s"], row["samples"])
        row |= eyes(row["times_s"], row["jpegs"])
        row |= screen(row["times_s"], row["jpegs"])
        return vectors(row)

    with fresh_folder() as folder:
        scenes(str(warm_film()))
        ready = now()
        for film in films:
            pq.write_table(
                pa.Table.from_pylist(scenes(film)), folder / f"{Path(film).stem}.parquet"
            )
        done = now()
        found = counts(folder)
    times = {
        **ready.until(done),
        "whole_s": done.time_s - start.time_s,
        "start_up_s": ready.time_s - start.time_s,
    }
    say(json.dumps({**times, "counts": found}))


if __name__ == "__main__":
    main(sys.argv[1:])
