"""Annotation files are read as their data sets publish them; made-up content, true shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenelake.pipeline.evaluation import data_sets, predictions
from scenelake.pipeline.evaluation.answers import Reply
from scenelake.pipeline.evaluation.records import Caption, Moment, Question
from scenelake.schemas.errors import UsageError

FILES = Path(__file__).parent / "annotations"

WriteLines = Callable[..., Path]


@pytest.fixture
def lines(tmp_path: Path) -> WriteLines:
    """``lines(row, row, ..., name="t.jsonl")``: a file with a JSON object a line."""

    def write(*rows: Any, name: str = "t.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(json.dumps(row) for row in rows))
        return path

    return write


@pytest.fixture
def video_mme(tmp_path: Path) -> Path:
    """Video-MME comes as Parquet."""
    rows = [json.loads(line) for line in (FILES / "video_mme.jsonl").read_text().splitlines()]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "test.parquet")
    return tmp_path / "test.parquet"


def test_msr_vtt_has_many_sentences_about_whole_films() -> None:
    found = data_sets.captions(FILES / "msr_vtt.json")
    assert found[0] == Caption("0", "video0", "a man parks an old van")
    assert [caption.video_id for caption in found] == ["video0", "video0", "video1"]


def test_activitynet_captions_are_of_spans() -> None:
    found = data_sets.captions(FILES / "activitynet_captions.json")
    text = "One of them throws a ball far away."
    assert found[1] == Caption("v_aaaaaaaaaaa#1", "v_aaaaaaaaaaa", text, (13.79, 54.32))
    assert len(found) == 3


def test_activitynet_captions_are_moments_to_look_for() -> None:
    found = data_sets.moments(FILES / "activitynet_captions.json")
    dog = Moment("v_bbbbbbbbbbb#0", "A dog digs a hole.", "v_bbbbbbbbbbb", ((0.0, 9.5),))
    assert found[2] == dog


def test_activitynet_qa_takes_answers_from_the_file_beside() -> None:
    found = data_sets.questions(FILES / "anet_val_q.json")
    assert [(q.question_id, q.video_id, q.answers, q.kind) for q in found] == [
        ("aaaaaaaaaaa_0", "aaaaaaaaaaa", ("yes",), "yes/no"),
        ("aaaaaaaaaaa_1", "aaaaaaaaaaa", ("2",), "number"),
    ]


def test_next_qa_counts_options_from_nought_and_qids_by_film() -> None:
    first, *_, last = data_sets.questions(FILES / "next_qa.csv")
    assert first == Question(
        "1111111111_6",
        "how do the men open the crate",
        "1111111111",
        ("with a bar, slowly",),
        ("with a saw", "by singing", "with a bar, slowly", "they do not", "with a key"),
        "C",
        kind="CH",
    )
    assert (last.question_id, last.choice, last.answers) == ("2222222222_0", "E", ("runs away",))


def test_ego_schema_has_the_questions_whose_answer_is_published() -> None:
    (only,) = data_sets.questions(FILES / "ego_questions.json")
    assert (only.video_id, only.choice) == ("0074f737-11cb-497d-8d07-77c3a8127391", "D")
    assert only.answers == ("C is cleaning dishes.",)


def test_video_mme_options_lose_their_letters_and_films_go_by_address(video_mme: Path) -> None:
    first, second = data_sets.questions(video_mme)
    assert first.options == ("Two.", "Three.", "Four.", "None.")
    assert (first.question_id, first.video_id, first.choice) == ("001-1", "cccccccccc1", "C")
    assert second.kind == "OCR Problems"


def test_long_video_bench_has_candidates_and_a_correct_choice() -> None:
    (only,) = data_sets.questions(FILES / "long_video_bench.json")
    assert (only.question_id, only.video_id) == ("dddddddddd1_0", "dddddddddd1")
    assert (only.choice, only.answers, only.kind) == ("B", ("a waiter",), "T3E")


def test_qv_highlights_has_one_or_more_windows_a_query() -> None:
    first, second = data_sets.moments(FILES / "qv_highlights.jsonl")
    assert first.spans == ((0.0, 16.0), (40.0, 48.0))
    assert (second.query_id, second.video_id) == ("8738", "eeeeeeeeee1_810.0_960.0")


def test_our_own_questions_may_be_open_or_of_choice(lines: WriteLines) -> None:
    open_ended = {"question_id": "q1", "question": "Who?", "answers": ["Anna", "Anna Bell"]}
    choice = {"question_id": "q2", "question": "Who?", "options": ["Anna", "Ben"], "choice": "b"}
    when = {"question_id": "q3", "question": "When?", "answer": "at once", "spans": [[1, 2.5]]}
    first, second, third = data_sets.questions(lines(open_ended, choice, when))
    assert first.answers == ("Anna", "Anna Bell")
    assert (second.options, second.choice) == (("Anna", "Ben"), "B")
    assert third.spans == ((1.0, 2.5),)


def test_captions_moments_and_questions_all_are_searches(lines: WriteLines) -> None:
    films = data_sets.searches(FILES / "msr_vtt.json")
    assert [search.relevant for search in films[1:]] == [{"video0"}, {"video1"}]
    (asked,) = data_sets.searches(FILES / "long_video_bench.json")
    assert asked.relevant == {"dddddddddd1"}
    (own,) = data_sets.searches(lines({"query_id": "q", "query": "cat", "relevant": ["a", "b"]}))
    assert own.relevant == {"a", "b"}
    assert data_sets.searches(FILES / "qv_highlights.jsonl")[1].spans == ((100.0, 150.0),)


WRONG = {
    "t.jsonl, line 2: relevant_windows: missing (there is qid, query, vid)": [
        {"qid": 1, "query": "x", "vid": "v", "relevant_windows": [[0, 1]]},
        {"qid": 2, "query": "x", "vid": "v"},
    ],
    "t.jsonl, line 1: relevant_windows: 'soon' is no number": [
        {"qid": 1, "query": "x", "vid": "v", "relevant_windows": [["soon", 1]]}
    ],
    "t.jsonl, line 1: 9.0..3.0 s is not a span": [
        {"qid": 1, "query": "x", "vid": "v", "relevant_windows": [[9, 3]]}
    ],
    "t.jsonl: 1 is there twice": [
        {"qid": 1, "query": "x", "vid": "v", "relevant_windows": [[0, 1]]},
        {"qid": 1, "query": "y", "vid": "v", "relevant_windows": [[0, 1]]},
    ],
}


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_is_named_by_file_line_and_field(lines: WriteLines, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        data_sets.moments(lines(*WRONG[message]))
    assert str(caught.value) == message


def test_an_answer_that_is_no_option_is_named_by_its_line(tmp_path: Path) -> None:
    text = (FILES / "next_qa.csv").read_text().replace("cat", "cow").replace("bark,0", "bark,7")
    (tmp_path / "val.csv").write_text(text)
    with pytest.raises(
        UsageError, match=r"^val.csv, line 3: answer: '7' is none of the 5 options$"
    ):
        data_sets.questions(tmp_path / "val.csv")


def test_broken_json_is_named_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "val.json").write_text('[{"q_uid": "a"},\n{"q_uid" "b"}]')
    with pytest.raises(UsageError, match=r"^val.json, line 2: not JSON: "):
        data_sets.questions(tmp_path / "val.json")


def test_sentences_and_times_of_different_number_are_wrong(tmp_path: Path) -> None:
    film = {"duration": 9, "timestamps": [[0, 1], [1, 2]], "sentences": ["one"]}
    (tmp_path / "val_1.json").write_text(json.dumps({"v_a": film}))
    message = r"^val_1.json, entry v_a: timestamps: 2, but sentences are 1$"
    with pytest.raises(UsageError, match=message):
        data_sets.captions(tmp_path / "val_1.json")


def test_a_file_of_another_kind_says_what_it_is() -> None:
    with pytest.raises(
        UsageError, match=r"msr_vtt.json: this is MSR-VTT, which holds no questions"
    ):
        data_sets.questions(FILES / "msr_vtt.json")


def test_a_file_of_no_known_format_lists_the_known_ones(lines: WriteLines) -> None:
    with pytest.raises(UsageError, match=r"fields a, b are of no known format: MSR-VTT, NExT-QA"):
        data_sets.questions(lines({"a": 1, "b": 2}))


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        data_sets.questions(tmp_path / "none.json")


def test_answers_are_predicted_by_text_letter_or_number(lines: WriteLines) -> None:
    rows = {"qid": "a", "prediction": "Anna"}, {"qid": "b", "choice": "C"}, {"qid": "c", "pred": 2}
    found = predictions.replies(lines(*rows))
    assert found == {"a": Reply("Anna"), "b": Reply(choice="C"), "c": Reply(choice="2")}


def test_a_submission_may_map_questions_to_options(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"q1": 3, "q2": "B"}')
    found = predictions.replies(tmp_path / "p.json")
    assert found == {"q1": Reply(choice="3"), "q2": Reply("B")}


def test_predicted_windows_come_best_first_by_score(lines: WriteLines) -> None:
    windows = [[0, 1, 0.2], [4, 5, 0.9], [2, 3, 0.5]]
    found = predictions.spans(lines({"qid": 7, "pred_relevant_windows": windows}))
    assert found == {"7": [(4.0, 5.0), (2.0, 3.0), (0.0, 1.0)]}
