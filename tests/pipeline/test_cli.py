"""The commands as a user types them: what they print, where, and how they exit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline.cli import execute
from tests.conftest import Demo, DemoRun
from tests.media import damage

HIT = {
    "video_id",
    "uri",
    "scene_id",
    "start_s",
    "end_s",
    "score",
    "title",
    "description",
    "snippet",
    "folded",
}
ASKED = {"question_id", "answer", "choice", "grounded", "citations", "spans", "model"}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def scenelake(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """``scenelake("run", film, "--lake", lake)`` in this process: models load once."""

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["scenelake", *map(str, words)])
        capsys.readouterr()
        code = execute()
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


Command = Callable[..., Ran]


@pytest.fixture(scope="module")
def lake(demo_run: DemoRun) -> Path:
    return demo_run.lake


def test_run_tells_of_each_film_and_prints_its_document(demo_run: DemoRun) -> None:
    assert demo_run.document["committed"] == 1
    assert "[1/1] film.mp4: committed, 4 scenes" in demo_run.told
    assert "Traceback" not in demo_run.told


def test_help_loads_no_model_library_and_no_ray() -> None:
    """What makes --help answer at once."""
    code = (
        "import sys; from scenelake.pipeline.cli import cli;"
        "cli.main(['--help'], standalone_mode=False);"
        "heavy = {'torch', 'ray', 'transformers', 'pyarrow', 'cv2', 'numpy'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_show_lists_films_and_scenes(scenelake: Command, lake: Path) -> None:
    listed = scenelake("show", lake)
    assert "film.mp4  (4 scenes, 0:41, en)" in listed.out
    shown = scenelake("show", lake, "film.mp4", "--json").json
    assert [scene["index"] for scene in shown["scenes"]] == [0, 1, 2, 3]
    assert "Chelsea" in scenelake("show", lake, "film.mp4").out


@pytest.mark.parametrize(
    ("text", "scene"),
    [("a cat", 0), ("hot drink", 1), ("hot drink in a mug", 1), ("space launch", 2)],
)
def test_search_ranks_the_right_scene_first(
    scenelake: Command, lake: Path, demo: Demo, text: str, scene: int
) -> None:
    hits = scenelake("search", lake, text, "--json").json
    assert set(hits[0]) == HIT
    assert hits[0]["start_s"] == pytest.approx(demo.truth["scenes"][scene]["start_s"], abs=0.05)
    assert [h["score"] for h in hits] == sorted((h["score"] for h in hits), reverse=True)


def test_search_gives_no_more_than_asked(scenelake: Command, lake: Path) -> None:
    assert len(scenelake("search", lake, "a cat", "-k", 2, "--json").json) == 2


def test_ask_answers_what_is_said_and_cites_the_scene(
    scenelake: Command, lake: Path, demo: Demo
) -> None:
    starts_s = {scene["name"]: scene["start_s"] for scene in demo.truth["scenes"]}
    for asked in demo.truth["questions"]:
        reply = scenelake("ask", lake, asked["question"], "--json").json
        assert set(reply) == ASKED
        assert asked["answer"].casefold() in reply["answer"].casefold()
        first = reply["citations"][0]
        scene_ms = round(starts_s[asked["scene"]] * 1000)
        assert abs(int(first["scene_id"].rpartition("-")[2]) - scene_ms) < 50
        assert reply["grounded"]
        assert first["uri"] == str(demo.film)


def test_ask_says_so_when_the_film_does_not_tell(
    scenelake: Command, lake: Path, demo: Demo
) -> None:
    for asked in demo.truth["unanswerable"]:
        reply = scenelake("ask", lake, asked["question"], "--json").json
        assert "does not tell" in reply["answer"]
        assert reply["citations"] == []
        assert not reply["grounded"]


@pytest.mark.parametrize(
    ("engine", "until", "presses"),
    [("inline", "to look at", 1), ("inline", "to look at", 4), ("ray", "running", 4)],
)
def test_ctrl_c_ends_a_run_at_once_with_one_line(
    demo: Demo, tmp_path: Path, engine: str, until: str, presses: int
) -> None:
    """However often: a terminal may send it twice, and a hand is impatient."""
    command = [sys.executable, "-c", "from scenelake.pipeline.cli import main; main()"]
    run = subprocess.Popen(
        [*command, "run", demo.film, "--lake", tmp_path / "lake", "--engine", engine],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # else nohup's stays
    )
    assert run.stderr is not None
    assert any(until in line for line in iter(run.stderr.readline, ""))
    for _ in range(presses):
        run.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert [line for line in err.splitlines() if line and line[0] not in "[2"] == [
        "scenelake: interrupted: what is committed stays; give the same command again to go on"
    ]


def test_a_bad_film_gives_exit_3_and_the_reason(scenelake: Command, tmp_path: Path) -> None:
    bad = damage.text_file(tmp_path / "bad.mp4")
    ran = scenelake("run", bad, "--lake", tmp_path / "lake", "--json")
    assert ran.code == 3
    (failure,) = ran.json["failures"]
    assert set(failure) == {"uri", "stage", "error_type", "message"}
    assert "bad.mp4" in ran.err


def test_what_failed_is_tried_again_by_type(scenelake: Command, tmp_path: Path) -> None:
    lake, letter, empty = tmp_path / "lake", tmp_path / "letter.mp4", tmp_path / "empty.mp4"
    damage.text_file(letter)
    damage.empty_file(empty)
    scenelake("run", letter, empty, "--lake", lake)
    some = scenelake("run", "--lake", lake, "--retry-failed", "unsupported", "--json").json
    assert [Path(failure["uri"]).name for failure in some["failures"]] == ["letter.mp4"]
    none = scenelake("run", "--lake", lake, "--retry-failed", "timeout", "--json")
    assert (none.code, none.json["failed"]) == (0, 0)
    both = scenelake("run", "--lake", lake, "--retry-failed", "--json").json
    assert both["failed"] == 2


def test_a_run_leaves_its_report_in_the_lake(scenelake: Command, tmp_path: Path) -> None:
    lake, bad = tmp_path / "lake", damage.text_file(tmp_path / "bad.mp4")
    ran = scenelake("run", bad, "--lake", lake, "--json").json
    report = json.loads((lake / "runs" / f"{ran['run_id']}.json").read_text("utf-8"))
    assert report["inputs"] == {"total": 1, "committed": 0, "skipped": 0, "failed": 1}
    assert report["failures"]["unsupported"]["rows"][0]["uri"] == str(bad)
    page = (lake / "runs" / f"{ran['run_id']}.html").read_text("utf-8")
    assert "--retry-failed unsupported" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "--lake", "x", "--retry-failed", "tired"), "no such type of failure; known:"),
        (("run", "--lake", "x", "--retry-failed", "a.mp4"), "put inputs before it"),
        (("run", "a.mp4", "--lake", "x", "--set", "pools.cook.max=2"), "no step has this name"),
        (("run", "--lake", "x"), "nothing to do"),
        (("run", "a.mp4", "--lake", "x", "--profile", "huge"), "no profile is named 'huge'"),
        (("run", "a.mp4", "--lake", "x", "--set", "speech.beams=2"), "no key 'speech.beams'"),
        (("run", "a.mp4", "--lake", "x", "--set", "speech"), "expected section.key=value"),
        (("run", "a.mp4", "--lake", "x", "--config", "no.yaml"), "no such file"),
        (("run", "a.mp4"), "--lake"),
        (("show", "not-a-lake"), "no lake here"),
        (("search", "not-a-lake", "cat"), "no lake here"),
        (("frobnicate",), "No such command"),
    ],
)
def test_a_wrong_command_is_exit_2_with_one_line_and_writes_nothing(
    scenelake: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = scenelake(*words)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert list(tmp_path.iterdir()) == []


def test_duckdb_and_pandas_read_the_lake_as_the_readme_says(lake: Path) -> None:
    import duckdb
    import pandas as pd

    scenes = f"'{lake}/scenes/*.parquet'"
    spans = duckdb.sql(f"SELECT start_s, end_s, labels[1].name FROM {scenes} ORDER BY start_s")
    assert spans.fetchall()[0][2] == "Egyptian cat"
    words = duckdb.sql(f"SELECT count(*) FROM (SELECT unnest(words) FROM {scenes})").fetchall()
    frame = pd.read_parquet(lake / "scenes")
    assert words[0][0] == frame["words"].map(len).sum() > 40
