"""What can go wrong with a server of language models."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from scenelake.schemas.config import ChatConfig
from scenelake.schemas.errors import TransientError, UsageError
from scenelake.workers.chat import ChatError, Prompt, Saying, Usage
from scenelake.workers.chat_server import ServerChat
from scenelake.workers.chat_trouble import pause_s, retry_after_s
from scenelake.workers.weights import locate
from tests.media.chat_servers import (
    Answer,
    ChatServer,
    completion,
    llama_server,
    refusal,
    scripted_server,
)
from tests.media.fault_proxy import KINDS, FaultProxy, faulty
from tests.media.ports import free_ports

SCHEMA = {
    "type": "object",
    "properties": {"scene": {"type": "integer", "minimum": 0, "maximum": 99}},
    "required": ["scene"],
    "additionalProperties": False,
}


def _prompt(number: int, *, schema: dict[str, Any] | None = SCHEMA) -> Prompt:
    text = f"This is scene {number}. Which scene is it?"
    return Prompt("You count.", (text,), max_tokens=40, json_schema=schema)


@contextmanager
def _chat(server: ChatServer, **config: Any) -> Iterator[ServerChat]:
    settings = {"base_url": server.url, "model": server.model, "timeout_s": 20.0, **config}
    chat = ServerChat(ChatConfig(engine="server", **settings))
    chat.setup()
    yield chat
    chat.close()


def _texts(replies: list[Saying | ChatError]) -> list[str]:
    return [reply.text if isinstance(reply, Saying) else str(reply) for reply in replies]


def _total(replies: list[Saying | ChatError]) -> Usage:
    return sum((reply.usage for reply in replies), Usage())


def _asked(request: dict[str, Any]) -> str:
    content = request["messages"][-1]["content"]
    assert isinstance(content, str)
    return content


def _parrot(request: dict[str, Any], key: str) -> Answer:
    """Knows which scene it is asked about."""
    found = re.search(r"scene (\d+)", _asked(request))
    assert found
    return completion(json.dumps({"scene": int(found[1])}))


def _counted(*answers: Answer) -> Callable[[dict[str, Any], str], Answer]:
    """These answers in turn, the last one for ever."""
    left = list(answers)
    return lambda request, key: left.pop(0) if len(left) > 1 else left[0]


def test_a_hundred_scenes_come_through_all_faults_each_with_its_own_reply() -> None:
    with (
        scripted_server(_parrot) as server,
        faulty(FaultProxy(server.port, seed=3, slow_s=3.0)) as proxy,
        _chat(server, base_url=proxy.url, timeout_s=2.5, concurrency=24) as chat,
    ):
        replies = chat.say([_prompt(number) for number in range(100)])
        assert _texts(replies) == [f'{{"scene": {number}}}' for number in range(100)]
        usage = _total(replies)
        assert set(proxy.done) == {*KINDS, "passed"}
        assert usage.n_retries == sum(proxy.done[k] for k in KINDS if k != "reply")
        assert usage.n_repairs == proxy.done["reply"]
        assert (usage.n_prompts, usage.n_failed) == (100, 0)


def test_faults_change_no_word_of_a_real_servers_replies() -> None:
    gguf = locate("smollm2-135m") / "SmolLM2-135M-Instruct.Q4_1.gguf"
    prompts = [_prompt(number) for number in range(3)]
    with llama_server(gguf, n_ctx=512) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("THE_KEY", server.key)
        with _chat(server, api_key_env="THE_KEY") as chat:
            plain = chat.say(prompts)
        kinds = ("429", "500", "cut", "body")
        with (
            faulty(FaultProxy(server.port, share=1.0, kinds=kinds)) as proxy,
            _chat(server, base_url=proxy.url, api_key_env="THE_KEY") as chat,
        ):
            faced = chat.say(prompts)
    assert all(isinstance(json.loads(text)["scene"], int) for text in _texts(plain))
    assert _texts(faced) == _texts(plain)
    assert _total(faced).n_retries > 0
    assert _total(plain).n_retries == 0


def test_a_server_that_is_not_there_is_named_with_what_to_do() -> None:
    (port,) = free_ports(1)
    nobody = ChatServer(f"http://user:word@127.0.0.1:{port}/v1", key="", model="any")
    with (
        _chat(nobody, attempts=1) as chat,
        pytest.raises(TransientError, match=rf"127.0.0.1:{port}/v1 .*base_url") as caught,
    ):
        chat.say([_prompt(1), _prompt(2)])
    assert "word" not in str(caught.value)


def test_a_busy_server_is_asked_again_later() -> None:
    busy = refusal(429, "busy", **{"Retry-After": "0"})
    with scripted_server(_counted(busy, busy, completion("yes"))) as server, _chat(server) as chat:
        said = chat.say([_prompt(1, schema=None)])[0]
    assert isinstance(said, Saying)
    assert said.text == "yes"
    assert said.usage.n_retries == 2


def test_a_server_that_stays_busy_is_for_later() -> None:
    busy = refusal(503, "loading the model", **{"Retry-After": "0"})
    with (
        scripted_server(_counted(busy)) as server,
        _chat(server, attempts=3) as chat,
        pytest.raises(TransientError, match=r"3 attempts.*loading the model"),
    ):
        chat.say([_prompt(1)])


@pytest.mark.parametrize(("status", "words"), [(401, "MY_KEY"), (403, "MY_KEY"), (404, "parrot")])
def test_a_wrong_key_or_model_ends_the_run(status: int, words: str) -> None:
    with (
        scripted_server(_counted(refusal(status, "no such thing"))) as server,
        _chat(server, api_key_env="MY_KEY") as chat,
        pytest.raises(UsageError, match=words),
    ):
        chat.say([_prompt(1), _prompt(2)])


def test_the_key_goes_to_the_server_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", "very-secret")
    keys: list[str] = []

    def answer(request: dict[str, Any], key: str) -> Answer:
        keys.append(key)
        return refusal(400, "no")

    with (
        caplog.at_level(logging.DEBUG),
        scripted_server(answer) as server,
        _chat(server, api_key_env="MY_KEY") as chat,
    ):
        failed = chat.say([_prompt(1)])[0]
        assert "very-secret" not in chat.model
    assert keys == ["Bearer very-secret"]
    assert "very-secret" not in f"{failed} {caplog.text}"


def test_a_server_without_response_format_is_asked_without_from_then_on() -> None:
    formats: list[bool] = []

    def answer(request: dict[str, Any], key: str) -> Answer:
        formats.append("response_format" in request)
        if formats[-1]:
            return refusal(422, "Unexpected fields: response_format")
        assert '"integer"' in request["messages"][0]["content"]
        return _parrot(request, key)

    with scripted_server(answer) as server, _chat(server, attempts=1) as chat:
        assert _texts(chat.say([_prompt(1)])) == ['{"scene": 1}']
        assert _texts(chat.say([_prompt(2)])) == ['{"scene": 2}']
    assert formats == [True, False, False]


@pytest.mark.parametrize(
    ("structured", "kind"), [("schema", "json_schema"), ("json", "json_object"), ("none", None)]
)
def test_a_server_is_asked_for_as_much_structure_as_configured(
    structured: str, kind: str | None
) -> None:
    kinds: list[str | None] = []

    def answer(request: dict[str, Any], key: str) -> Answer:
        kinds.append(request.get("response_format", {}).get("type"))
        return _parrot(request, key)

    with scripted_server(answer) as server, _chat(server, structured=structured) as chat:
        assert _texts(chat.say([_prompt(4)])) == ['{"scene": 4}']
    assert kinds == [kind]


def test_a_reply_that_is_cut_off_is_asked_for_again() -> None:
    cut, whole = completion('{"scene": 4', finish="length"), completion('{"scene": 4}')
    with scripted_server(_counted(cut, whole)) as server, _chat(server) as chat:
        said = chat.say([_prompt(4)])[0]
    assert said.usage == Usage(
        n_prompts=1, n_prompt_tokens=14, n_reply_tokens=6, n_repairs=1, wait_s=said.usage.wait_s
    )


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 2048 tokens. However, you requested 3000.",
        "request (4061 tokens) exceeds the available context size (2048 tokens)",
        "The input (3000 tokens) is longer than the model's context length (2048 tokens).",
    ],
)
def test_a_prompt_that_is_too_long_fails_alone_and_says_so(said: str) -> None:
    def answer(request: dict[str, Any], key: str) -> Answer:
        return refusal(400, said) if "scene 2" in _asked(request) else _parrot(request, key)

    with scripted_server(answer) as server, _chat(server) as chat:
        one, two, three = chat.say([_prompt(n) for n in (1, 2, 3)])
    assert isinstance(one, Saying)
    assert isinstance(three, Saying)
    assert isinstance(two, ChatError)
    assert "too long" in str(two)
    assert two.usage == Usage(n_prompts=1, n_failed=1)


def test_a_server_needs_an_address_and_a_model() -> None:
    with pytest.raises(UsageError, match="base_url"):
        ServerChat(ChatConfig(engine="server", model="any"))
    with pytest.raises(UsageError, match="model"):
        ServerChat(ChatConfig(engine="server", base_url="http://127.0.0.1:1/v1"))


def test_pauses_grow_up_to_a_ceiling_and_obey_the_server() -> None:
    for n_failed, longest_s in ((1, 0.5), (2, 1.0), (5, 8.0), (50, 30.0)):
        assert longest_s / 2 <= pause_s(n_failed, told_s=None, ceiling_s=60.0) <= longest_s
    assert pause_s(1, told_s=7.0, ceiling_s=60.0) == 7.0
    assert pause_s(1, told_s=3600.0, ceiling_s=60.0) == 60.0


def test_a_server_tells_seconds_or_a_date() -> None:
    assert retry_after_s({"retry-after": "12"}) == 12.0
    assert retry_after_s({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0
    later_s = retry_after_s({"retry-after": "Wed, 21 Oct 2093 07:28:00 GMT"})
    assert later_s is not None
    assert later_s > 1e9
    for nonsense in ("soon", "nan", ""):
        assert retry_after_s({"retry-after": nonsense}) is None
