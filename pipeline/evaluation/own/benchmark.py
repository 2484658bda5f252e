"""The whole of it: makes the films, runs them, asks, scores; what is done is not done again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenelake.pipeline.evaluation.own import queries as searches
from scenelake.pipeline.evaluation.own import questions as asking
from scenelake.pipeline.evaluation.own.judging import Given, is_right
from scenelake.pipeline.evaluation.own.making import make
from scenelake.pipeline.evaluation.own.queries import Query
from scenelake.pipeline.evaluation.own.questions import Asked
from scenelake.pipeline.evaluation.own.scoring import place, score
from scenelake.pipeline.evaluation.own.script import scripts
from scenelake.pipeline.evaluation.own.trial import Trial, attempt
from scenelake.pipeline.evaluation.own.truth import FilmTruth
from scenelake.pipeline.evaluation.own.world import Half
from scenelake.pipeline.evaluation.results import Result
from scenelake.pipeline.job import run
from scenelake.pipeline.lake import Lake
from scenelake.pipeline.watching.watcher import Watcher
from scenelake.schemas.config import Config
from scenelake.schemas.errors import SceneLakeError

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Films of a seed, in a folder, with what is searched for and asked."""

    folder: Path
    films: tuple[FilmTruth, ...]
    queries: tuple[Query, ...]
    questions: tuple[Asked, ...]

    @property
    def film_folder(self) -> Path:
        return self.folder / "films"


def prepare(
    out: Path, *, half: Half, seed: int, n_films: int, n_scenes: int, report: Report
) -> Benchmark:
    """Make the films that are not there, and write queries.jsonl and questions.jsonl.

    Errors:
        UsageError: espeak-ng or photographs are missing.
    """
    folder = out / f"{half}-{seed}-{n_films}x{n_scenes}"
    plan = scripts(half, seed=seed, n_films=n_films, n_scenes=n_scenes)
    films = make(plan, folder / "films", report=report)
    wanted = searches.queries(plan, films)
    asked = asking.questions(plan, films, half=half, seed=seed)
    searches.write(wanted, folder / "queries.jsonl")
    asking.write(asked, folder / "questions.jsonl")
    return Benchmark(folder, tuple(films), tuple(wanted), tuple(asked))


def bring(bench: Benchmark, config: Config, *, name: str, watcher: Watcher) -> Lake:
    """Run the films into a lake of that name; those that are in it stay.

    Errors:
        SceneLakeError: a film failed.
    """
    path = _lake_path(bench, name)
    films = [bench.film_folder / film.file for film in bench.films]
    if path.exists() and _is_stale(Lake(path), films):
        shutil.rmtree(path)
    summary = run(films, path, config=config, watcher=watcher)
    if summary.failures:
        worst = summary.failures[0]
        raise SceneLakeError(f"{worst.uri}: {worst.message}; the benchmark needs every film")
    return Lake(path)


def measure(bench: Benchmark, lake: Lake, config: Config, *, name: str, report: Report) -> Result:
    """One configuration's scores; outcomes-NAME.jsonl and result-NAME.json say how it went."""
    trial = attempt(
        lake,
        films=bench.films,
        queries=bench.queries,
        questions=bench.questions,
        config=config,
        report=report,
    )
    result = score(trial, films=bench.films, queries=bench.queries, questions=bench.questions)
    _write(bench, trial, result, name=name)
    return result


def forget(bench: Benchmark, name: str) -> None:
    """Remove the lake of that name."""
    shutil.rmtree(_lake_path(bench, name))


def _is_stale(lake: Lake, films: Sequence[Path]) -> bool:
    """Whether a lake holds what films of these names were before they were made anew."""
    held = lake.videos().select(["uri", "n_bytes"]).to_pylist()
    sizes = {film.name: film.stat().st_size for film in films}
    return any(sizes.get(Path(row["uri"]).name) != row["n_bytes"] for row in held)


def _lake_path(bench: Benchmark, name: str) -> Path:
    return bench.folder / f"lake-{name}"


def _write(bench: Benchmark, trial: Trial, result: Result, *, name: str) -> None:
    rows = [_heard(film, heard) for film, heard in zip(bench.films, trial.heard, strict=True)]
    rows += [_found(q, hits) for q, hits in zip(bench.queries, trial.found, strict=True)]
    rows += [_answered(q, given) for q, given in zip(bench.questions, trial.given, strict=True)]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (bench.folder / f"outcomes-{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    document = json.dumps(result.to_json(), indent=1)
    (bench.folder / f"result-{name}.json").write_text(document + "\n", "utf-8")


def _heard(film: FilmTruth, heard: str) -> Mapping[str, Any]:
    return {"video": film.file, "kind": "film", "said": film.text, "heard": heard}


def _found(query: Query, hits: Sequence[searches.Target]) -> Mapping[str, Any]:
    found = [[hit.video, hit.start_s, hit.end_s] for hit in hits]
    return query.to_json() | {"place": place(query, hits), "found": found[:3]}


def _answered(question: Asked, given: Given) -> Mapping[str, Any]:
    cited = [
        {"video": c.video, "span": c.span, "quote": c.quote, "holds": c.holds} for c in given.cited
    ]
    return question.to_json() | {
        "is_right": is_right(question, given),
        "answer": given.answer,
        "is_told": given.is_told,
        "cited": cited,
    }
