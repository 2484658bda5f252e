"""Runs whose scenes are described by a language model's server, a faulty one too."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from scenelake.pipeline import Lake, run
from scenelake.schemas.config import Config
from tests.media.chat_servers import Answer, ChatServer, completion, scripted_server
from tests.media.fault_proxy import FaultProxy, faulty
from tests.media.stripes import read_stripes, striped_film
from tests.pipeline.light import light_config, light_engines

N_SCENES = 100
WRITTEN = {"title", "description", "mood", "grounded", "text_embedding", "provenance"}
"""Columns of a scene that descriptions shape."""


@pytest.fixture(scope="module", autouse=True)
def _light() -> Iterator[None]:
    with light_engines():
        yield


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return striped_film(tmp_path_factory.mktemp("films") / "hundred.mp4", N_SCENES)


@pytest.fixture
def observer() -> Iterator[ChatServer]:
    """A model that tells the number which the pictures it is shown have."""
    with scripted_server(observe) as server:
        yield server


def observe(request: dict[str, Any], _authorization: str) -> Answer:
    content = request["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    (number,) = {_number(url) for url in urls}
    reply = {
        "title": f"Plate {number}",
        "description": f"A plate with the number {number} is shown.",
        "visible_text": [f"Plate {number}"],
        "labels": ["plate"],
        "mood": "calm",
    }
    return completion(json.dumps(reply))


def _number(data_url: str) -> int:
    jpeg = base64.b64decode(data_url.partition("base64,")[2])
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return read_stripes(picture[..., ::-1])


def config_of(url: str, **describe: object) -> Config:
    server: dict[str, object] = {
        "engine": "server",
        "base_url": url,
        "model": "parrot",
        "max_tokens": 300,
    }
    return light_config(ocr={"engine": "stripes"}, describe=server | describe)


def scenes_of(lake: Path) -> list[dict[str, Any]]:
    rows = Lake(lake).scenes().to_pylist()
    return sorted(rows, key=lambda row: row["index"])


def test_through_a_faulty_server_each_scene_gets_its_own_description_and_the_report_counts(
    film: Path, observer: ChatServer, tmp_path: Path
) -> None:
    proxy = FaultProxy(port=observer.port, seed=7, slow_s=2.0)
    with faulty(proxy):
        config = config_of(proxy.url, timeout_s=1.0, attempts=8)
        summary = run([film], tmp_path / "lake", config=config)
    assert summary.failures == []
    rows = scenes_of(tmp_path / "lake")
    assert len(rows) == N_SCENES
    for number, row in enumerate(rows):
        assert f"number {number} is shown" in row["description"], row["scene_id"]
        assert row["grounded"]
        assert all(row["start_s"] <= t < row["end_s"] for t in row["provenance"]["frames_s"])
    counted = summary.stages["describe"]
    retried = sum(proxy.done[kind] for kind in ("429", "500", "slow", "cut", "body"))
    assert retried > N_SCENES / 4, proxy.done
    assert counted["n_prompts"] == N_SCENES
    assert counted["n_retries"] == retried
    assert counted["n_repairs"] == proxy.done["reply"] > 0
    assert counted["n_failed"] == 0
    (report,) = (tmp_path / "lake" / "runs").glob("*.json")
    assert json.loads(report.read_text())["stages"]["describe"]["n_retries"] == retried


def test_a_scene_that_a_server_never_answers_stands_by_its_evidence_and_fails_no_other(
    tmp_path: Path,
) -> None:
    def answer(request: dict[str, Any], authorization: str) -> Answer:
        told = observe(request, authorization)
        return completion("no idea") if "number 2 " in json.dumps(told[1]) else told

    film = striped_film(tmp_path / "film.mp4", 5)
    with scripted_server(answer) as server:
        summary = run([film], tmp_path / "lake", config=config_of(server.url))
    assert summary.failures == []
    grounded = [row["grounded"] for row in scenes_of(tmp_path / "lake")]
    assert grounded == [True, True, False, True, True]
    assert 'On screen: "Plate 2"' in scenes_of(tmp_path / "lake")[2]["description"]
    assert summary.stages["describe"]["n_failed"] == 1


def test_another_describer_and_back_changes_descriptions_and_nothing_else(
    observer: ChatServer, tmp_path: Path
) -> None:
    film, lake = striped_film(tmp_path / "film.mp4", 5), tmp_path / "lake"
    small = light_config(ocr={"engine": "stripes"}, describe={"engine": "smollm2"})
    run([film], lake, config=small)
    first = scenes_of(lake)
    swapped = run([film], lake, config=config_of(observer.url))
    written = {"plan", "align", "describe", "text", "summarise", "commit"}
    assert _worked(swapped.stages) == written
    other = scenes_of(lake)
    for before, after in zip(first, other, strict=True):
        changed = {name for name in before if before[name] != after[name]}
        assert changed <= WRITTEN
        assert {"description", "provenance"} <= changed
        assert dict(after["provenance"]["models"])["describe"].startswith("parrot@127.0.0.1:")
    run([film], lake, config=small)
    told = ("title", "description", "mood", "grounded", "text_embedding")
    for before, after in zip(first, scenes_of(lake), strict=True):
        assert {name: before[name] for name in told} == {name: after[name] for name in told}


def test_a_server_that_is_down_fails_the_film_as_transient_and_the_next_run_describes_it(
    observer: ChatServer, tmp_path: Path
) -> None:
    film, lake = striped_film(tmp_path / "film.mp4", 2), tmp_path / "lake"
    down = config_of("http://127.0.0.1:9/v1", attempts=1)
    down = down.model_copy(update={"limits": down.limits.model_copy(update={"attempts": 1})})
    (failure,) = run([film], lake, config=down).failures
    assert (failure.stage, failure.error_type) == ("describe", "transient")
    assert "http://127.0.0.1:9/v1" in failure.message
    again = run([], lake, config=config_of(observer.url), retry_failed="transient")
    assert again.committed == 1
    assert Lake(lake).failures().num_rows == 0


def _worked(stages: dict[str, dict[str, float]]) -> set[str]:
    return {name for name, stage in stages.items() if stage["items"]}
