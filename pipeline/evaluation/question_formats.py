"""Questions as their data sets publish them.

NExT-QA (Xiao et al. 2021), EgoSchema (Mangalam et al. 2023), Video-MME (Fu et al. 2024),
LongVideoBench (Wu et al. 2024), ActivityNet-QA (Yu et al. 2019), and scenelake's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scenelake.pipeline.evaluation.reading import Row, document, rows
from scenelake.pipeline.evaluation.records import LETTERS, Question
from scenelake.schemas.errors import UsageError

_ACTIVITYNET_KINDS = (
    "motion,spatial relationship,temporal relationship,yes/no,color,object,location,number,other"
).split(",")
_LETTER_BEFORE = re.compile(r"^\(?[A-Z][.):]\s*")


def next_qa(path: Path) -> Iterator[Question]:
    """CSV with a row a question; qids are a film's own, so `<video>_<qid>` names a question."""
    for row in rows(path):
        video = row.text("video")
        yield _of_options(
            row,
            question_id=f"{video}_{row.text('qid')}",
            video_id=video,
            options=[row.text(f"a{i}") for i in range(5)],
            kind=row.text("type") if "type" in row else "",
        )


def ego_schema(path: Path) -> Iterator[Question]:
    """`questions.json`; its answers are in `subset_answers.json` beside it.

    Questions whose answer is not published are left out.
    """
    answers = _beside(path, "subset_answers.json")
    for row in rows(path):
        uid = row.text("q_uid")
        if uid in answers or "answer" in row:
            known = Row(row.where, {"answer": answers.get(uid), **row.values})
            options = [row.text(name) for name in sorted(row.values) if name.startswith("option ")]
            yield _of_options(known, question_id=uid, video_id=uid, options=options)


def video_mme(path: Path) -> Iterator[Question]:
    """Parquet with a row a question; films are named by `videoID`."""
    for row in rows(path):
        yield _of_options(
            row,
            question_id=row.text("question_id"),
            video_id=row.text("videoID"),
            options=[_LETTER_BEFORE.sub("", option) for option in row.texts("options")],
            kind=row.text("task_type") if "task_type" in row else "",
        )


def long_video_bench(path: Path) -> Iterator[Question]:
    """`lvb_val.json`: a list with an entry a question."""
    for row in rows(path):
        yield _of_options(
            row,
            question_id=row.text("id"),
            video_id=row.text("video_id"),
            options=list(row.texts("candidates")),
            kind=row.text("question_category") if "question_category" in row else "",
            answer="correct_choice",
        )


def activitynet_qa(path: Path) -> Iterator[Question]:
    """`val_q.json`, with the answers in `val_a.json` beside it."""
    answers = _activitynet_answers(path)
    for row in rows(path):
        question_id = row.text("question_id")
        answer = answers.get(question_id, row)
        kind = answer.integer("type") if "type" in answer else len(_ACTIVITYNET_KINDS)
        yield Question(
            question_id=question_id,
            question=row.text("question"),
            video_id=row.text("video_name"),
            answers=(answer.text("answer"),),
            kind=dict(enumerate(_ACTIVITYNET_KINDS)).get(kind, ""),
        )


def own(path: Path) -> Iterator[Question]:
    """Rows with `question_id`, `question`, and `answer` or `answers`, or `options` and `choice`.

    `video_id`, `spans` and `kind` may be there.
    """
    for row in rows(path):
        yield row.build(lambda row=row: _own(row))  # type: ignore[misc]


READERS: Mapping[str, Callable[[Path], Iterator[Question]]] = {
    "NExT-QA": next_qa,
    "EgoSchema": ego_schema,
    "Video-MME": video_mme,
    "LongVideoBench": long_video_bench,
    "ActivityNet-QA": activitynet_qa,
    "scenelake questions": own,
}


def _own(row: Row) -> Question:
    options = row.texts("options") if "options" in row else ()
    if "answers" in row:
        answers = row.texts("answers")
    else:
        answers = (row.text("answer"),) if "answer" in row else ()
    return Question(
        question_id=row.text("question_id"),
        question=row.text("question"),
        video_id=row.text("video_id") if "video_id" in row else None,
        answers=answers,
        options=options,
        choice=_letter(row, "choice", len(options)) if options else None,
        spans=row.spans("spans") if "spans" in row else (),
        kind=row.text("kind") if "kind" in row else "",
    )


def _of_options(
    row: Row,
    *,
    question_id: str,
    video_id: str,
    options: list[str],
    kind: str = "",
    answer: str = "answer",
) -> Question:
    choice = _letter(row, answer, len(options))
    return Question(
        question_id=question_id,
        question=row.text("question"),
        video_id=video_id,
        answers=(options[LETTERS.index(choice)],),
        options=tuple(options),
        choice=choice,
        kind=kind,
    )


def _letter(row: Row, field: str, n_options: int) -> str:
    """A letter, or a place that is counted from 0, as a letter of one of the options."""
    told = row.text(field)
    letter = LETTERS[int(told)] if told.isdigit() and int(told) < len(LETTERS) else told.upper()
    if len(letter) != 1 or letter not in LETTERS[:n_options]:
        raise row.wrong(field, f"{told!r} is none of the {n_options} options")
    return letter


def _activitynet_answers(path: Path) -> dict[str, Row]:
    other = path.with_name(re.sub(r"_q(?=\.json$)", "_a", path.name))
    if other == path or not other.exists():
        return {}
    return {row.text("question_id"): row for row in rows(other)}


def _beside(path: Path, name: str) -> dict[str, object]:
    """A JSON object in the same folder; empty where there is no such file."""
    other = path.with_name(name)
    if not other.exists():
        return {}
    found = document(other)
    if not isinstance(found, dict):
        raise UsageError(f"{other.name}: no object of question and answer")
    return found
