"""The main job on real films: what is in the lake afterwards is true, whole and repeatable."""

from __future__ import annotations

import io
import itertools
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
from faster_whisper import WhisperModel
from PIL import Image
from transformers.models.whisper.english_normalizer import BasicTextNormalizer

from scenelake.pipeline import Lake, run
from scenelake.pipeline.watching.summary import RunSummary
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError
from scenelake.workers import weights
from tests.conftest import Demo, DemoRun, Sonnet
from tests.media import damage, films, packages
from tests.params import slow
from tests.pipeline.light import light_config, light_engines

LIGHT = light_config()
"""Where what is seen, read and written about it is not at stake."""


@pytest.fixture(scope="module", autouse=True)
def _light() -> Iterator[None]:
    with light_engines():
        yield


@pytest.fixture(scope="module")
def demo_scenes(demo_run: DemoRun) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = Lake(demo_run.lake).scenes().to_pylist()
    return rows


def test_the_summary_counts_films_seconds_and_steps(demo_run: DemoRun) -> None:
    document = demo_run.document
    assert (document["committed"], document["skipped"], document["failed"]) == (1, 0, 0)
    assert document["media_s"] == pytest.approx(41.458, abs=0.05)
    assert document["realtime_factor"] > 0
    steps = ["plan", "decode", "visual", "ocr", "speech", "align", "describe", "text"]
    steps += ["summarise", "commit"]
    assert list(document["stages"]) == steps
    assert all(step["items"] == 1 for step in document["stages"].values())


def test_the_demo_films_scenes_are_where_its_script_put_them(
    demo: Demo, demo_scenes: list[dict[str, Any]]
) -> None:
    spans = [(s["start_s"], s["end_s"]) for s in demo_scenes]
    truth = [(s["start_s"], s["end_s"]) for s in demo.truth["scenes"]]
    assert np.abs(np.array(spans) - np.array(truth)).max() < 0.05


def test_each_sentence_of_the_demo_is_in_its_scene(
    demo: Demo, demo_scenes: list[dict[str, Any]]
) -> None:
    for scene, truth in zip(demo_scenes, demo.truth["scenes"], strict=True):
        said = " ".join(sentence["text"] for sentence in truth["sentences"])
        assert _plain(scene["transcript"]) == _plain(said)


def test_every_row_says_which_models_and_frames_it_came_from(
    demo_scenes: list[dict[str, Any]],
) -> None:
    for scene in demo_scenes:
        provenance = scene["provenance"]
        models, configs = dict(provenance["models"]), dict(provenance["configs"])
        assert set(models) == {"cut", "vad", "visual", "ocr", "speech", "describe", "text"}
        assert all("@" in model for model in models.values())
        assert set(configs) == {"cut", "visual", "ocr", "speech", "describe"}
        assert set(provenance["frames_s"]) <= {k["time_s"] for k in scene["keyframes"]}


def test_scene_vectors_are_the_normalised_mean_of_their_keyframes(
    demo_scenes: list[dict[str, Any]],
) -> None:
    for scene in demo_scenes:
        mean = np.mean([k["vector"] for k in scene["keyframes"]], axis=0)
        assert np.allclose(scene["embedding"], mean / np.linalg.norm(mean), atol=1e-5)
        assert np.linalg.norm(scene["text_embedding"]) == pytest.approx(1.0, abs=1e-4)


def test_the_same_command_again_does_nothing_and_changes_nothing(
    demo: Demo, demo_run: DemoRun, tmp_path: Path
) -> None:
    lake = shutil.copytree(demo_run.lake, tmp_path / "lake")
    before = {p: p.read_bytes() for p in lake.rglob("*.parquet")}
    again = run([demo.film], lake)
    assert (again.committed, again.skipped, again.failed) == (0, 1, 0)
    assert {name for name, step in again.stages.items() if step["items"]} == {"plan"}
    assert {p: p.read_bytes() for p in lake.rglob("*.parquet")} == before


