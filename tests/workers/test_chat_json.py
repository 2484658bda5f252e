"""Replies that are to be of a schema, whatever a model makes of that."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from scenelake.workers.chat import ChatError, Prompt, Saying, Usage
from scenelake.workers.chat_json import Raw, say_all, with_schema

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}},
    "required": ["title"],
    "additionalProperties": False,
}
GOOD = '{"title": "A cat"}'


class Script:
    """Gives replies from a list, in turn, and keeps what it was asked."""

    def __init__(self, *replies: str | Raw | ChatError) -> None:
        self._replies: Iterator[str | Raw | ChatError] = iter(replies)
        self.asked: list[Prompt] = []

    def __call__(self, prompts: Sequence[Prompt]) -> list[Raw | ChatError]:
        self.asked += prompts
        return [_raw(next(self._replies)) for _ in prompts]


def _raw(reply: str | Raw | ChatError) -> Raw | ChatError:
    if isinstance(reply, str):
        return Raw(reply, is_cut=False, usage=Usage(n_prompt_tokens=10, n_reply_tokens=2))
    return reply


def _prompt(text: str = "Describe.") -> Prompt:
    return Prompt("You describe.", (text,), max_tokens=20, json_schema=SCHEMA)


@pytest.mark.parametrize(
    "reply",
    [GOOD, f"```json\n{GOOD}\n```", f"Here you are: {GOOD} I hope that helps!", f"\n {GOOD}\n"],
)
def test_a_document_is_found_among_other_words(reply: str) -> None:
    said = say_all([_prompt()], Script(reply))[0]
    assert isinstance(said, Saying)
    assert json.loads(said.text) == {"title": "A cat"}
    assert said.usage == Usage(n_prompts=1, n_prompt_tokens=10, n_reply_tokens=2)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("A cat.", "not JSON"),
        ('{"title": 3}', "3 is not of type 'string'"),
        ('{"name": "A cat"}', "title"),
        ('{"title": "A c', "not JSON"),
    ],
)
def test_a_bad_reply_is_shown_to_the_model_with_what_is_wrong(bad: str, why: str) -> None:
    script = Script(bad, GOOD)
    said = say_all([_prompt()], script)[0]
    assert isinstance(said, Saying)
    assert said.usage.n_repairs == 1
    assert said.usage.n_prompt_tokens == 20
    shown = script.asked[1].parts[-1]
    assert isinstance(shown, str)
    assert bad in shown
    assert why in shown


def test_a_reply_that_is_cut_off_is_asked_for_again() -> None:
    cut = Raw(GOOD, is_cut=True, usage=Usage())
    said = say_all([_prompt()], Script(cut, GOOD))[0]
    assert said.usage.n_repairs == 1


def test_after_two_bad_replies_that_prompt_fails_and_no_other() -> None:
    prompts = [_prompt("one"), _prompt("two"), _prompt("three")]
    one, two, three = say_all(prompts, Script(GOOD, "no", GOOD, "no again"))
    assert isinstance(one, Saying)
    assert isinstance(three, Saying)
    assert isinstance(two, ChatError)
    assert "schema" in str(two)
    assert (two.usage.n_prompts, two.usage.n_failed, two.usage.n_repairs) == (1, 1, 1)


def test_a_prompt_that_fails_is_not_asked_again() -> None:
    script = Script(ChatError("too long"), GOOD)
    failed, said = say_all([_prompt(), _prompt()], script)
    assert isinstance(failed, ChatError)
    assert isinstance(said, Saying)
    assert len(script.asked) == 2


def test_a_repair_that_fails_tells_of_both() -> None:
    failed = say_all([_prompt()], Script("no", ChatError("no connection")))[0]
    assert isinstance(failed, ChatError)
    assert "not JSON" in str(failed)
    assert "no connection" in str(failed)
    assert failed.usage.n_prompt_tokens == 10


def test_without_a_schema_a_reply_is_taken_as_it_is_even_cut() -> None:
    cut = Raw(" A cat and a ", is_cut=True, usage=Usage())
    said = say_all([Prompt("s", ("p",), max_tokens=5)], Script(cut))[0]
    assert isinstance(said, Saying)
    assert said.text == "A cat and a"


def test_a_schema_can_be_told_in_words() -> None:
    assert '"title"' in with_schema(_prompt()).system
    plain = Prompt("s", ("p",), max_tokens=5)
    assert with_schema(plain) == plain
