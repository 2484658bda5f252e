"""`scenelake eval`: files or a lake against the truth, as a user types it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from scenelake.pipeline.cli import execute
from scenelake.pipeline.evaluation import from_lake
from scenelake.pipeline.evaluation.records import Moment, Search
from scenelake.pipeline.lake import Lake
from scenelake.pipeline.retrieval.search import Hit
from scenelake.pipeline.storing.folder import folder_at
from scenelake.pipeline.storing.store import Store
from scenelake.schemas.config import Config
from scenelake.schemas.rows import (
    Answer,
    Citation,
    Label,
    Provenance,
    Scene,
    ScreenText,
    Shot,
    Video,
)
from scenelake.schemas.tables import answers_table, scenes_table
from tests.pipeline.exporting import spoken
from tests.pipeline.rows import video_row

FILES = Path(__file__).parent / "annotations"
WHO = Provenance("run-1", "0", datetime(2026, 1, 1, tzinfo=UTC), {}, {})

DIMS = {"visual_dim": 3, "text_dim": 2}

Run = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]


@pytest.fixture
def evaluated(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``evaluated("cuts", "--truth", file, ...)``: exit code, stdout, stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scenelake", "eval", *map(str, words)])
        capsys.readouterr()
        code = execute()
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write("p.jsonl", row, row)``."""

    def lines(name: str, *rows: Any) -> Path:
        (tmp_path / name).write_text("\n".join(json.dumps(row) for row in rows))
        return tmp_path / name

    return lines


def scene(video_id: str, index: int, said: str, description: str) -> Scene:
    start_s = 4.0 * index
    return Scene(
        video_id,
        index,
        start_s,
        start_s + 4,
        (Shot(start_s, start_s + 4),),
        description=description,
        labels=(Label("cat", 0.9),),
        ocr=(ScreenText("EXIT", 0.9, start_s),),
        words=spoken(said, start_s=start_s, per_word_s=0.1),
        grounded=index == 0,
    )


