"""The benchmark's films hold what their truth says; the command does all of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenelake.pipeline.cli import execute
from scenelake.pipeline.evaluation.own import photographs
from scenelake.pipeline.evaluation.own.world import HALVES, world
from tests.media.ffmpeg import ffprobe, pictures, sound, streams

Run = Callable[..., tuple[int, str, str]]
TINY = ("--films", "2", "--scenes", "3")


@pytest.fixture
def own(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``own("--seed", 1, ...)``: exit code, stdout, stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scenelake", "eval", "own", *map(str, words)])
        capsys.readouterr()
        code = execute()
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


def made(out: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Each film with its truth."""
    found = sorted((out / "development-0-2x3" / "films").glob("*.json"))
    truths = [json.loads(path.read_text("utf-8")) for path in found]
    return [(found[0].parent / truth["file"], truth) for truth in truths]


def test_films_are_as_long_as_large_and_as_fast_as_they_say(own: Run, out: Path) -> None:
    code, _, told = own(*TINY, "--out", out, "--make-only")
    assert code == 0, told
    assert len(made(out)) == 2
    for film, truth in made(out):
        video = streams(film)["video"]
        duration_s = float(ffprobe(film, "-show_format")["format"]["duration"])
        assert duration_s == pytest.approx(truth["duration_s"], abs=0.1)
        assert [video["width"], video["height"]] == truth["size"]
        number, by = map(int, video["avg_frame_rate"].split("/"))
        assert number / by == pytest.approx(truth["fps"], abs=0.01)


def test_pictures_change_where_it_cuts_and_words_sound_where_they_are_said(
    own: Run, out: Path
) -> None:
    own(*TINY, "--out", out, "--make-only")
    film, truth = made(out)[0]
    shown = pictures(film, tuple(truth["size"])).astype(np.int16)[:, ::8, ::8]
    steps = np.abs(np.diff(shown, axis=0)).mean(axis=(1, 2, 3))
    cuts = [scene["start_s"] for scene in truth["scenes"][1:] if not scene["dissolves"]]
    assert cuts
    for cut_s in cuts:
        assert steps[round(cut_s * truth["fps"]) - 1] > 5 * np.median(steps)
    samples, rate = sound(film), 48_000
    for scene in truth["scenes"]:
        for said in scene["said"]:
            first, after = (round(said[at] * rate) for at in ("start_s", "end_s"))
            loud = np.abs(samples[first:after])
            quiet = np.abs(samples[first - rate // 3 : first - rate // 10])
            assert loud.mean() > 20 * quiet.mean(), said["text"]


def test_films_are_made_again_only_for_another_script(own: Run, tmp_path: Path) -> None:
    words = ("--films", 1, "--scenes", 1, "--out", tmp_path, "--make-only")
    assert own(*words)[2].count("filming") == 1
    assert own(*words)[2].count("filming") == 0
    (truth,) = tmp_path.glob("*/films/*.json")
    told = truth.read_text("utf-8")
    truth.write_text(told.replace('"script": "', '"script": "another '), "utf-8")
    assert own(*words)[2].count("filming") == 1
    assert truth.read_text("utf-8") == told


def test_a_tiny_benchmark_from_films_to_table(own: Run, out: Path) -> None:
    """Whisper, EfficientNet and MiniLM as they are; only descriptions are the quick ones."""
    quick = ("--set", "describe.engine=evidence", "--set", "ocr.engine=none")
    code, printed, told = own(*TINY, "--out", out, *quick, "--json")
    assert code == 0, told
    result = json.loads(printed)["embedded"]
    headlines = {name: found["value"] for name, found in result["metrics"].items()}
    assert headlines["wer"] < 0.3
    assert headlines["said_first"] > 0.5
    folder = out / "development-0-2x3"
    assert not (folder / "lake-embedded").exists()
    outcomes = (folder / "outcomes-embedded.jsonl").read_text("utf-8").splitlines()
    kinds = {json.loads(line)["kind"] for line in outcomes}
    assert {"film", "said", "seen", "spoken_fact", "unanswerable"} <= kinds


def test_without_a_voice_or_photographs_it_says_what_to_type(
    own: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCENELAKE_PHOTOGRAPHS", str(tmp_path / "none"))
    code, _, told = own(*TINY, "--out", tmp_path, "--make-only")
    assert code == 2
    assert "scenelake eval own --fetch" in told
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, told = own(*TINY, "--out", tmp_path, "--make-only")
    assert code == 2
    assert "apt-get install espeak-ng" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--minutes", "2", "--scenes", "3"), "either --scenes or --minutes"),
        (("--profile", "embeded"), "embeded"),
        (("--plot", "table.doc"), ".png, .svg or .pdf"),
        (("--profile", "embedded", "--profile", "small", "--plot", "a.png"), "one profile"),
        (("--seed", "-1"), "--seed"),
        (("--films", "0"), "--films"),
    ],
)
def test_wrong_words_are_told_before_anything_is_made(
    own: Run, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    code, _, said = own(*words, "--out", tmp_path / "out")
    assert code == 2
    assert told in said
    assert not (tmp_path / "out").exists()


def test_all_pictures_of_both_halves_are_there_and_show_something() -> None:
    for half in HALVES:
        for picture in world(half).pictures:
            shown = photographs.frames(picture)
            assert len(shown) > 1 if picture.moves else len(shown) == 1
            assert shown[0].std() > 5, picture.file
