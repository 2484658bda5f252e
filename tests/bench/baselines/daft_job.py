"""The job on Daft: one class a model, its methods put into columns, a film a batch.

    PYTHONPATH=tests/bench python tests/bench/baselines/daft_job.py FILM...

Prints JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import daft
from clock import Clock, new_gate, pass_in, pass_out
from common import counts, fresh_folder, say
from daft import DataType, col
from films import warm_film

from baselines import films_to_rows

Row = dict[str, Any]
TEXT, NUMBER, BYTES = DataType.string(), DataType.float64(), DataType.binary()


def many(kind: DataType) -> DataType:
    return DataType.list(kind)


WORD = DataType.struct({"text": TEXT, "start_s": NUMBER, "end_s": NUMBER, "score": NUMBER})
PICTURES = DataType.struct(
    {
        "duration_s": NUMBER,
        "cuts_s": many(NUMBER),
        "times_s": many(NUMBER),
        "jpegs": many(BYTES),
        "starts_s": many(NUMBER),
        "samples": many(BYTES),
    }
)
SEEN = DataType.struct({"vectors": many(many(NUMBER)), "labels": many(many(TEXT))})
WRITTEN = DataType.struct({"texts": many(many(TEXT))})
SAID = DataType.struct({"words": many(WORD), "language": TEXT})
KEYFRAME = DataType.struct(
    {"time_s": NUMBER, "jpeg": BYTES, "vector": many(NUMBER), "labels": many(TEXT)}
)
SCENE = DataType.struct(
    {
        "video": TEXT,
        "index": DataType.int64(),
        "start_s": NUMBER,
        "end_s": NUMBER,
        "transcript": TEXT,
        "language": TEXT,
        "words": many(WORD),
        "ocr": many(TEXT),
        "keyframes": many(KEYFRAME),
        "text_embedding": many(NUMBER),
    }
)


@daft.cls(max_concurrency=1)
class Decode:
    def __init__(self) -> None:
        self._voices = films_to_rows.Voices()

    @daft.method(return_dtype=PICTURES)
    def decode(self, path: str) -> Row:
        pass_in(path)
        return {**films_to_rows.read_pictures(path), **self._voices(path)}


@daft.cls(max_concurrency=1)
class Eyes:
    def __init__(self) -> None:
        self._eyes = films_to_rows.Eyes()

    @daft.method(return_dtype=SEEN)
    def see(self, times_s: list[float], jpegs: list[bytes]) -> Row:
        return self._eyes(times_s, jpegs)


@daft.cls(max_concurrency=1)
class ScreenText:
    def __init__(self) -> None:
        self._screen = films_to_rows.ScreenText()

    @daft.method(return_dtype=WRITTEN)
    def read(self, times_s: list[float], jpegs: list[bytes]) -> Row:
        return self._screen(times_s, jpegs)


@daft.cls(max_concurrency=1)
class Speech:
    def __init__(self) -> None:
        self._speech = films_to_rows.Speech()

    @daft.method(return_dtype=SAID)
    def write_down(self, starts_s: list[float], samples: list[bytes]) -> Row:
        return self._speech(starts_s, samples)


@daft.cls(max_concurrency=1)
class Scenes:
    def __init__(self) -> None:
        self._vectors = films_to_rows.TextVectors()

    @daft.method(return_dtype=many(SCENE))
    def scenes(self, path: str, pictures: Row, seen: Row, written: Row, said: Row) -> list[Row]:
        scenes = self._vectors({"path": path, **pictures, **seen, **written, **said})
        pass_out(path)
        return scenes


def main(films: list[str]) -> None:
    with fresh_folder() as folder:
        new_gate(folder)
        clock = Clock()
        pictures = col("pictures")
        shown = (pictures["times_s"], pictures["jpegs"])
        heard = (pictures["starts_s"], pictures["samples"])
        found_all = [col(name) for name in ("path", "pictures", "seen", "written", "said")]
        (
            daft.from_pydict({"path": [str(warm_film()), *films]})
            .into_batches(1)
            .with_column("pictures", Decode().decode(col("path")))
            .with_column("seen", Eyes().see(*shown))
            .with_column("written", ScreenText().read(*shown))
            .with_column("said", Speech().write_down(*heard))
            .select(Scenes().scenes(*found_all).alias("scene"))
            .explode("scene")
            .select(*(col("scene")[name].alias(name) for name in SCENE.fields))
            .write_parquet(str(folder / "scenes"))
        )
        times = clock.stop()
        found = counts(folder / "scenes")
    say(json.dumps({**times, "counts": found}))


if __name__ == "__main__":
    main(sys.argv[1:])
