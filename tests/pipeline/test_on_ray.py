"""A run on Ray writes the tables that one in this process does, and tells Prometheus of its way."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import ray

from scenelake.pipeline import run
from scenelake.pipeline.watching.summary import RunSummary
from scenelake.schemas.config import Config
from tests.conftest import Demo
from tests.media import packages
from tests.media.numbered import numbered_film
from tests.pipeline.lakes import assert_same_lakes

CONFIG = Config.model_validate(
    {"describe": {"engine": "evidence"}, "ocr": {"engine": "none"}, "clips": {"length_s": 2.5}}
)
N_FILMS = 2
METRIC = "ray_scenelake_items_total"
WAIT_S = 30.0


@contextmanager
def watched(port: int) -> Iterator[dict[str, float]]:
    """Fetch a node's metrics, as Prometheus does, until they tell of the last film's last step.

    Gives those that are new, as far as they have come.
    """
    before, seen, ended = set(_items(port)), dict[str, float](), threading.Event()
    watch = threading.Thread(target=_watch, args=(port, before, seen, ended))
    watch.start()
    try:
        yield seen
    finally:
        ended.set()
        watch.join()


def _watch(port: int, before: set[str], seen: dict[str, float], ended: threading.Event) -> None:
    until_s = None
    while until_s is None or (time.monotonic() < until_s and by_step(seen)["commit"] < N_FILMS):
        if ended.is_set() and until_s is None:
            until_s = time.monotonic() + WAIT_S
        seen |= {labels: n for labels, n in _items(port).items() if labels not in before}
        time.sleep(0.5)


def by_step(items: Mapping[str, float]) -> Counter[str]:
    """Those of all workers of a step together."""
    found: Counter[str] = Counter()
    for labels, n_items in items.items():
        found[labels.partition('step="')[2].partition('"')[0]] += int(n_items)
    return found


def _items(port: int) -> dict[str, float]:
    """Items by labels: each worker counts its own."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    ours = [line.rpartition(" ") for line in lines if line.startswith(f"{METRIC}{{")]
    return {labels: float(value) for labels, _, value in ours}


@dataclass(frozen=True)
class OnRay:
    """A run on Ray of a film that speaks, in clips, and of one with much to see."""

    inputs: list[Path]
    lake: Path
    summary: RunSummary
    told: Counter[str]


@pytest.fixture(scope="module")
def on_ray(tmp_path_factory: pytest.TempPathFactory, local_ray: None) -> OnRay:
    folder = tmp_path_factory.mktemp("on_ray")
    inputs = [numbered_film(folder / "147.mp4", "147"), packages.bikes()]
    port = ray.nodes()[0]["MetricsExportPort"]  # type: ignore[no-untyped-call]
    with watched(port) as seen:
        summary = run(inputs, folder / "lake", config=CONFIG, engine="ray")
    return OnRay(inputs, folder / "lake", summary, by_step(seen))


def test_both_engines_write_the_same_tables(on_ray: OnRay, tmp_path: Path) -> None:
    assert on_ray.summary.committed == len(on_ray.inputs)
    assert run(on_ray.inputs, tmp_path / "inline", config=CONFIG).committed == len(on_ray.inputs)
    assert_same_lakes(on_ray.lake, tmp_path / "inline")


def test_a_nodes_metrics_tell_how_many_items_each_step_was_done_with(on_ray: OnRay) -> None:
    stages = on_ray.summary.stages
    assert stages["decode"]["items"] > N_FILMS
    for step in ("plan", "decode", "visual", "speech", "align", "commit"):
        assert on_ray.told[step] == stages[step]["items"], step


@pytest.mark.slow
def test_both_engines_write_the_same_tables_with_every_step(
    demo: Demo, tmp_path: Path, local_ray: None
) -> None:
    inputs = [demo.film, packages.bikes(), packages.iscc_audio()["wav"]]
    for engine in ("inline", "ray"):
        assert run(inputs, tmp_path / engine, engine=engine).committed == len(inputs)
    assert_same_lakes(tmp_path / "inline", tmp_path / "ray")
