"""Scenes described through Ray Data's own language model processor, one scene a row."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline import run
from scenelake.pipeline.build import build
from scenelake.pipeline.by_row import Ask
from scenelake.pipeline.join import Join
from scenelake.pipeline.parcels import Event, Parcel
from scenelake.pipeline.ray_engine import run_on_ray
from scenelake.pipeline.storing.folder_local import LocalFolder
from scenelake.schemas.config import Config, family_hashes
from scenelake.schemas.errors import TransientError, UsageError
from scenelake.schemas.flow import Facts, Part, Ready
from scenelake.schemas.rows import Failure, Scene
from scenelake.schemas.story import Gathered
from scenelake.workers import describe_rows
from scenelake.workers.chat_trouble import GaveUpError
from scenelake.workers.describe_rows import Asked, RowDescriber, Told
from scenelake.workers.write import Describe
from tests.media import tiny_vlm
from tests.media.chat_servers import (
    Answer,
    ChatServer,
    completion,
    refusal,
    scripted_server,
)
from tests.pipeline.staged import lake_access, random_film, source
from tests.workers.telling import frame, jpeg, reply, scene

COLOURS = ("amber", "blue", "crimson", "golden", "green", "indigo", "ivory", "orange")
FILMS = ("north", "south", "west")
MUTE, PADDED, ILL, LONG = "north ivory", "south blue", "south green", "west indigo"
"""Scenes of which nothing is known, and whose prompts a server answers badly or not at all."""


def spoken(name: str) -> str:
    house, colour = name.split()
    return f"The {colour} door of the {house} house is open."


def film_scene(film: str, index: int) -> Scene:
    """A scene in which a sentence of its own is said before a picture of its own."""
    name = f"{film} {COLOURS[index]}"
    if name == MUTE:
        return scene(index, video_id=film)
    shade = 20 + 30 * index + FILMS.index(film)
    picture = frame(10.0 * index + 0.5, data=jpeg(width=64, height=36, shade=shade))
    return scene(index, said=spoken(name), frames=[picture], video_id=film)


def parts(film: str, *, part_size: int = 3) -> list[Part]:
    """A film of eight scenes, a few of them a part."""
    scenes = [film_scene(film, index) for index in range(len(COLOURS))]
    groups = [scenes[i : i + part_size] for i in range(0, len(scenes), part_size)]
    facts = Facts(len(scenes), (), "en", ())
    where = source(10.0 * len(scenes), video_id=film)
    return [Part(where, i, len(groups), tuple(group), facts) for i, group in enumerate(groups)]


@dataclass
class Parrot:
    """A server that says of a scene what is said in it, but for some scenes."""

    asked: Counter[str] = field(default_factory=Counter)
    pictures: dict[str, list[str]] = field(default_factory=dict)

    def __call__(self, request: dict[str, Any], _authorization: str) -> Answer:
        content = request["messages"][-1]["content"]
        told = "\n".join(part["text"] for part in content if part["type"] == "text")
        (colour, house), *_ = re.findall(r'\] said: "The (\w+) door of the (\w+)', told)
        name = f"{house} {colour}"
        self.asked[name] += 1
        urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
        self.pictures[name] = urls
        if name == PADDED:
            return completion("I would rather talk about the weather.")
        if name == ILL:
            return refusal(500, "out of order")
        if name == LONG:
            return refusal(400, "the prompt is longer than the maximum context")
        assert request["response_format"]["type"] == "json_schema"
        return completion(reply(spoken(name), title=f"A {colour} door"))


def config_of(url: str, *, engine: str = "ray-llm", **describe: Any) -> Config:
    usual = {"engine": engine, "base_url": url, "model": "parrot", "max_tokens": 300, "attempts": 2}
    ray = {"processor": "http", "batch_size": 4}
    return Config.model_validate({"describe": {**usual, "ray": ray, **describe}})


@dataclass
class Ran:
    out: list[Parcel]
    events: list[Event]
    parrot: Parrot
    elsewhere: dict[str, Scene]
    """What engine "server" makes of the same scenes."""

    @property
    def scenes(self) -> dict[str, Scene]:
        found = [p.item.scenes for p in self.out if isinstance(p.item, Part)]
        return {named(s): s for scenes in found for s in scenes}


def named(scene: Scene) -> str:
    return f"{scene.video_id} {COLOURS[scene.index]}"


FAILED = Failure(
    uri="bad.mp4",
    stage="plan",
    error_type="corrupt",
    message="bad.mp4: nothing decodes",
    run_id="run-1",
    at=datetime.now(UTC),
)


@pytest.fixture(scope="module")
def ran(local_ray: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """The describing steps of a run, on Ray, over three films and one that failed before."""
    lake, events, parrot = tmp_path_factory.mktemp("lake"), list[Event](), Parrot()
    with scripted_server(parrot) as server:
        steps, _ = build(config_of(server.url), folder=LocalFolder(lake), run_id="run-1")
        describing = [step for step in steps if step.name in ("ask", "describe")]
        asked = [Parcel(f"{film}.mp4", "run-1", p) for film in FILMS for p in parts(film)]
        bad = Parcel("bad.mp4", "run-1", FAILED)
        out = list(run_on_ray(describing, [*asked, bad], events.append))
        yield Ran(out, events, parrot, by_server(server))


def by_server(server: ChatServer) -> dict[str, Scene]:
    describe = Describe(config_of(server.url, engine="server"))
    describe.setup()
    described = [part for film in FILMS for p in parts(film) for part in describe.process(p)]
    describe.close()
    return {named(s): s for part in described for s in part.scenes}


def test_every_scene_of_every_film_comes_out_once_as_a_part_of_its_own(ran: Ran) -> None:
    out = [p.item for p in ran.out if isinstance(p.item, Part)]
    assert len(out) == len(FILMS) * len(COLOURS)
    found = sorted((p.source.video_id, p.index, p.count) for p in out)
    assert found == [(film, i, len(COLOURS)) for film in sorted(FILMS) for i in range(len(COLOURS))]
    assert all(part.scenes[0].index == part.index for part in out)


def test_every_scene_gets_the_reply_to_its_own_words_and_pictures(ran: Ran) -> None:
    good = set(ran.scenes) - {MUTE, PADDED, ILL, LONG}
    for name in good:
        assert ran.scenes[name].description.startswith(spoken(name))
        assert ran.scenes[name].title == f"A {name.split()[1]} door"
        assert ran.scenes[name].grounded
        assert ran.scenes[name].frames_s == (10.0 * ran.scenes[name].index + 0.5,)
    shown = [url for name in good for url in ran.parrot.pictures[name]]
    assert len(shown) == len(set(shown)) == len(good)


@pytest.mark.parametrize("name", [PADDED, ILL, LONG])
def test_a_scene_without_a_usable_reply_stands_by_its_evidence(ran: Ran, name: str) -> None:
    assert not ran.scenes[name].grounded
    assert f'Said: "{spoken(name)}"' in ran.scenes[name].description


def test_the_same_scenes_as_by_engine_server(ran: Ran) -> None:
    assert set(ran.scenes) == set(ran.elsewhere)
    for name, ours in ran.scenes.items():
        theirs = ran.elsewhere[name]
        told = ("title", "description", "mood", "grounded", "frames_s")
        assert {n: getattr(ours, n) for n in told} == {n: getattr(theirs, n) for n in told}


def test_what_asks_nothing_passes_the_model_by(ran: Ran) -> None:
    assert [p.item for p in ran.out if p.uri == "bad.mp4"] == [FAILED]
    assert MUTE in ran.scenes
    assert MUTE not in ran.parrot.asked


def test_prompts_tokens_and_retries_are_counted(ran: Ran) -> None:
    counted = Counter[str]()
    for event in ran.events:
        counted.update(event.counts)
    n_prompts = len(FILMS) * len(COLOURS) - 1
    n_answered = n_prompts - 2
    assert counted["n_prompts"] == n_prompts
    assert counted["n_failed"] == 3
    assert (counted["n_prompt_tokens"], counted["n_reply_tokens"]) == (
        7 * n_answered,
        3 * n_answered,
    )
    assert counted["n_retries"] == 1


def test_scenes_that_are_described_already_are_neighbours_and_not_asked_about(
    tmp_path: Path,
) -> None:
    lake = lake_access(tmp_path)
    (part, *_) = parts("north")
    names = lake.staging.part_names("north", len(COLOURS))
    for index in (0, 2, 5):
        lake.folder.write(names[index], b"a scene")
    (asked,) = Ask(config_of("http://127.0.0.1:9/v1"), lake).process(part)
    assert isinstance(asked, Asked)
    assert (asked.part.index, asked.part.count) == (1, len(COLOURS))
    prompt = "\n".join(text for text in asked.prompt.parts if isinstance(text, str))
    assert "amber" in prompt
    assert "crimson" in prompt


def test_a_film_all_of_whose_scenes_are_described_is_gathered_from_them(tmp_path: Path) -> None:
    film, lake = random_film(0), lake_access(tmp_path)
    config = Config.model_validate({"clips": {"length_s": 40.0}})
    join = Join(config, lake, by_scene=True)
    ready = Ready(film.source, 1)
    found = [p for clip in film.clips() for p in join.process(clip) if isinstance(p, Part)]
    assert len(found) > 1
    names = lake.staging.part_names("film", found[0].facts.n_scenes)
    for name in names[:-1]:
        lake.folder.write(name, b"a scene")
    assert [p.index for p in join.process(ready) if isinstance(p, Part)] == [found[-1].index]
    lake.folder.write(names[-1], b"a scene")
    (gathered,) = join.process(ready)
    assert isinstance(gathered, Gathered)
    assert gathered.n_parts == len(names)


def told(error: Exception) -> Told:
    describer = RowDescriber(config_of("http://127.0.0.1:9/v1").describe)
    asked, *_ = describer.ask(parts("north")[0], done=())
    assert isinstance(asked, Asked)
    return Told(asked.sent(), error)  # type: ignore[arg-type]


def test_a_scene_for_which_nobody_was_there_fails_its_film_as_transient() -> None:
    nobody = GaveUpError("no reply after 5 attempts: no connection")
    nobody.is_server_wide = True
    describer = RowDescriber(config_of("http://127.0.0.1:9/v1").describe)
    with pytest.raises(TransientError, match=r"http://127.0.0.1:9/v1 cannot be used: no reply"):
        describer.hear(told(nobody))


def test_a_wrong_key_stops_the_run() -> None:
    describer = RowDescriber(config_of("http://127.0.0.1:9/v1").describe)
    with pytest.raises(UsageError, match="turns us away"):
        describer.hear(told(UsageError("the server turns us away (401)")))


def test_on_the_inline_engine_it_says_what_to_type_and_writes_nothing(tmp_path: Path) -> None:
    config = config_of("http://127.0.0.1:9/v1")
    with pytest.raises(UsageError, match="ray-llm runs within Ray Data: --engine ray"):
        run([__file__], tmp_path / "lake", config=config, engine="inline")
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("policy", ["late", "hybrid"])
def test_policies_that_ask_twice_are_turned_away(policy: str) -> None:
    with pytest.raises(UsageError, match=f"policy {policy} asks more than once"):
        RowDescriber(config_of("http://127.0.0.1:9/v1", policy=policy).describe)


def test_without_vllm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(describe_rows, "find_spec", lambda name: None)
    config = Config.model_validate(
        {"describe": {"engine": "ray-llm", "model": "somewhere/model", "max_tokens": 300}}
    )
    with pytest.raises(UsageError, match=r"needs vllm.*pip install 'scenelake\[vllm\]'"):
        RowDescriber(config.describe).check()


def test_how_the_model_is_run_makes_no_description_anew() -> None:
    one = config_of("http://127.0.0.1:9/v1")
    other = config_of("http://127.0.0.1:9/v1", ray={"processor": "vllm", "max_workers": 4})
    assert family_hashes(one, {}) == family_hashes(other, {})
    assert family_hashes(one, {}) != family_hashes(config_of("", engine="server"), {})


def test_where_there_is_no_gpu_for_vllm_it_says_so_and_does_not_wait(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import ray

    from scenelake.pipeline.ray_llm import check_gpus

    config = vllm_config(Path("/models/qwen")).describe
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0})
    with pytest.raises(UsageError, match="needs a GPU, and Ray finds none on this machine"):
        check_gpus(config, is_local=True)
    check_gpus(config, is_local=False)
    assert "no GPU for vLLM yet" in caplog.text


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_vlm.qwen3_vl(tmp_path_factory.mktemp("qwen"))


def vllm_config(model: Path, **ray: Any) -> Config:
    describe = {"engine": "ray-llm", "model": str(model), "max_tokens": 300, "ray": ray}
    return Config.model_validate({"describe": describe})


def test_rays_vllm_stages_are_built_as_configured_though_vllm_itself_does_not_run_here(
    local_ray: None, qwen: Path
) -> None:
    from ray.data.llm import build_processor

    from scenelake.pipeline.ray_llm import _vllm

    ray = {"engine_kwargs": {"tensor_parallel_size": 2}, "accelerator": "H100", "batch_size": 5}
    config = vllm_config(qwen, min_workers=2, max_workers=3, **ray).describe
    processor = build_processor(_vllm(config, 0.25))
    assert processor.list_stage_names() == [
        "PrepareMultimodalStage",
        "ChatTemplateStage",
        "TokenizeStage",
        "vLLMEngineStage",
        "DetokenizeStage",
    ]
    engine = processor.get_stage_by_name("vLLMEngineStage")
    made = engine.fn_constructor_kwargs
    assert (made["model"], made["batch_size"]) == (str(qwen), 5)
    assert made["should_continue_on_error"]
    assert made["engine_kwargs"]["tensor_parallel_size"] == 2
    assert made["engine_kwargs"]["max_model_len"] == config.context_tokens
    assert engine.map_batches_kwargs["accelerator_type"] == "H100"
    assert engine.map_batches_kwargs["compute"].max_size == 3


def test_a_prompt_for_vllm_has_its_pictures_its_schema_and_greedy_sampling(qwen: Path) -> None:
    from scenelake.pipeline.ray_llm import _vllm_columns

    config = vllm_config(qwen).describe
    asked, *_ = RowDescriber(config).ask(parts("north")[0], done=())
    assert isinstance(asked, Asked)
    columns = _vllm_columns(config, asked.prompt)
    kinds = [part["type"] for part in columns["messages"][1]["content"]]
    assert kinds == ["text", "image_url", "text"]
    sampling = columns["sampling_params"]
    assert (sampling["temperature"], sampling["max_tokens"]) == (0.0, 300)
    assert json.loads(sampling["structured_outputs"]["json"])["type"] == "object"
