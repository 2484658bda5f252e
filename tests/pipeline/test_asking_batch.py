"""Batches: every question answered once, whatever happens on the way."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenelake.pipeline import Lake
from scenelake.pipeline.asking.batch import Batch, Progress
from scenelake.pipeline.asking.ledger import Ledger
from scenelake.pipeline.asking.one import Asker
from scenelake.pipeline.asking.preview import preview
from scenelake.pipeline.asking.questions import read_questions
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError
from tests.pipeline.asking import PACE, QUICK, echo_config, echo_engine, film
from tests.pipeline.killing import ROOT

_RUN = "from tests.pipeline.asking import main; main()"
FILMS = 4


@pytest.fixture(scope="module", autouse=True)
def _echo() -> Iterator[None]:
    with echo_engine():
        yield


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = tmp_path / "lake"
    fill(lake, FILMS)
    return lake


def fill(lake: Path, n_films: int, *, n_scenes: int = 3) -> None:
    for f in range(n_films):
        said = [f"Harbour {f} has a crane named crane{f}x{s}." for s in range(n_scenes)]
        film(lake, f"{f:02x}" * 6, said, uri=f"/films/film{f}.mp4")


def questions(path: Path, n: int, *, n_films: int = FILMS, **more: Any) -> list[dict[str, Any]]:
    """Question i asks about scene i of one of the films."""
    rows = [
        {
            "question_id": f"q{i}",
            "question": f"What about crane{i % n_films}x{i % 3}?",
            "video": f"film{i % n_films}.mp4",
            **more,
        }
        for i in range(n)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return rows


def ask(lake: Path, path: Path, out: Path, *, config: Config | None = None) -> Progress:
    asker = Asker(Lake(lake), config or echo_config())
    items = read_questions(path, films=asker.uris)
    return Batch(asker, items, Ledger.at(str(out))).run(lambda _: None)


def rows_of(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(out).to_pylist()
    return rows


def assert_all_right(out: Path, asked: Sequence[dict[str, Any]]) -> None:
    """Each question once, in the order given, with its own answer and citation."""
    rows = rows_of(out)
    assert [row["question_id"] for row in rows] == [row["question_id"] for row in asked]
    for row, question in zip(rows, asked, strict=True):
        crane = question["question"].removeprefix("What about ").rstrip("?")
        assert crane in row["answer"], question
        assert crane in row["citations"][0]["quote"]
        assert row["failure"] is None


def test_every_question_is_answered_once_in_the_order_given(lake: Path, tmp_path: Path) -> None:
    asked = questions(tmp_path / "q.jsonl", 30)
    done = ask(lake, tmp_path / "q.jsonl", tmp_path / "a.parquet")
    assert (done.n_answered, done.n_kept, len(done.failed)) == (30, 0, 0)
    assert_all_right(tmp_path / "a.parquet", asked)
    assert not (tmp_path / "a.parts").exists()
    who = rows_of(tmp_path / "a.parquet")[0]["provenance"]
    assert dict(who["models"])["answer"] == "echo@1"
    assert who["prompt_hash"] == "echo"


def test_a_second_run_answers_only_what_is_new_or_was_asked_otherwise(
    lake: Path, tmp_path: Path
) -> None:
    path, out = tmp_path / "q.jsonl", tmp_path / "a.parquet"
    questions(path, 10)
    ask(lake, path, out)
    asked = questions(path, 12)
    asked[3]["question"] = "What about crane3x1?"
    path.write_text("\n".join(json.dumps(row) for row in asked))
    done = ask(lake, path, out)
    assert (done.n_kept, done.n_answered) == (9, 3)
    assert_all_right(out, asked)


def test_another_configuration_answers_all_anew(lake: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "q.jsonl", tmp_path / "a.parquet"
    asked = questions(path, 6)
    ask(lake, path, out)
    other = echo_config()
    other = other.model_copy(update={"answer": other.answer.model_copy(update={"n_scenes": 2})})
    assert ask(lake, path, out, config=other).n_answered == 6
    assert_all_right(out, asked)


def test_a_film_that_was_made_anew_is_asked_anew(lake: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "q.jsonl", tmp_path / "a.parquet"
    asked = questions(path, 8)
    ask(lake, path, out)
    table = lake / "videos" / ("00" * 6 + ".parquet")
    row = pq.read_table(table).to_pylist()[0]
    row["provenance"]["configs"] = [("cut", "c2")]
    pq.write_table(pa.Table.from_pylist([row], schema=pq.read_schema(table)), table)
    assert ask(lake, path, out).n_answered == 2
    assert_all_right(out, asked)


def test_a_question_that_fails_fails_alone_and_is_tried_again(lake: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "q.jsonl", tmp_path / "a.parquet"
    asked = questions(path, 9)
    asked[2]["question"], asked[5]["question"] = "What about poison?", "What about a crash?"
    path.write_text("\n".join(json.dumps(row) for row in asked))
    done = ask(lake, path, out)
    assert {a.question_id: a.failure.error_type for a in done.failed if a.failure} == {
        "q2": "ChatError",
        "q5": "RuntimeError",
    }
    rows = {row["question_id"]: row for row in rows_of(out)}
    assert len(rows) == 9
    assert rows["q2"]["failure"]["message"] == "no usable reply"
    assert rows["q2"]["answer"] is None
    again = ask(lake, path, out)
    assert (again.n_kept, again.n_answered, len(again.failed)) == (7, 0, 2)


def test_a_question_may_be_put_to_each_film_or_to_the_lake(lake: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "q.csv", tmp_path / "a.parquet"
    path.write_text("question_id,question,video\na,What is the crane?,*\nb,What about crane2x1?,\n")
    ask(lake, path, out)
    rows = rows_of(out)
    assert [row["question_id"].partition("@")[0] for row in rows] == ["a"] * FILMS + ["b"]
    assert len({row["video_id"] for row in rows}) == FILMS + 1
    assert rows[-1]["video_id"] is None
    assert "crane2x1" in rows[-1]["answer"]


def test_questions_are_read_from_parquet_and_need_no_ids(lake: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "q.parquet", tmp_path / "a.parquet"
    asked = [{"question": "What about crane1x1?", "options": ["a crane", "a ship"]}]
    pq.write_table(pa.Table.from_pylist(asked), path)
    ask(lake, path, out)
    (row,) = rows_of(out)
    assert len(row["question_id"]) == 16
    assert ask(lake, path, out).n_kept == 1


def test_options_may_be_an_object_of_letters(lake: Path, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"question": "Which?", "options": {"B": "two", "A": "one"}}))
    (item,) = read_questions(path, films=Asker(Lake(lake), echo_config()).uris)
    assert item.question.options == ("one", "two")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", 'q.jsonl, line 2: not a JSON object; a line looks like {"question"'),
        ('{"text_of": "x"}', "q.jsonl, line 2: expected a field `question` (there is text_of)"),
        ('{"question": " "}', "q.jsonl, line 2: the question is empty; write one"),
        ('{"question": "x", "video": "gone.mp4"}', "line 2: video: no film of the lake named"),
        ('{"question": "x", "options": "red"}', "line 2: options: 'red' is no list of texts"),
        ('{"question": "x", "options": ["red"]}', "line 2: options: 1 given, expected 2 to 26"),
        ('{"question": "x", "question_id": "q0"}', "line 2: question_id q0 is there twice"),
        ('{"question": 7.5}', "line 2: question: 7.5 is no text"),
    ],
)
def test_a_malformed_line_is_named_with_its_remedy(
    lake: Path, tmp_path: Path, line: str, said: str
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(f'{{"question": "Who?", "question_id": "q0"}}\n{line}\n')
    with pytest.raises(UsageError) as caught:
        read_questions(path, films=Asker(Lake(lake), echo_config()).uris)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_of_something_else_is_never_overwritten(lake: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "q.jsonl", tmp_path / "a.parquet"
    questions(path, 3)
    pq.write_table(pa.table({"price": [1, 2]}), out)
    with pytest.raises(UsageError, match="is no table of answers"):
        ask(lake, path, out)
    out.unlink()
    ask(lake, path, out)
    path.write_text('{"question_id": "other", "question": "What about crane1x1?"}')
    with pytest.raises(UsageError, match="holds answers to other questions"):
        ask(lake, path, out)
    assert pq.read_table(out).num_rows == 3


def test_a_preview_tells_the_cost_and_writes_nothing(lake: Path, tmp_path: Path) -> None:
    questions(tmp_path / "q.jsonl", 20)
    before = sorted(p for p in tmp_path.rglob("*") if "_cache" not in p.parts)
    asker = Asker(Lake(lake), echo_config())
    items = read_questions(tmp_path / "q.jsonl", films=asker.uris)
    batch = Batch(asker, items, Ledger.at(str(tmp_path / "a.parquet")))
    cost = preview(asker, items, batch.missing)
    assert (cost.n_questions, cost.n_kept, cost.n_films, cost.n_tried) == (20, 0, FILMS, 3)
    assert 20 <= cost.total("n_scenes") <= 20 * 3
    assert "measured on 3 of them" in "\n".join(cost.lines())
    after = sorted(p for p in tmp_path.rglob("*") if "_cache" not in p.parts)
    assert after == before


def start(lake: Path, path: Path, out: Path, *, settings: Sequence[str], pace_s: float) -> Any:
    command = [sys.executable, "-c", _RUN, "ask", str(lake), "--questions", str(path)]
    command += ["--out", str(out), "--json"]
    command += [word for setting in settings for word in ("--set", setting)]
    env = {**os.environ, PACE: str(pace_s), "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=env, cwd=ROOT, text=True, **pipes)


def n_answers(out: Path) -> int:
    parts = out.with_suffix(".parts").glob("*.parquet")
    return sum(pq.read_metadata(part).num_rows for part in parts)


def killed_until_done(
    lake: Path, path: Path, out: Path, *, kills: int, settings: Sequence[str], pace_s: float
) -> dict[str, Any]:
    """The last run's document, after so many that were killed once they had got somewhere."""
    rng = random.Random(7)
    for _ in range(kills):
        running = start(lake, path, out, settings=settings, pace_s=pace_s)
        known = n_answers(out)
        while running.poll() is None and n_answers(out) == known:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.3))
        running.kill()
        running.communicate()
        assert not out.exists(), "it was done too soon to be killed"
    last = start(lake, path, out, settings=settings, pace_s=pace_s)
    told, errors = last.communicate(timeout=600)
    assert last.returncode == 0, errors
    document: dict[str, Any] = json.loads(told)
    return document