def test_a_renamed_film_is_the_same_film(demo: Demo, demo_run: DemoRun, tmp_path: Path) -> None:
    lake = shutil.copytree(demo_run.lake, tmp_path / "lake")
    renamed = tmp_path / "another name.mov"
    renamed.write_bytes(demo.film.read_bytes())
    again = run([renamed], lake)
    assert (again.committed, again.skipped) == (0, 1)


def test_another_configuration_is_run_anew(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    run([packages.bikes()], lake, config=LIGHT)
    other = LIGHT.model_copy(update={"scene": LIGHT.scene.model_copy(update={"max_s": 5.0})})
    assert run([packages.bikes()], lake, config=other).committed == 1
    assert run([packages.bikes()], lake, config=other).skipped == 1


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary]:
    """Good and bad inputs in one run."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "folder.mp4").mkdir()
    inputs = [
        films.hard_cuts(folder / "good.mkv", cuts_s=(2.0, 4.5), duration_s=7.0).path,
        damage.empty_file(folder / "empty.mp4"),
        damage.text_file(folder / "text.mp4"),
        damage.without_index(folder / "no-index.mp4"),
        folder / "not-there.mp4",
        damage.truncated(packages.big_buck_bunny(), folder / "half.mp4", keep=0.6),
        damage.truncated(folder / "good.mkv", folder / "half.mkv", keep=0.6),
    ]
    lake = folder / "lake"
    return lake, run(inputs, lake, config=LIGHT)


def test_bad_inputs_fail_alone_each_with_a_row_that_says_why(
    mixed: tuple[Path, RunSummary],
) -> None:
    lake, summary = mixed
    rows = {Path(r["uri"]).name: r for r in Lake(lake).failures().to_pylist()}
    assert rows["empty.mp4"]["error_type"] == "empty"
    assert rows["text.mp4"]["error_type"] == "unsupported"
    assert rows["no-index.mp4"]["error_type"] == "unsupported"
    assert rows["not-there.mp4"]["error_type"] == "not_found"
    assert all(name in row["message"] for name, row in rows.items())
    assert summary.failed == len(rows)
    assert summary.committed + summary.failed == 7


def test_a_damaged_film_is_committed_as_far_as_it_goes_with_a_warning(
    mixed: tuple[Path, RunSummary],
) -> None:
    videos = {Path(v["uri"]).name: v for v in Lake(mixed[0]).videos().to_pylist()}
    assert videos["good.mkv"]["warnings"] == []
    half = videos["half.mkv"]
    assert 2.0 < half["duration_s"] < 6.5
    assert any("of the 7.0 s" in warning for warning in half["warnings"])


def test_strict_makes_a_damaged_film_a_failure(
    mixed: tuple[Path, RunSummary], tmp_path: Path
) -> None:
    strict = LIGHT.model_copy(update={"strict": True})
    half = mixed[0].parent / "half.mkv"
    summary = run([half], tmp_path / "lake", config=strict)
    assert [f.error_type for f in summary.failures] == ["corrupt"]


def test_only_what_failed_is_tried_again(mixed: tuple[Path, RunSummary]) -> None:
    lake, first = mixed
    (lake.parent / "empty.mp4").write_bytes((lake.parent / "good.mkv").read_bytes() + b"\0")
    again = run([], lake, config=LIGHT, retry_failed=True)
    assert (again.committed, again.failed) == (1, first.failed - 1)
    attempts = {r["attempts"] for r in Lake(lake).failures().to_pylist()}
    assert attempts == {2}


def test_scenes_tile_films_words_are_in_one_scene_and_pictures_open(
    mixed: tuple[Path, RunSummary], demo_run: DemoRun
) -> None:
    for lake in (Lake(mixed[0]), Lake(demo_run.lake)):
        durations = {v["video_id"]: v["duration_s"] for v in lake.videos().to_pylist()}
        for video_id, duration_s in durations.items():
            check_film(lake.scenes(video_id=video_id).to_pylist(), duration_s)


@pytest.fixture(scope="module")
def recogniser() -> WhisperModel:
    """faster-whisper with the weights that our speech step has, and its own defaults."""
    return WhisperModel(str(weights.locate("whisper-tiny")), compute_type="int8")


@pytest.mark.parametrize("form", ["film", *slow("mp3")])
def test_the_sonnet_is_heard_as_well_as_by_the_recogniser_alone(
    sonnet: Sonnet, tmp_path: Path, recogniser: WhisperModel, form: str
) -> None:
    film = tmp_path / "sonnet.mp4"
    source = sonnet.audio if form == "mp3" else films.with_sound_of(film, sonnet.audio)
    assert run([source], tmp_path / "lake", config=LIGHT).committed == 1
    segments, _ = recogniser.transcribe(str(source), word_timestamps=True)
    alone = " ".join(segment.text for segment in segments)
    scenes = Lake(tmp_path / "lake").scenes().to_pylist()
    ours = " ".join(scene["transcript"] for scene in scenes)
    assert word_error_rate(sonnet.text, ours) <= word_error_rate(sonnet.text, alone)


@pytest.fixture
def website(tmp_path: Path) -> Iterator[str]:
    """A folder with one film, served on loopback."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "bikes.mp4").write_bytes(packages.bikes().read_bytes())
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_film_on_the_web_is_run_and_no_copy_of_it_is_left(
    website: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    for expected in ("committed", "skipped"):
        summary = run([f"{website}/bikes.mp4"], tmp_path / "lake", config=LIGHT)
        assert getattr(summary, expected) == 1
        assert [path for path in temporary.rglob("*") if path.is_file()] == []
    (video,) = Lake(tmp_path / "lake").videos().to_pylist()
    assert video["uri"] == f"{website}/bikes.mp4"


def test_nothing_is_written_where_the_command_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to do"):
        run([], tmp_path / "lake")
    with pytest.raises(UsageError, match="no film in this folder"):
        run([tmp_path], tmp_path / "lake")
    bad = Config.model_validate({"speech": {"engine": "ear"}})
    with pytest.raises(UsageError, match=r"no engine is named 'ear'; known: .*faster-whisper"):
        run([packages.bikes()], tmp_path / "lake", config=bad)
    assert not (tmp_path / "lake").exists()


def test_missing_weights_stop_a_run_before_it_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCENELAKE_MODELS", str(tmp_path / "models"))
    with pytest.raises(UsageError, match="scenelake models fetch"):
        run([packages.bikes()], tmp_path / "lake")
    assert not (tmp_path / "lake").exists()


def word_error_rate(truth: str, written: str) -> float:
    """After Whisper's own normalisation: no case, no punctuation."""
    plain = BasicTextNormalizer()
    return float(jiwer.wer(plain(truth), plain(written)))


def check_film(scenes: list[dict[str, Any]], duration_s: float) -> None:
    """What must hold of every committed film."""
    assert scenes[0]["start_s"] == 0.0
    assert scenes[-1]["end_s"] == duration_s
    assert [s["index"] for s in scenes] == list(range(len(scenes)))
    for before, after in itertools.pairwise(scenes):
        assert before["end_s"] == after["start_s"]
    for scene in scenes:
        shots = scene["shots"]
        assert (shots[0]["start_s"], shots[-1]["end_s"]) == (scene["start_s"], scene["end_s"])
        for word in scene["words"]:
            middle_s = (word["start_s"] + word["end_s"]) / 2
            assert scene["start_s"] <= middle_s <= scene["end_s"]
        for keyframe in scene["keyframes"]:
            assert scene["start_s"] <= keyframe["time_s"] < scene["end_s"]
            Image.open(io.BytesIO(keyframe["jpeg"])).verify()


def _plain(text: str) -> str:
    """Lower case, no punctuation, numbers and spaces as they are."""
    kept = "".join(c if c.isalnum() or c.isspace() else " " for c in text.replace("'", ""))
    return " ".join(kept.casefold().split())


def test_a_language_that_the_model_does_not_know_is_told_before_anything_is_written(
    demo: Demo, tmp_path: Path
) -> None:
    config = Config.model_validate({"speech": {"language": "de"}})
    with pytest.raises(UsageError, match="'de'"):
        run([demo.film], tmp_path / "lake", config=config)
    assert not (tmp_path / "lake").exists()
