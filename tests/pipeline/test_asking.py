"""Asking as a user does: one question, a conversation, films as wholes, at the command line."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline import Lake
from scenelake.pipeline.asking.conversation import Conversation
from scenelake.pipeline.asking.follow_up import standing_alone, stands_alone
from scenelake.pipeline.asking.one import Asker
from scenelake.pipeline.asking.whole_film import asks_about_whole
from scenelake.pipeline.cli import execute
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError
from tests.media.chat_servers import Answer, completion, scripted_server
from tests.pipeline.asking import QUICK, WORDS_ONLY, echo_engine, film
from tests.pipeline.killing import ROOT

FERRY = (
    "Good evening from Bristol. The new ferry left the harbour on Tuesday.",
    "The captain is Martha Reeves. She has worked at sea for 22 years.",
    "The mayor, Thomas Bell, cut a green ribbon. A ticket costs nine pounds.",
)
BEES = (
    "Welcome to this lecture on honey bees.",
    "The queen lays two thousand eggs a day. My brother Peter paints the hives blue.",
)
CONFIG = Config.model_validate({"search": WORDS_ONLY})


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("asking") / "lake"
    film(lake, "aa" * 6, FERRY, uri="/films/ferry.mp4")
    film(lake, "bb" * 6, BEES, uri="/films/bees.mp4")
    return lake


@pytest.fixture
def ask(
    lake: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    """``ask("Who?", "--json")`` in this process; ``ask("--chat", lines=...)`` down a pipe."""

    def run(*arguments: object, lines: str = "") -> Ran:
        words = [word for setting in QUICK[:2] for word in ("--set", setting)]
        argv = ["scenelake", "ask", str(lake), *map(str, arguments), *words]
        monkeypatch.setattr(sys, "argv", argv)
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        capsys.readouterr()
        code = execute()
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run


@pytest.fixture
def talk(lake: Path) -> Conversation:
    return Conversation(Asker(Lake(lake), CONFIG).setup())


def test_an_answer_is_printed_with_film_time_and_quote(ask: Callable[..., Ran]) -> None:
    told = ask("Who is the captain?")
    assert told.code == 0
    assert told.out.splitlines() == [
        "The captain is Martha Reeves.",
        "    ferry.mp4 0:11\N{EN DASH}0:12  The captain is Martha Reeves.",
    ]


def test_the_json_of_an_answer_has_all_its_fields(ask: Callable[..., Ran]) -> None:
    document = json.loads(ask("When did the ferry leave?", "--json").out)
    assert list(document) == [
        "answer",
        "grounded",
        "citations",
        "model",
        "choice",
        "spans",
        "question_id",
    ]
    (span,), (citation,) = document["spans"], document["citations"]
    assert span == {name: citation[name] for name in ("video_id", "uri", "start_s", "end_s")}


def test_an_option_is_chosen_with_its_letter(ask: Callable[..., Ran]) -> None:
    options = ("--option", "red", "--option", "green")
    told = ask("What colour was the ribbon?", *options)
    assert told.out.splitlines()[0] == "B) green"
    assert "cut a green ribbon" in told.out
    assert json.loads(ask("What colour was it?", *options, "--json").out)["choice"]


def test_only_the_named_film_is_asked(ask: Callable[..., Ran]) -> None:
    assert "does not tell" in ask("Who is the captain?", "--video", "bees.mp4").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "ask what?"),
        (("  ",), "ask what?"),
        (("Who?", "--video", "gone.mp4"), "no film named 'gone.mp4'"),
        (("Who?", "--option", "one"), "1 options: expected 2 to 26, or none"),
        (("Who?", "--questions", "q.jsonl"), "--questions FILE brings its own questions"),
        (("Who?", "--out", "a.parquet"), "go with --questions FILE"),
        (("Who?", "--dry-run"), "go with --questions FILE"),
        (("--chat", "--option", "a"), "--option goes with one QUESTION"),
        (("--questions", "gone.jsonl"), "gone.jsonl: no such file"),
        (("--questions", "q.txt"), "expected questions as .jsonl, .csv, .parquet"),
        (("Who?", "--set", "answer.engine=oracle"), "no engine is named 'oracle'"),
        (("Who?", "--set", "answer.engine=server"), "base_url is ''"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    ask: Callable[..., Ran], arguments: tuple[str, ...], said: str
) -> None:
    told = ask(*arguments)
    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert told.err.count("\n") == 1


def test_an_empty_lake_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no lake here"):
        Lake(tmp_path).check().ask("Who?")


@pytest.mark.parametrize(
    "question",
    [
        "What is it about?",
        "What's the film about?",
        "what is this video all about",
        "Summarise the film.",
        "Give me a summary",
        "What is the main topic of the talk?",
        "What happens in the video?",
        "How many people speak?",
        "In which city is the film set?",
    ],
)
def test_questions_about_films_as_wholes_are_known(question: str) -> None:
    assert asks_about_whole(question)


@pytest.mark.parametrize(
    "question",
    [
        "What did she say about the bridge?",
        "What is the book about whales called?",
        "How many people live in the town?",
        "What happens when the glue is dry?",
        "Where was the captain born?",
        "What is the main road called?",
    ],
)
def test_other_questions_are_not_taken_for_them(question: str) -> None:
    assert not asks_about_whole(question)


def test_films_as_wholes_are_told_one_by_one(ask: Callable[..., Ran]) -> None:
    told = ask("What is it about?", "--json")
    lines = json.loads(told.out)["answer"].splitlines()
    assert [line.partition(":")[0] for line in lines] == ["ferry.mp4", "bees.mp4"]
    assert "Welcome to this lecture on honey bees." in lines[1]
    alone = json.loads(ask("What is it about?", "--video", "bees.mp4", "--json").out)
    assert {citation["uri"] for citation in alone["citations"]} == {"/films/bees.mp4"}


def test_of_many_films_it_is_said_how_many_are_left_out(tmp_path: Path) -> None:
    for i in range(22):
        film(tmp_path, f"{i:02x}" * 6, ["The harbour has a new crane."], uri=f"/films/{i}.mp4")
    told = Lake(tmp_path).ask("What is it about?", config=CONFIG).answer.splitlines()
    assert (len(told), told[-1]) == (21, "and 2 more films, each by --video")


@pytest.mark.parametrize(
    ("line", "question", "answer", "understood"),
    [
        ("and where?", "When did the rocket fly?", "", "Where did the rocket fly?"),
        ("why?", "When did the rocket fly?", "", "Why did the rocket fly?"),
        ("and the dog?", "What is the cat called?", "", "What is the dog called?"),
        ("what about the mayor?", "Who is the captain?", "", "Who is the mayor?"),
        (
            "How old is she?",
            "Who is the captain?",
            "The captain is Martha Reeves.",
            "How old is Martha Reeves?",
        ),
        ("What does it carry?", "When did the ferry leave?", "", "What does the ferry carry?"),
        (
            "and where does her brother live?",
            "Who is Martha Reeves?",
            "",
            "Where does Martha Reeves's brother live?",
        ),
    ],
)
def test_a_follow_up_is_understood_by_what_was_asked_before(
    line: str, question: str, answer: str, understood: str
) -> None:
    assert not stands_alone(line)
    assert standing_alone(line, question=question, answer=answer) == understood


@pytest.mark.parametrize("line", ["Who is the captain?", "When did the ferry leave?", "hello"])
def test_a_question_of_its_own_is_taken_as_it_is(line: str) -> None:
    assert stands_alone(line)


def test_a_conversation_refers_back(talk: Conversation) -> None:
    assert "Martha Reeves" in talk.say("Who is the captain?").asked.answer
    years = talk.say("How long has she worked at sea?")
    assert years.understood == "How long has Martha Reeves worked at sea? in ferry.mp4"
    assert "22 years" in years.asked.answer
    assert talk.say("in which film?").asked.answer == "ferry.mp4 0:12\N{EN DASH}0:14."
    after = talk.say("what does she say next?").asked
    assert after.answer == "The mayor, Thomas Bell, cut a green ribbon."
    before = talk.say("what did she say before that?").asked
    assert before.answer == "She has worked at sea for 22 years."
    assert "Tuesday" in talk.say("When did the ferry leave the harbour?").asked.answer


def test_nothing_said_yet_is_nothing_to_refer_to(talk: Conversation) -> None:
    turn = talk.say("what does she say next?")
    assert not turn.asked.is_told
    assert "no answer yet" in turn.asked.answer


def test_after_the_last_sentence_nothing_comes_next(talk: Conversation) -> None:
    talk.say("Who paints the hives?")
    assert not talk.say("what comes next?").asked.is_told


def test_a_chat_down_a_pipe_answers_line_by_line_until_exit(ask: Callable[..., Ran]) -> None:
    told = ask("--chat", lines="Who is the captain?\n\nand the mayor?\nexit\nWho paints?\n")
    assert told.code == 0
    assert [line for line in told.out.splitlines() if not line.startswith("    ")] == [
        "The captain is Martha Reeves.",
        "The mayor, Thomas Bell, cut a green ribbon.",
    ]
    assert "(understood: Who is the mayor? in ferry.mp4)" in told.err


def test_a_chat_in_json_is_a_document_a_line(ask: Callable[..., Ran]) -> None:
    told = ask("--chat", "--json", lines="Who is the captain?\nand the mayor?\n")
    first, second = (json.loads(line) for line in told.out.splitlines())
    assert (first["understood"], second["line"]) == (None, "and the mayor?")
    assert "Thomas Bell" in second["answer"]


@pytest.fixture
def model(lake: Path) -> Iterator[Conversation]:
    """A conversation with a language model behind a server that follows a script."""

    def answer(request: dict[str, Any], _authorization: str) -> Answer:
        system, asked = (message["content"] for message in request["messages"])
        told = asked if isinstance(asked, str) else json.dumps(asked)
        if '"question"' in system:
            return completion(json.dumps({"question": "Who is the captain of the ferry?"}))
        scene = next(
            (line.split(",")[0].split()[1] for line in told.splitlines() if "Scene" in line), "1"
        )
        cited = [{"scene": int(scene), "quote": "captain is Martha Reeves"}]
        return completion(
            json.dumps({"citations": cited, "told": True, "answer": "Martha Reeves."})
        )

    with scripted_server(answer) as server:
        settings = {"engine": "server", "base_url": server.url, "model": server.model}
        sections = {"answer": {**settings, "sees": False, "n_scenes": 1}, "search": WORDS_ONLY}
        yield Conversation(Asker(Lake(lake), Config.model_validate(sections)).setup())


def test_a_language_model_rewrites_follow_ups_and_is_held_to_quotes(model: Conversation) -> None:
    first = model.say("Who is the captain?").asked
    assert (first.answer, first.citations[0].quote) == (
        "Martha Reeves.",
        "captain is Martha Reeves.",
    )
    turn = model.say("and who is she?")
    assert turn.understood == "Who is the captain of the ferry? in ferry.mp4"


def test_ctrl_c_ends_a_chat_quietly(lake: Path) -> None:
    code = "from tests.pipeline.asking import main; main()"
    words = [word for setting in QUICK for word in ("--set", setting)]
    with echo_engine():
        chat = subprocess.Popen(
            [sys.executable, "-c", code, "ask", str(lake), "--chat", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
        )
    assert chat.stdin is not None
    assert chat.stdout is not None
    chat.stdin.write("What about the captain?\n")
    chat.stdin.flush()
    assert "captain" in chat.stdout.readline()
    time.sleep(0.2)
    chat.send_signal(signal.SIGINT)
    _, err = chat.communicate(timeout=30)
    assert (chat.returncode, err.strip()) == (0, "")
