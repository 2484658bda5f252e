"""What is special to models of transformers in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scenelake.schemas.config import ChatConfig
from scenelake.schemas.errors import MissingWeightsError, UsageError
from scenelake.workers.chat import ChatError, Prompt, Saying
from scenelake.workers.chat_transformers import TransformersChat
from tests.media import tiny_vlm


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_vlm.internvl(tmp_path_factory.mktemp("internvl"))


def _chat(folder: Path, **config: Any) -> TransformersChat:
    chat = TransformersChat(
        ChatConfig(engine="transformers", model=str(folder), device="cpu", **config)
    )
    chat.setup()
    return chat


def _prompts(n: int) -> list[Prompt]:
    return [Prompt("s", (f"prompt {i} {'x' * i}",), max_tokens=4) for i in range(n)]


def _texts(replies: list[Saying | ChatError]) -> list[str]:
    return [reply.text if isinstance(reply, Saying) else str(reply) for reply in replies]


class _Small:
    """A model on a device whose memory holds `n_rows` prompts at once."""

    def __init__(self, model: Any, n_rows: int) -> None:
        self._model, self._n_rows = model, n_rows
        self.sizes: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, **inputs: Any) -> Any:
        import torch

        self.sizes.append(len(inputs["input_ids"]))
        if self.sizes[-1] > self._n_rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return self._model.generate(**inputs)


def test_a_batch_that_is_too_large_is_tried_in_halves(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = _chat(folder, concurrency=4)
    whole = chat.say(_prompts(4))
    small = _Small(chat._model, 1)
    monkeypatch.setattr(chat, "_model", small)
    assert _texts(chat.say(_prompts(4))) == _texts(whole)
    assert small.sizes == [4, 2, 1, 1, 2, 1, 1]


def test_a_prompt_that_alone_is_too_large_fails_and_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = _chat(folder)
    monkeypatch.setattr(chat, "_model", _Small(chat._model, 0))
    for reply in chat.say(_prompts(2)):
        assert isinstance(reply, ChatError)
        assert "memory" in str(reply)


@pytest.mark.parametrize("quantization", ["int8", "int4"])
def test_weights_in_fewer_bits_still_speak(folder: Path, quantization: str) -> None:
    chat = _chat(folder, quantization=quantization)
    kinds = {type(weight).__name__ for weight in chat._model.parameters()}
    assert any("Int" in kind or "Quantized" in kind for kind in kinds)
    assert all(isinstance(reply, Saying) for reply in chat.say(_prompts(3)))


def test_a_model_must_be_named_and_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="model"):
        TransformersChat(ChatConfig(engine="transformers"))
    with pytest.raises(MissingWeightsError):
        _chat(tmp_path)
