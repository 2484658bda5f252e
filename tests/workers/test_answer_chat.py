"""Answers by a language model: what it is shown, and what of its reply may stand."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from scenelake.schemas.config import AnswerConfig
from scenelake.schemas.errors import UsageError
from scenelake.workers.answer_chat import ChatAnswerer
from scenelake.workers.chat import ChatError, Prompt
from scenelake.workers.engines import Query
from scenelake.workers.telling import NOT_TOLD
from tests.workers.asking import ask, assert_citations_hold, passage
from tests.workers.telling import ScriptedChat, frame, text_of, times_of

CONFIG = AnswerConfig(engine="server", context_tokens=8000)
FILM = (
    passage(2, "The captain is Martha Reeves.", frames=[frame(21.0), frame(26.0)]),
    passage(0, "The new ferry left on Tuesday.", screen=["PORT OF LINDHOLM"], frames=[frame(4.0)]),
)
"""Best first; the second comes earlier in the film."""


def said(
    answer: str, *citations: tuple[int, str], told: bool = True, choice: str | None = None
) -> str:
    cited = [{"scene": scene, "quote": quote} for scene, quote in citations]
    reply = {"citations": cited, "told": told, "answer": answer}
    return json.dumps(reply | ({"choice": choice} if choice else {}))


def answerer(*replies: str | ChatError, sees: bool = True) -> tuple[ChatAnswerer, ScriptedChat]:
    left = iter(replies)
    chat = ScriptedChat(lambda _prompt: next(left), sees=sees)
    return ChatAnswerer(CONFIG, chat), chat


def test_the_model_sees_pictures_and_words_in_time_order() -> None:
    model, chat = answerer(said("Martha Reeves.", (2, "captain is Martha Reeves")))
    ask(model, "Who is the captain?", FILM)
    (prompt,) = chat.prompts
    assert times_of(prompt) == (4.0, 21.0, 26.0)
    text = text_of(prompt)
    order = [text.index(part) for part in ("left on Tuesday", "Martha", "Who is the captain?")]
    assert order == sorted(order)
    assert "PORT OF LINDHOLM" in text


def test_an_answer_that_its_citation_bears_out_stands() -> None:
    model, _ = answerer(said("Martha Reeves is the captain.", (2, "the captain is martha reeves")))
    reply = ask(model, "Who is the captain?", FILM)
    assert reply.answer == "Martha Reeves is the captain."
    assert reply.citations[0].quote == "The captain is Martha Reeves."
    assert reply.frames_s == (4.0, 21.0, 26.0)
    assert_citations_hold(reply, FILM)


@pytest.mark.parametrize(
    "reply",
    [
        said("Anna Moore.", (2, "The captain is Anna Moore.")),
        said("Anna Moore."),
        said("", told=False),
        said("Martha Reeves.", (7, "The captain is Martha Reeves.")),
        said("Martha Reeves.", (1, "The captain is Martha Reeves.")),
    ],
    ids=["quote is made up", "no citation", "not told", "no such scene", "another scene"],
)
def test_an_answer_without_a_quote_that_holds_is_none(reply: str) -> None:
    model, _ = answerer(reply)
    found = ask(model, "Who is the captain?", FILM)
    assert (found.answer, found.grounded, found.citations) == (NOT_TOLD, False, ())


def test_a_name_that_no_scene_holds_gives_way_to_the_quote() -> None:
    model, _ = answerer(said("Martha Reeves of Dublin.", (2, "captain is Martha Reeves")))
    assert ask(model, "Who is the captain?", FILM).answer == "captain is Martha Reeves."


def test_what_is_only_seen_is_cited_without_a_quote() -> None:
    seen = said("A white square.", (1, ""))
    with_eyes, _ = answerer(seen)
    reply = ask(with_eyes, "What is shown?", FILM)
    assert (reply.answer, reply.citations[0].quote) == ("A white square.", "")
    blind, _ = answerer(seen, sees=False)
    assert ask(blind, "What is shown?", FILM).answer == NOT_TOLD


def test_options_are_chosen_by_letter() -> None:
    model, chat = answerer(said("On Tuesday.", (1, "left on Tuesday"), choice="B"))
    reply = ask(model, "When did it leave?", FILM, options=("on Monday", "on Tuesday"))
    assert reply.choice == "B) on Tuesday"
    assert "A) on Monday" in text_of(chat.prompts[0])
    assert reply.spans[0].start_s == reply.citations[0].start_s


def test_one_failing_question_leaves_the_others_alone() -> None:
    model, chat = answerer(ChatError("no"), said("Martha Reeves.", (2, "Martha Reeves")))
    replies = model.answer([Query("Who?", FILM), Query("Who is the captain?", FILM)])
    assert isinstance(replies[0], ChatError)
    assert getattr(replies[1], "answer", "") == "Martha Reeves."
    assert len(chat.calls) == 1
    assert model.take_usage().n_prompts == 2


def test_no_scenes_need_no_model() -> None:
    model, chat = answerer()
    assert ask(model, "Who?", []).answer == NOT_TOLD
    assert not chat.calls


def test_a_prompt_keeps_to_its_budget_and_to_the_best_scenes() -> None:
    small = AnswerConfig(engine="server", context_tokens=2600, max_tokens=400)
    long = [passage(i, f"Number {i} " + "and so it goes on and on " * 60) for i in range(40)]
    chat = ScriptedChat(lambda _prompt: said("", told=False), sees=False)
    ask(ChatAnswerer(small, chat), "Who?", long)
    text = text_of(chat.prompts[0])
    assert len(text) / 3 < 2600 - 400
    assert "Number 0 " in text
    assert "Number 39 " not in text


def test_too_small_a_budget_is_said_before_anything_is_asked() -> None:
    with pytest.raises(UsageError, match=r"answer\.max_tokens is 60"):
        ChatAnswerer(AnswerConfig(max_tokens=60), ScriptedChat(lambda _: ""))
    with pytest.raises(UsageError, match=r"answer\.context_tokens is 900"):
        ChatAnswerer(AnswerConfig(context_tokens=900), ScriptedChat(lambda _: ""))


def test_the_prompt_hash_follows_what_shapes_an_answer() -> None:
    def hashed(**settings: int) -> str:
        config = CONFIG.model_copy(update=settings)
        return ChatAnswerer(config, ScriptedChat(lambda _: "")).prompt_hash

    assert hashed() == hashed()
    assert len({hashed(), hashed(max_frames=1), hashed(n_scenes=3)}) == 3


def test_a_follow_up_is_rewritten_in_the_light_of_the_conversation() -> None:
    model, chat = answerer(json.dumps({"question": "Where does Martha Reeves live?"}))
    turns = [("Who is the captain?", "Martha Reeves.")]
    assert model.condense(turns, "and where does she live?") == "Where does Martha Reeves live?"
    assert "Martha Reeves." in text_of(chat.prompts[0])


def whole_model(**script: Callable[[Prompt], str]) -> tuple[ChatAnswerer, ScriptedChat]:
    """A model that takes notes of the first numbers it is given, and then answers from them."""

    def answer(prompt: Prompt) -> str:
        kind = "notes" if '"notes"' in prompt.system else "whole"
        return script[kind](prompt)

    chat = ScriptedChat(answer, sees=False)
    config = AnswerConfig(engine="server", context_tokens=2600, max_tokens=400)
    return ChatAnswerer(config, chat), chat


def first_notes(prompt: Prompt) -> str:
    lines = [line for line in text_of(prompt).splitlines() if line.split(".")[0].isdigit()]
    notes = [
        {"number": int(line.split(".")[0]), "quote": _word(line), "note": f"They say {_word(line)}"}
        for line in lines[:4]
    ]
    return json.dumps({"notes": notes})


def _word(line: str) -> str:
    return next(word for word in line.replace('"', " ").split() if word.startswith("word"))


def test_a_whole_film_is_read_in_parts_that_fit_and_every_scene_is_among_them() -> None:
    film = [passage(i, f"Here comes word{i:03} " + "and more " * 40) for i in range(60)]
    model, chat = whole_model(
        notes=first_notes,
        whole=lambda _: json.dumps({"numbers": [1, 2], "answer": "They say word000."}),
    )
    reply = ask(model, "What is it about?", film, is_whole=True, summary="A film of words.")
    assert reply.answer == "They say word000."
    assert_citations_hold(reply, film)
    told = "\n".join(text_of(prompt) for prompt in chat.prompts)
    assert all(f"word{i:03}" in told for i in range(60))
    assert max(len(text_of(prompt)) for prompt in chat.prompts) / 3 < 2600 - 400
    assert "A film of words." in text_of(chat.prompts[-1])


def test_notes_that_the_film_does_not_hold_are_dropped() -> None:
    film = [passage(i, f"Here comes word{i:03} now.") for i in range(8)]
    made_up = json.dumps({"notes": [{"number": 1, "quote": "a purple elephant", "note": "It."}]})
    model, _ = whole_model(notes=lambda _: made_up, whole=lambda _: "{}")
    assert ask(model, "What is it about?", film, is_whole=True).answer == NOT_TOLD


def test_a_sentence_about_the_whole_with_an_unknown_name_is_left_out() -> None:
    film = [passage(i, f"Here comes word{i:03} now.") for i in range(8)]
    answer = "They say word001. It was filmed in Paris."
    model, _ = whole_model(
        notes=first_notes, whole=lambda _: json.dumps({"numbers": [1], "answer": answer})
    )
    assert ask(model, "What is it about?", film, is_whole=True).answer == "They say word001."


def test_a_part_that_the_model_fails_on_is_left_out() -> None:
    film = [passage(i, f"Here comes word{i:03} " + "and more " * 40) for i in range(60)]
    seen: list[Prompt] = []

    def notes(prompt: Prompt) -> str:
        seen.append(prompt)
        return "no JSON" if len(seen) == 1 else first_notes(prompt)

    model, _ = whole_model(
        notes=notes, whole=lambda _: json.dumps({"numbers": [1], "answer": "They say it."})
    )
    assert ask(model, "What is it about?", film, is_whole=True).citations
