from __future__ import annotations

import json
from pathlib import Path

import pytest

from scenelake.schemas.errors import MissingWeightsError
from scenelake.workers.llm import LocalLlm, load_smollm2, prompts_hash
from scenelake.workers.weights import locate

SYSTEM = "You answer in one short sentence."


@pytest.fixture(scope="module")
def llm() -> LocalLlm:
    return load_smollm2()


def test_equal_prompts_get_equal_answers_whatever_came_between(llm: LocalLlm) -> None:
    question = "The cat is called Chelsea and she sleeps in the sun. Describe the cat."
    first = llm.chat(SYSTEM, question, max_tokens=40)
    llm.chat(SYSTEM, "The cat is black. Describe it.", max_tokens=10)
    assert first
    assert llm.chat(SYSTEM, question, max_tokens=40) == first


def test_a_prompt_longer_than_the_context_is_cut_at_its_end() -> None:
    llm = LocalLlm(locate("smollm2-135m") / "SmolLM2-135M-Instruct.Q4_1.gguf", n_ctx=256)
    crowded = "\u0416\u4e2d9 " * 4000
    assert llm.chat(SYSTEM, f"Say hello. {crowded}", max_tokens=5)


def test_a_system_prompt_that_does_not_fit_is_an_error() -> None:
    llm = LocalLlm(locate("smollm2-135m") / "SmolLM2-135M-Instruct.Q4_1.gguf", n_ctx=256)
    with pytest.raises(RuntimeError, match="context size"):
        llm.chat(SYSTEM * 100, "Hello.", max_tokens=5)


def test_a_schema_binds_the_reply(llm: LocalLlm) -> None:
    schema = {
        "type": "object",
        "properties": {"animal": {"enum": ["cat", "dog"]}},
        "required": ["animal"],
        "additionalProperties": False,
    }
    reply = llm.chat(SYSTEM, "It purrs. Which animal?", max_tokens=30, json_schema=schema)
    assert json.loads(reply)["animal"] in ("cat", "dog")


def test_llama_cpp_writes_nothing_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    load_smollm2().chat(SYSTEM, "Say hello.", max_tokens=3)
    assert capfd.readouterr() == ("", "")


def test_missing_and_damaged_weights_are_named(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"not a model")
    for path in (tmp_path / "none.gguf", damaged):
        with pytest.raises(MissingWeightsError, match=path.name):
            LocalLlm(path)


@pytest.mark.parametrize("max_tokens", [0, 2048])
def test_an_answer_needs_room(llm: LocalLlm, max_tokens: int) -> None:
    with pytest.raises(ValueError, match=f"max_tokens is {max_tokens}"):
        llm.chat(SYSTEM, "Hello.", max_tokens=max_tokens)


def test_a_hash_tells_prompts_and_settings_apart() -> None:
    one = prompts_hash(["describe"], settings={"max_tokens": 60})
    assert one == prompts_hash(["describe"], settings={"max_tokens": 60})
    assert one != prompts_hash(["answer"], settings={"max_tokens": 60})
    assert one != prompts_hash(["describe"], settings={"max_tokens": 61})