def test_a_batch_that_is_killed_goes_on_and_answers_each_question_once(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, out = tmp_path / "q.jsonl", tmp_path / "a.parquet"
    asked = questions(path, 300)
    done = killed_until_done(lake, path, out, kills=2, settings=QUICK, pace_s=0.01)
    assert done["answered"] + done["kept"] == 300
    assert done["kept"] >= 64
    assert_all_right(out, asked)
    assert not out.with_suffix(".parts").exists()


@pytest.mark.slow
def test_500_questions_over_20_films_with_kills_give_500_answers(tmp_path: Path) -> None:
    lake, path, out = tmp_path / "lake", tmp_path / "q.jsonl", tmp_path / "a.parquet"
    fill(lake, 20, n_scenes=12)
    asked = questions(path, 500, n_films=20)
    done = killed_until_done(lake, path, out, kills=5, settings=QUICK, pace_s=0.01)
    assert done["answered"] + done["kept"] == 500
    assert_all_right(out, asked)


def test_a_lake_is_asked_while_films_are_committed_to_it(lake: Path) -> None:
    """Each question sees the films that are whole when it is asked, and never half of one."""
    names = [f"{100 + i:02x}" * 6 for i in range(12)]
    code = (
        "import sys, time; from pathlib import Path; from tests.pipeline.asking import film\n"
        "for name in sys.argv[2:]:\n"
        "    film(Path(sys.argv[1]), name, [f'Pier {name} has a tower.', 'And a bell.'])\n"
        "    print(name, flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(lake), *names],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert writer.stdout is not None
    n_asked = 0
    for line in writer.stdout:
        name = line.strip()
        told = Lake(lake).ask(f"Which pier is {name}?", config=echo_config())
        assert name in told.answer
        old = Lake(lake).ask("What about crane1x2?", config=echo_config())
        assert "crane1x2" in old.answer
        n_asked += 1
    assert writer.wait() == 0
    assert n_asked == len(names)
