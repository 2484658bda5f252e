"""What a run on Ray gives out to Prometheus."""

from __future__ import annotations

import threading
import time
import urllib.request
from pathlib import Path

import ray

from scenelake.pipeline import run
from scenelake.schemas.config import Config
from tests.media import films

CONFIG = Config.model_validate({"describe": {"engine": "evidence"}, "ocr": {"engine": "none"}})
NAME = "ray_scenelake_items_total"
WAIT_S = 30.0


def test_a_nodes_metrics_tell_how_many_items_each_step_was_done_with(
    tmp_path: Path, local_ray: None
) -> None:
    film = films.hard_cuts(tmp_path / "film.mp4", cuts_s=(1.5,), duration_s=3.0).path
    port = ray.nodes()[0]["MetricsExportPort"]  # type: ignore[no-untyped-call]
    before, seen = set(_items(port)), dict[str, float]()
    ended = threading.Event()
    watch = threading.Thread(target=_watch, args=(port, before, seen, ended))
    watch.start()
    try:
        assert run([film], tmp_path / "lake", config=CONFIG, engine="ray").committed == 1
    finally:
        ended.set()
        watch.join()
    assert {"plan", "decode", "visual", "speech", "align", "commit"} <= set(seen)
    assert seen["decode"] == seen["commit"] == 1.0


def _watch(port: int, before: set[str], seen: dict[str, float], ended: threading.Event) -> None:
    """Fetch the metrics, as Prometheus does, until they tell of the run's last step."""
    until_s = None
    while "commit" not in seen and (until_s is None or time.monotonic() < until_s):
        if ended.is_set() and until_s is None:
            until_s = time.monotonic() + WAIT_S
        for labels, n_items in _items(port).items():
            if labels not in before:
                seen[labels.partition('step="')[2].partition('"')[0]] = n_items
        time.sleep(0.5)


def _items(port: int) -> dict[str, float]:
    """Items by labels: each worker counts its own."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    ours = [line.rpartition(" ") for line in lines if line.startswith(f"{NAME}{{")]
    return {labels: float(value) for labels, _, value in ours}
