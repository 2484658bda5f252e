"""Search over a large lake of made-up films: building the index, first answer, later ones.

    python tests/bench/search.py [--scenes 1000000] [--queries 240] [--lake FOLDER]

Each answer is timed by the clock and by this process's own CPU seconds: on a machine that
does other work too, the second is what a quiet one would need at least.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import in_process, save, say, table
from films import cache_folder
from search_lake import FILM_SCENES, N_WORDS, made_up, make, word

from scenelake.pipeline import Lake
from scenelake.pipeline.retrieval.filters import Filters
from scenelake.pipeline.retrieval.search import Query, Searcher

_SEEN = ("a golden retriever", "yellow school bus", "steam train", "cup of coffee", "sailing boat")
_WARM = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of one kind."""

    kind: str
    text: str
    filters: Filters


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenes", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=240)
    parser.add_argument("--lake", type=Path)
    parser.add_argument("--keep-index", action="store_true", help="measure no building")
    parser.add_argument("--child", choices=("build", "first", "warm"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    lake = arguments.lake or cache_folder() / f"search-{arguments.scenes}"
    if arguments.child:
        measured = {"build": _build, "first": _first, "warm": _warm}[arguments.child]
        sys.stdout.write(json.dumps(measured(lake, arguments.scenes, arguments.queries)) + "\n")
        return
    if len(list(lake.glob("videos/*.parquet"))) * FILM_SCENES < arguments.scenes:
        say("  making the lake")
        make(lake, made_up(), n_scenes=arguments.scenes)
    document = measured_of(lake, arguments)
    save(f"search-{arguments.scenes}", document)
    say(shown(document))


def measured_of(lake: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All numbers of one lake, each step in a process of its own."""
    rest = ["--scenes", arguments.scenes, "--queries", arguments.queries, "--lake", lake]
    document: dict[str, Any] = {"scenes": arguments.scenes, "queries": arguments.queries}
    steps = ["first", "warm"] if arguments.keep_index else ["build", "first", "warm"]
    for step in steps:
        say(f"  {step}")
        document[step] = in_process("search.py", "--child", step, *rest)
    document["index_bytes"] = _bytes_of(lake / "_cache" / "search")
    return document


def _build(lake: Path, n_scenes: int, n_queries: int) -> dict[str, Any]:
    shutil.rmtree(lake / "_cache" / "search", ignore_errors=True)
    start_s, cpu_s = time.perf_counter(), time.process_time()
    Searcher(Lake(lake)).search(Query("a cat"), k=1)
    return _spent(start_s, cpu_s)


def _first(lake: Path, n_scenes: int, n_queries: int) -> dict[str, Any]:
    """From a loaded interpreter to the answer: opening the index, with and without the models."""
    start_s, cpu_s = time.perf_counter(), time.process_time()
    searcher = Searcher(Lake(lake))
    searcher._encoders.text("a dog", kind="told")
    searcher._encoders.text("a dog", kind="seen")
    models = _spent(start_s, cpu_s)
    searcher.search(Query("a golden retriever at the lake"))
    return {"models": models, "all": _spent(start_s, cpu_s)}


def _warm(lake: Path, n_scenes: int, n_queries: int) -> dict[str, Any]:
    searcher = Searcher(Lake(lake))
    asked = list(questions(n_queries, n_films=n_scenes // FILM_SCENES))
    for one in asked[:_WARM]:
        searcher.search(Query(one.text), filters=one.filters)
    spent = [_timed(searcher, one) for one in asked]
    kinds = sorted({one.kind for one in asked})
    return {
        "by_kind": {
            kind: _summary([s for one, s in zip(asked, spent, strict=True) if one.kind == kind])
            for kind in kinds
        },
        "all": _summary(spent),
        **_memory(),
        "recall_at_10": _recall(searcher, asked),
    }


def questions(n: int, *, n_films: int) -> Iterator[Asked]:
    """Common and rare words, things seen, and the same within filters."""
    rng = np.random.default_rng(7)
    rank = np.arange(1, N_WORDS + 1)
    frequency = np.cumsum(1 / rank) / np.sum(1 / rank)
    filters = {
        "": Filters(),
        " in one film": Filters(video_ids=(f"{n_films // 2:020x}",)),
        " in German": Filters(languages=("de",)),
        " with a label": Filters(labels=("dog",)),
        " of a speaker, in minutes 2 to 7": Filters(speakers=("A",), start_s=120, end_s=420),
    }
    for number in range(n):
        common = word(int(rng.integers(5)))
        ranks = np.searchsorted(frequency, rng.random(int(rng.integers(2, 7))))
        drawn = " ".join(word(int(r)) for r in ranks)
        rare = word(int(rng.integers(N_WORDS // 2, N_WORDS)))
        what = number % 4
        kind = ("words as they come", "rare words", "common words", "what is seen")[what]
        text = (drawn, f"{rare} {drawn.split()[0]}", f"{common} {word(7)}", _SEEN[number % 5])[what]
        extra = list(filters)[(number // 4) % len(filters)]
        yield Asked(kind + (" with filters" if extra else ""), text, filters[extra])


def _timed(searcher: Searcher, asked: Asked) -> dict[str, float]:
    start_s, cpu_s = time.perf_counter(), time.process_time()
    searcher.search(Query(asked.text), filters=asked.filters)
    return {"wall_s": time.perf_counter() - start_s, "cpu_s": time.process_time() - cpu_s}


def _summary(spent: Sequence[dict[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {"n": len(spent)}
    for clock in ("wall_s", "cpu_s"):
        values = sorted(one[clock] for one in spent)
        found[f"median_{clock}"] = statistics.median(values)
        found[f"p95_{clock}"] = values[int(0.95 * (len(values) - 1))]
    return found


def _recall(searcher: Searcher, asked: Sequence[Asked]) -> dict[str, float]:
    """Of the ten most like a query by all vectors, how many are among the ten found."""
    index = searcher._index()
    texts = list(dict.fromkeys(one.text for one in asked))[:50]
    return {kind: _recall_of(searcher, index, kind, texts) for kind in ("told", "seen")}


def _recall_of(searcher: Searcher, index: Any, kind: str, texts: Sequence[str]) -> float:
    shares = []
    for segment in index.segments:
        matrix = np.asarray(segment.vectors[kind].matrix, np.float32)
        for text in texts:
            query = searcher._encoders.text(text, kind=kind)
            exact = matrix @ query
            rows, _ = segment.vectors[kind].nearest(query, among=None, n=100)
            tenth = np.partition(exact, -10)[-10]
            shares.append(np.count_nonzero(exact[rows[:10]] >= tenth - 1e-3) / 10)
    return float(np.mean(shares))


def _spent(start_s: float, cpu_s: float) -> dict[str, Any]:
    return {
        "wall_s": time.perf_counter() - start_s,
        "cpu_s": time.process_time() - cpu_s,
        **_memory(),
    }


def _memory() -> dict[str, float]:
    """The peak of all pages, and those now that no file backs: the rest is the disk's cache."""
    status = Path("/proc/self/status").read_text().splitlines()
    anonymous = next(line for line in status if line.startswith("RssAnon"))
    return {
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "anonymous_bytes": int(anonymous.split()[1]) * 1024,
    }


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def shown(document: dict[str, Any]) -> str:
    """The measurement as Markdown."""
    lines = [f"{document['scenes']:,} scenes, {document['queries']} queries.", ""]
    rows: list[list[object]] = []
    for name, spent in (
        ("index built", document.get("build")),
        ("models loaded in a fresh process", document["first"]["models"]),
        ("first answer in a fresh process, models and all", document["first"]["all"]),
    ):
        if spent is not None:
            peak = f"{spent['peak_bytes'] / 2**20:.0f}"
            rows.append([name, spent["wall_s"], spent["cpu_s"], peak])
    lines.append(table(["", "wall s", "CPU s", "peak MiB"], rows))
    warm = document["warm"]
    kinds = {**warm["by_kind"], "all": warm["all"]}
    header = ["later answers, ms", "n", "median", "95 %", "median of CPU", "95 % of CPU"]
    columns = ("median_wall_s", "p95_wall_s", "median_cpu_s", "p95_cpu_s")
    told = [[k, s["n"], *(f"{s[c] * 1000:.0f}" for c in columns)] for k, s in kinds.items()]
    lines += ["", table(header, told), ""]
    recall = ", ".join(f"{kind} {share:.3f}" for kind, share in warm["recall_at_10"].items())
    lines.append(
        f"Index {document['index_bytes'] / 2**20:.0f} MiB. Answering, the process holds "
        f"{warm['anonymous_bytes'] / 2**20:.0f} MiB of its own, "
        f"{warm['peak_bytes'] / 2**20:.0f} MiB at the peak with pages of the index. "
        f"Recall of the best ten of each segment against all vectors: {recall}."
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
