"""Slower: whole runs through Ray Data's own language model processor, and its vLLM stages."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from scenelake.pipeline import run
from scenelake.schemas.config import Config
from scenelake.workers.weights import locate
from tests.conftest import Demo
from tests.media import tiny_vlm
from tests.media.chat_servers import Answer, ChatServer, completion, llama_server, scripted_server
from tests.media.fault_proxy import KINDS, FaultProxy, faulty
from tests.media.stripes import read_stripes, striped_film
from tests.pipeline.killing import ROOT, Command
from tests.pipeline.lakes import assert_same_lakes, rows, unfinished
from tests.pipeline.test_ray_llm import COLOURS, FILMS, LONG, MUTE, spoken
from tests.workers.telling import reply

pytestmark = pytest.mark.slow

SHADES = ("amber", "blue", "crimson", "golden", "green", "indigo", "ivory", "orange")
SETTINGS: dict[str, Any] = {"ocr": {"engine": "none"}, "clips": {"length_s": 6.0}}
OTHERWISE = frozenset({"configs", "models"})
"""Columns that tell one engine from another."""


@dataclass
class Viewer:
    """A model that tells a word for the number that its pictures show."""

    n_asked: Counter[str] = field(default_factory=Counter)
    enough: threading.Event = field(default_factory=threading.Event)
    stops_at: int = 1 << 30

    def __call__(self, request: dict[str, Any], _authorization: str) -> Answer:
        content = request["messages"][-1]["content"]
        urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
        (number,) = {_number(url) for url in urls}
        self.n_asked[SHADES[number]] += 1
        if self.n_asked.total() >= self.stops_at:
            self.enough.set()
        return completion(reply(f"A plate in {SHADES[number]} is shown."))


def _number(data_url: str) -> int:
    jpeg = base64.b64decode(data_url.partition("base64,")[2])
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return read_stripes(picture[..., ::-1])


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("films")
    return [striped_film(folder / f"{n}.mp4", n) for n in (3, 5, 8)]


@pytest.fixture
def viewer() -> Viewer:
    return Viewer()


@pytest.fixture
def server(viewer: Viewer) -> Iterator[ChatServer]:
    with scripted_server(viewer) as server:
        yield server


def config_of(server: ChatServer, *, url: str = "", **describe: Any) -> Config:
    usual = {"base_url": url or server.url, "model": server.model, "max_tokens": 300}
    ray = {"processor": "http", "batch_size": 4}
    return Config.model_validate({**SETTINGS, "describe": {**usual, "ray": ray, **describe}})


def test_films_on_ray_through_a_faulty_server_come_out_as_inline_by_engine_server(
    local_ray: None, films: list[Path], server: ChatServer, tmp_path: Path
) -> None:
    plain = config_of(server, engine="server")
    assert run(films, tmp_path / "inline", config=plain).failures == []
    faults = [kind for kind in KINDS if kind != "reply"]
    with faulty(FaultProxy(server.port, seed=5, slow_s=1.0, kinds=faults)) as proxy:
        config = config_of(server, url=proxy.url, engine="ray-llm", timeout_s=8.0, attempts=8)
        summary = run(films, tmp_path / "ray", config=config, engine="ray")
    assert summary.failures == []
    assert sum(proxy.done.values()) > proxy.done["passed"]
    counted = summary.stages["describe"]
    assert (counted["items"], counted["n_prompts"], counted["n_failed"]) == (16, 16, 0)
    assert counted["n_retries"] == sum(proxy.done.values()) - proxy.done["passed"]
    assert_same_lakes(tmp_path / "ray", tmp_path / "inline", but=OTHERWISE)
    for row in rows(tmp_path / "ray", "scenes"):
        assert f"in {SHADES[row['index']]} is shown" in row["description"]
    assert unfinished(tmp_path / "ray") == []


def test_a_real_model_behind_a_real_server_says_the_same_through_ray(
    local_ray: None, demo: Demo, tmp_path: Path
) -> None:
    gguf = locate("smollm2-135m") / "SmolLM2-135M-Instruct.Q4_1.gguf"
    no_key = "none"  # what is sent where none is configured
    with llama_server(gguf, n_ctx=4096, key=no_key) as server:
        told = {"sees": False, "api_key_env": "NO_KEY", "concurrency": 1, "context_tokens": 4000}
        plain = config_of(server, engine="server", **told)
        by_ray = config_of(server, engine="ray-llm", **told)
        run([demo.film], tmp_path / "inline", config=plain)
        summary = run([demo.film], tmp_path / "ray", config=by_ray, engine="ray")
    assert summary.stages["describe"]["n_reply_tokens"] > 0
    assert_same_lakes(tmp_path / "ray", tmp_path / "inline", but=OTHERWISE)


def test_a_run_killed_while_it_describes_goes_on_from_the_scenes_that_are_described(
    films: list[Path], server: ChatServer, viewer: Viewer, tmp_path: Path
) -> None:
    settings = (
        "describe.engine=ray-llm",
        "describe.ray.processor=http",
        "describe.ray.batch_size=2",
        "describe.max_tokens=300",
        f"describe.base_url={server.url}",
        f"describe.model={server.model}",
        "ocr.engine=none",
        "clips.length_s=6",
    )
    lake, home = tmp_path / "lake", tmp_path / "home"
    command = Command(films, lake, home, engine="ray", settings=settings, sabotage=False)
    viewer.stops_at = 9
    first = command.start()
    assert viewer.enough.wait(240.0), first.errors
    first.kill()
    first.sweep()
    done = staged(lake)
    viewer.n_asked.clear()
    again = command.start()
    assert again.wait(300.0) == 0, again.errors[-2000:]
    again.sweep()
    assert again.document["committed"] + again.document["skipped"] == len(films)
    assert viewer.n_asked.total() == 16 - done
    found = [(row["video_id"], row["index"], row["description"]) for row in rows(lake, "scenes")]
    assert len(found) == len({(film, index) for film, index, _ in found}) == 16
    assert all(f"in {SHADES[index]} is shown" in told for _, index, told in found)
    assert unfinished(lake) == []


def staged(lake: Path) -> int:
    """Scenes that are in a lake, in a film or waiting for one."""
    waiting = len(list((lake / "_staging").glob("*/*/part-*.parquet")))
    whole = sum(int(row["n_scenes"]) for row in rows(lake, "videos"))
    return waiting + whole


STAND_IN = ROOT / "tests" / "media" / "vllm_stand_in"


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_vlm.qwen3_vl(tmp_path_factory.mktemp("qwen"))


def on_vllm(
    model: Path, lake: Path, *, library: Path, **env: str
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.pipeline.on_vllm", str(model), str(lake)]
    env = {**os.environ, "PYTHONPATH": str(library), **env}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_rays_five_vllm_stages_describe_scenes_by_an_engine_that_stands_in_for_vllm(
    qwen: Path, tmp_path: Path
) -> None:
    refused = {"STAND_IN_REFUSES": spoken(LONG)}
    done = on_vllm(qwen, tmp_path, library=STAND_IN, **refused)
    assert done.returncode == 0, done.stderr[-2000:]
    document = json.loads(done.stdout.splitlines()[-1])
    scenes = document["scenes"]
    assert document["n"] == len(scenes) == len(FILMS) * len(COLOURS)
    for name in set(scenes) - {MUTE, LONG}:
        assert scenes[name] == ["With a picture", spoken(name), True]
    assert not scenes[LONG][2]
    assert spoken(LONG) in scenes[LONG][1]
    assert document["passed"] == ["bad.mp4"]
    counted = document["counted"]
    assert (counted["n_prompts"], counted["n_failed"]) == (23, 1)
    assert counted["n_prompt_tokens"] > 22 * 100
    assert counted["n_reply_tokens"] > 0


def test_a_vllm_that_does_not_load_on_a_node_stops_the_run_with_one_line(
    qwen: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "library"
    broken.mkdir()
    (broken / "vllm.py").write_text("raise ImportError('libcuda.so.1: cannot open')")
    done = on_vllm(qwen, tmp_path / "lake", library=broken)
    last = done.stderr.strip().splitlines()[-1]
    assert "UsageError: describe.engine ray-llm: Ray's processor stopped: ImportError" in last
