"""One set of truths for every way to reach a language model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest

from scenelake.schemas.config import ChatConfig
from scenelake.workers.chat import ChatError, ChatModel, Image, Prompt, Saying, Usage
from scenelake.workers.chat_llama import LlamaChat
from scenelake.workers.chat_server import ServerChat
from scenelake.workers.chat_transformers import TransformersChat
from scenelake.workers.weights import locate
from tests.media import tiny_vlm
from tests.media.chat_servers import ChatServer, llama_server, transformers_server

CONTEXT_TOKENS = 1024
SCHEMA = {
    "type": "object",
    "properties": {"animal": {"enum": ["cat", "dog"]}},
    "required": ["animal"],
    "additionalProperties": False,
}

Open = Callable[[Path], AbstractContextManager[ChatModel]]


@dataclass(frozen=True, slots=True)
class Talk:
    """What a model said to the same prompts at once and one by one."""

    chat: ChatModel
    at_once: list[Saying | ChatError]
    one_by_one: list[Saying | ChatError]

    def text(self, name: str) -> str:
        reply = self.at_once[NAMES.index(name)]
        assert isinstance(reply, Saying), f"{name}: {reply}"
        return reply.text


def _picture(grey: int, time_s: float) -> Image:
    pixels = np.full((48, 80, 3), grey, np.uint8)
    return Image(cv2.imencode(".jpg", pixels)[1].tobytes(), time_s)


def _prompt(*parts: str | Image, max_tokens: int = 8) -> Prompt:
    return Prompt("You tell what you see and hear.", parts, max_tokens)


PROMPTS = {
    "words": _prompt("A cat purrs. What do you hear?"),
    "dark": _prompt("Here is a picture.", _picture(20, 1.0), "What is it?"),
    "broken": _prompt("Here is a picture.", Image(b"\xff\xd8\xff and no more", 2.0), "What is it?"),
    "endless": _prompt("and so on " * 2000),
    "two": _prompt(_picture(60, 1.0), "and then", _picture(180, 3.5), "What is it?", max_tokens=5),
    "dark again": _prompt("Here is a picture.", _picture(20, 1.0), "What is it?"),
    "bright": _prompt("Here is a picture.", _picture(230, 1.0), "What is it?"),
}
NAMES = list(PROMPTS)
BAD = ("broken", "endless")


@contextmanager
def _llama(folder: Path) -> Iterator[ChatModel]:
    mmproj = tiny_vlm.write_mmproj(folder / "eyes.gguf")
    yield _ready(LlamaChat, mmproj=str(mmproj))


@contextmanager
def _llama_server(folder: Path) -> Iterator[ChatModel]:
    gguf = locate("smollm2-135m") / "SmolLM2-135M-Instruct.Q4_1.gguf"
    mmproj = tiny_vlm.write_mmproj(folder / "eyes.gguf")
    with llama_server(gguf, mmproj=mmproj, n_ctx=CONTEXT_TOKENS) as server:
        yield from _client(server)


@contextmanager
def _transformers_server(folder: Path) -> Iterator[ChatModel]:
    model = tiny_vlm.qwen3_vl(folder / "model")
    with transformers_server(model, log=folder / "log.txt") as server:
        yield from _client(server)


def _client(server: ChatServer) -> Iterator[ChatModel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("A_KEY", server.key)
        client = _ready(
            ServerChat,
            base_url=server.url,
            model=server.model,
            api_key_env="A_KEY",
            attempts=2,
        )
    yield client
    client.close()


def _in_process(family: str) -> Open:
    @contextmanager
    def opened(folder: Path) -> Iterator[ChatModel]:
        model = tiny_vlm.FAMILIES[family](folder / family)
        yield _ready(TransformersChat, model=str(model), concurrency=4, device="cpu")

    return opened


def _ready(kind: Any, **config: Any) -> Any:
    chat = kind(ChatConfig(engine="any", context_tokens=CONTEXT_TOKENS, **config))
    assert chat.sees
    assert "@" in chat.model
    chat.setup()
    return chat


MODELS: dict[str, Open] = {
    "llama": _llama,
    "llama server": _llama_server,
    "transformers server": _transformers_server,
    **{family: _in_process(family) for family in tiny_vlm.FAMILIES},
}
BOUND = ("llama", "llama server")
"""Those that cannot but keep to a schema."""


@pytest.fixture(scope="module", params=list(MODELS))
def talk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Talk]:
    with MODELS[request.param](tmp_path_factory.mktemp("model")) as chat:
        prompts = list(PROMPTS.values())
        if request.param == "transformers server":  # takes any length, until memory ends
            prompts[NAMES.index("endless")] = PROMPTS["broken"]
        at_once = chat.say(prompts)
        yield Talk(chat, at_once, [chat.say([prompt])[0] for prompt in prompts])


def test_bad_prompts_fail_alone(talk: Talk) -> None:
    failed = [n for n, r in zip(NAMES, talk.at_once, strict=True) if isinstance(r, ChatError)]
    assert tuple(failed) == BAD


def test_a_prompt_that_is_too_long_says_so(talk: Talk, request: pytest.FixtureRequest) -> None:
    if "transformers server" in request.node.name:
        pytest.skip("it takes prompts of any length")
    assert "too long" in str(talk.at_once[NAMES.index("endless")])


def test_replies_stand_where_their_prompts_do(talk: Talk) -> None:
    assert _texts(talk.at_once) == _texts(talk.one_by_one)


def test_equal_prompts_get_equal_replies(talk: Talk) -> None:
    assert talk.text("dark") == talk.text("dark again")


def test_what_a_picture_shows_matters(talk: Talk) -> None:
    assert len({talk.text("dark"), talk.text("bright"), talk.text("words")}) == 3


def test_nothing_is_said_to_nothing(talk: Talk) -> None:
    assert talk.chat.say([]) == []


def test_usage_adds_up(talk: Talk) -> None:
    total = sum((reply.usage for reply in talk.at_once), Usage())
    assert (total.n_prompts, total.n_failed) == (len(PROMPTS), len(BAD))
    for name, prompt in PROMPTS.items():
        usage = talk.at_once[NAMES.index(name)].usage
        if name not in BAD:
            assert 0 < usage.n_reply_tokens <= prompt.max_tokens
            assert usage.n_prompt_tokens > usage.n_reply_tokens
            assert usage.wait_s > 0
    words, dark = (talk.at_once[NAMES.index(n)].usage for n in ("words", "dark"))
    assert dark.n_prompt_tokens > words.n_prompt_tokens


def test_a_reply_is_of_its_schema_or_an_error(talk: Talk, request: pytest.FixtureRequest) -> None:
    asked = Prompt("You choose.", ("It purrs. Which animal?",), 20, json_schema=SCHEMA)
    reply = talk.chat.say([asked])[0]
    if isinstance(reply, Saying):
        jsonschema.validate(json.loads(reply.text), SCHEMA)
    else:
        assert not any(f"[{name}]" in request.node.name for name in BOUND)
        assert (reply.usage.n_repairs, reply.usage.n_failed) == (1, 1)


def _texts(replies: list[Saying | ChatError]) -> list[str]:
    return [reply.text if isinstance(reply, Saying) else "failed" for reply in replies]
