"""What a GPU gives of what it has, to models of real size with random weights.

    python gpu.py [--seconds N] [--size 2b|4b] [--only PART...] [--compile] [--out GPU.md]

To be copied, with the folder `on_gpu` beside it, to a machine where only torch, transformers
(5.17 or later) and numpy are: no Ray, no network, no weights, no scenelake. JSON goes to
stdout, what goes on to stderr. Eight minutes are enough with the defaults. Without a GPU it
runs small shapes on the processor, which shows that it runs and nothing else.

Every share is of something measured in the same run: of the fastest matrix product of the
models' own shapes, of the bandwidth of a large copy, of a plain loop. A failing measurement
is a row that says so, and the others go on.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from on_gpu.feeding import feeding
from on_gpu.measuring import Bench, Row
from on_gpu.page import document, page
from on_gpu.pictures import encoders, matrix, ways
from on_gpu.shapes import shapes
from on_gpu.words import language, speech

PARTS: dict[str, Callable[[Bench], None]] = {
    part.__name__: part for part in (matrix, encoders, ways, speech, language, feeding)
}


def measured(bench: Bench, parts: Sequence[str]) -> None:
    """All parts; one that cannot even begin is a row that says so."""
    for name in parts:
        begun = len(bench.rows)
        try:
            with torch.inference_mode():
                PARTS[name](bench)
        except Exception:
            with bench.guarded(Row(name, "after " + _last(bench.rows[begun:]), 0, "", "")):
                raise
        gc.collect()
        if bench.on_gpu:
            torch.cuda.empty_cache()


def _last(rows: Sequence[Row]) -> str:
    return f"{rows[-1].what}, batch {rows[-1].batch}" if rows else "nothing"


def main() -> int:
    """0: all was measured; 3: some rows failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4.0, help="for each measurement")
    parser.add_argument("--size", choices=("2b", "4b"), default="2b", help="of the Qwen-VL shape")
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=tuple(PARTS))
    parser.add_argument("--compile", action="store_true", help="torch.compile too; minutes more")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--out", type=Path, help="write the table here, in Markdown")
    asked = parser.parse_args()
    device = asked.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        # Threads wait for each other by spinning, for long where others use the cores too.
        torch.set_num_threads(1)
    size = asked.size if device == "cuda" else "small"
    bench = Bench(shapes(size), device=device, seconds=asked.seconds, compiles=asked.compile)
    start_s = time.perf_counter()
    # Shares need the first part's rates.
    measured(bench, list(dict.fromkeys(("matrix", *asked.only))))
    found = document(bench, size=size, wall_s=time.perf_counter() - start_s)
    sys.stdout.write(json.dumps(found) + "\n")
    if asked.out:
        asked.out.write_text(page(found), "utf-8")
    return 3 if any(row.error for row in bench.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
