"""A run on several Ray nodes outlives one of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline import run
from tests.media.numbered import numbered_film, numbers
from tests.pipeline.killing import ROOT
from tests.pipeline.lakes import assert_same_lakes, unfinished


def run_on_cluster(films: list[Path], lake: Path, *, kill_after: int) -> dict[str, Any]:
    """The run's JSON; in a process of its own, as Ray can be joined to one cluster only."""
    command = [sys.executable, "-m", "tests.pipeline.on_a_cluster", str(lake), str(kill_after)]
    done = subprocess.run(
        [*command, *map(str, films)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


@pytest.mark.slow
@pytest.mark.parametrize("kill_after", [1, 6])
def test_a_node_that_dies_in_the_middle_of_a_run_takes_nothing_with_it(
    tmp_path: Path, kill_after: int
) -> None:
    from tests.pipeline.on_a_cluster import CONFIG

    films = [
        numbered_film(tmp_path / f"{number}.mp4", number, duration_s=7.5) for number in numbers(4)
    ]
    summary = run(films, tmp_path / "inline", config=CONFIG)
    assert summary.committed == len(films)
    document = run_on_cluster(films, tmp_path / "lake", kill_after=kill_after)
    assert document["killed"] == [kill_after]
    assert (document["committed"], document["failed"]) == (len(films), 0)
    assert_same_lakes(tmp_path / "lake", tmp_path / "inline")
    assert unfinished(tmp_path / "lake") == []


WITHOUT_ITS_GPU = """
import signal
from dataclasses import replace
from ray.cluster_utils import Cluster
from scenelake.pipeline.ray_engine import run_on_ray
from scenelake.schemas.config import PoolConfig
from scenelake.workers.stage import Resources
from tests.pipeline.test_engines import parcels, steps

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
node = cluster.add_node(num_cpus=1, num_gpus=1)
first, numbers, second, last = steps()
on_gpu = replace(second, resources=Resources(cpus=0.2, gpus=0.5), pool=PoolConfig())
killed = []

def kill(event):
    if event.step == "second" and not killed:
        killed.append(event)
        cluster.remove_node(node, allow_graceful=False)
        signal.signal(signal.SIGALRM, lambda *_: cluster.add_node(num_cpus=1, num_gpus=1))
        signal.alarm(75)

items = parcels(*(f"slow{n}" for n in range(12)))
told = []
out = list(run_on_ray([first, on_gpu, last], items, kill, address=cluster.address, say=told.append))
print(len(killed), sorted({parcel.item.video_id for parcel in out}))
print(*told)
cluster.shutdown()
"""


@pytest.mark.slow
def test_a_run_that_lost_its_only_gpu_says_so_and_goes_on_when_one_comes() -> None:
    command = [sys.executable, "-c", WITHOUT_ITS_GPU]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found, told = done.stdout.splitlines()[-2:]
    assert found == f"1 {sorted(f'slow{n}ab' for n in range(12))}"
    assert told.startswith("second has had no worker for")
    assert "no node has 0.2 CPUs and 0.5 GPUs free" in told