SCENES = {
    "f1": [
        scene("f1", 0, "Anna has seventeen cats.", 'Here Anna says "seventeen cats".'),
        scene("f1", 1, "They sleep all day.", "On the roof Rosa counts 17 dogs."),
    ],
    "f2": [scene("f2", 0, "Nobody is here.", "Nothing moves.")],
}
FILES_OF = {"f1": "/films/v_first.mp4", "f2": "/films/second.mkv"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films, three scenes, one answer."""
    root = tmp_path_factory.mktemp("evaluated") / "lake"
    store = Store(folder_at(root))
    store.prepare()
    for video_id, film in SCENES.items():
        store.commit(video(video_id, len(film)), rows(film), **DIMS)
    citation = Citation("f1", "f1-0", 0.0, 4.0, "seventeen cats")
    answer = Answer("q1", "How many cats?", "Seventeen.", True, (citation,), WHO, "f1")
    (root / "answers").mkdir(exist_ok=True)
    pq.write_table(answers_table([answer]), root / "answers" / "a.parquet")
    return root


def video(video_id: str, n_scenes: int) -> Video:
    return video_row(
        video_id,
        uri=FILES_OF[video_id],
        duration_s=4.0 * n_scenes,
        audio_codec="aac",
        language="en",
        n_scenes=n_scenes,
        provenance=WHO,
        cuts_s=tuple(4.0 * i for i in range(1, n_scenes)),
    )


def rows(film: list[Scene]) -> Iterator[Any]:
    yield scenes_table([(s, WHO) for s in film], **DIMS)


def test_a_lakes_transcripts_are_scored_by_the_files_names(
    evaluated: Run, write: Write, lake: Path
) -> None:
    truth = write(
        "t.jsonl",
        {"video_id": "first", "text": "Anna has 17 cats, they sleep all day"},
        {"video_id": "second.mkv", "text": "Nobody was here."},
    )
    code, out, _ = evaluated("transcription", "--truth", truth, "--lake", lake, "--json")
    found = json.loads(out)
    assert (code, found["task"], found["n"], found["n_missing"]) == (0, "transcription", 2, 0)
    assert found["metrics"]["wer"]["value"] == pytest.approx(1 / 11)
    assert found["metrics"]["wer"]["low"] == 0
    assert found["metrics"]["wer"]["high"] == pytest.approx(1 / 3)


def test_a_lakes_cuts_are_scored_at_a_tolerance(evaluated: Run, write: Write, lake: Path) -> None:
    truth = write("t.jsonl", {"video_id": "f1", "cuts_s": [4.3]}, {"video_id": "f2", "cuts_s": []})
    asked = ("cuts", "--truth", truth, "--lake", lake, "--json")
    assert json.loads(evaluated(*asked)[1])["metrics"]["f1"]["value"] == 0
    assert json.loads(evaluated(*asked, "--tolerance-s", 0.5)[1])["metrics"]["f1"]["value"] == 1


def test_a_span_is_told_by_the_scene_that_overlaps_it_most(
    evaluated: Run, write: Write, lake: Path
) -> None:
    told = "On the roof Rosa counts 17 dogs."
    truth = write("t.jsonl", {"video_id": "first", "text": told, "start_s": 3.5, "end_s": 8})
    code, out, err = evaluated("description", "--truth", truth, "--lake", lake, "--json")
    assert (code, err) == (0, "")
    metrics = json.loads(out)["metrics"]
    assert metrics["rouge_l"]["value"] == 1
    assert metrics["bleu"]["value"] == pytest.approx(100)


def test_a_lakes_answers_are_scored_by_question(evaluated: Run, write: Write, lake: Path) -> None:
    truth = write(
        "t.jsonl",
        {
            "question_id": "q1",
            "question": "How many cats?",
            "answer": "seventeen",
            "kind": "number",
        },
        {"question_id": "q2", "question": "Who?", "answer": "Anna", "kind": "name"},
    )
    asked = ("answers", "--truth", truth, "--lake", lake)
    found = json.loads(evaluated(*asked, "--json")[1])
    assert (found["n"], found["n_missing"]) == (2, 1)
    assert found["metrics"]["exact_match"]["value"] == 0.5
    assert found["by"]["kind"]["number"]["metrics"]["exact_match"]["value"] == 1
    left_out = json.loads(evaluated(*asked, "--skip-missing", "--json")[1])
    assert (left_out["n"], left_out["n_missing"]) == (1, 1)
    assert left_out["metrics"]["exact_match"]["value"] == 1


def test_a_lakes_claims_are_looked_up_in_its_scenes(evaluated: Run, lake: Path) -> None:
    found = json.loads(evaluated("grounding", "--lake", lake, "--json")[1])
    values = {name: metric["value"] for name, metric in found["metrics"].items()}
    # Names: Anna (said) and Rosa (not); numbers: 17 (said twice, one in its scene), and in the
    # answer; quotes: one, said.
    assert values["names"] == 0.5
    assert values["numbers"] == pytest.approx(2 / 3)
    assert (values["quotes"], values["citations"]) == (1, 1)
    assert found["by"]["text"]["answer"]["metrics"]["numbers"]["value"] == 1


@dataclass(frozen=True, slots=True)
class Finder(Lake):
    """A lake that finds all its scenes in order, whatever is asked."""

    def search(self, text: str, *, k: int = 10, config: Config | None = None) -> list[Hit]:
        found = [s for film in SCENES.values() for s in film][:k]
        return [Hit(s.video_id, "", s.scene_id, s.start_s, s.end_s, 1.0, "", "", "") for s in found]


def test_searches_find_films_or_the_scenes_of_a_span(lake: Path) -> None:
    film = Search("1", "cats", frozenset({"second"}))
    span = Search("2", "cats", frozenset({"first"}), ((5.0, 7.0),))
    absent = Search("3", "cats", frozenset({"third"}))
    wanted, found = from_lake.rankings(Finder(lake), [film, span, absent], Config())
    assert [search.relevant for search in wanted] == [{"f2"}, {"f1-4000"}, {"third"}]
    assert found == {"1": ["f1", "f1", "f2"], "2": ["f1-0", "f1-4000", "f2-0"]}


def test_moments_are_looked_for_in_their_own_film(lake: Path) -> None:
    moments = [Moment("1", "x", "second", ((0.0, 1.0),)), Moment("2", "x", "no", ((0.0, 1.0),))]
    assert from_lake.spans(Finder(lake), moments, Config()) == {"1": [(0.0, 4.0)]}


def test_a_data_sets_file_is_scored_against_predictions(evaluated: Run, write: Write) -> None:
    right, wrong = {"id": "1111111111_6", "choice": "C"}, {"id": "1111111111_7", "choice": 3}
    predictions = write("p.jsonl", right, wrong, {"id": "of another set", "choice": "A"})
    truth = FILES / "next_qa.csv"
    found = json.loads(
        evaluated("answers", "--truth", truth, "--predictions", predictions, "--json")[1]
    )
    assert found["metrics"]["accuracy"]["value"] == pytest.approx(1 / 3)
    assert (found["n"], found["n_missing"]) == (3, 1)
    assert set(found["metrics"]) == {"accuracy"}
    assert found["by"]["kind"]["CH"]["n"] == 1


def test_moments_are_scored_against_a_submission(evaluated: Run, write: Write) -> None:
    predictions = write(
        "p.jsonl",
        {"qid": 8737, "pred_relevant_windows": [[0, 14, 0.9], [40, 48, 0.5]]},
        {"qid": 8738, "pred_relevant_windows": [[0, 10, 0.9]]},
    )
    truth = FILES / "qv_highlights.jsonl"
    code, out, _ = evaluated("moments", "--truth", truth, "--predictions", predictions)
    assert code == 0
    assert "moments: 2 items" in out
    assert "r1@0.7" in out
    assert "0.500" in out


def test_retrieval_is_scored_from_a_file(evaluated: Run, write: Write) -> None:
    found = [{"id": i, "results": ["video0", "video1"]} for i in range(3)]
    truth, predictions = FILES / "msr_vtt.json", write("p.jsonl", *found)
    metrics = json.loads(
        evaluated("retrieval", "--truth", truth, "--predictions", predictions, "--json")[1]
    )["metrics"]
    assert metrics["recall@1"]["value"] == pytest.approx(2 / 3)
    assert metrics["mrr"]["value"] == pytest.approx((1 + 1 + 0.5) / 3)


def test_a_plot_shows_the_metrics(evaluated: Run, write: Write, tmp_path: Path, lake: Path) -> None:
    drawn = tmp_path / "plot.png"
    code, _, err = evaluated("grounding", "--lake", lake, "--plot", drawn)
    assert (code, err) == (0, "")
    picture = cv2.imread(str(drawn))
    assert picture is not None
    blue = np.all(np.abs(picture.astype(int) - (253, 139, 61)) < 20, axis=2)
    assert blue.sum() > 1000  # its bars


@pytest.mark.parametrize("name", ["plot.nonsense", "no/such/folder/plot.png"])
def test_a_plot_that_cannot_be_drawn_is_a_usage_error(
    evaluated: Run, tmp_path: Path, lake: Path, name: str
) -> None:
    code, _, err = evaluated("grounding", "--lake", lake, "--plot", tmp_path / name)
    assert code == 2
    assert err.startswith("scenelake: --plot ")
    assert len(err.splitlines()) == 1


def test_truth_about_other_films_is_told(evaluated: Run, write: Write, lake: Path) -> None:
    truth = write("t.jsonl", {"video_id": "elsewhere", "text": "hello"})
    code, _, err = evaluated("transcription", "--truth", truth, "--lake", lake)
    assert code == 2
    assert "nothing in it is about what" in err
    assert "elsewhere" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["cuts", "--truth", "t.jsonl"], "give either --predictions FILE or --lake LAKE"),
        (["cuts", "--predictions", "p.jsonl"], "give --truth FILE"),
        (["grounding", "--predictions", "p.jsonl"], "give --lake LAKE"),
        (["cuts", "--truth", "none.jsonl", "--predictions", "p.jsonl"], "none.jsonl: no such file"),
    ],
)
def test_what_is_missing_is_one_line(evaluated: Run, words: list[str], message: str) -> None:
    code, out, err = evaluated(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_without_the_extra_the_command_says_what_to_type(
    evaluated: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jiwer", None)
    file = write("t.jsonl", {"video_id": "a", "text": "hello"})
    code, _, err = evaluated("transcription", "--truth", file, "--predictions", file)
    expected = "scenelake: evaluation needs jiwer: pip install 'scenelake[eval]'\n"
    assert (code, err) == (2, expected)
