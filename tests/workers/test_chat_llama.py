"""Where a GGUF model and its eyes are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from scenelake.schemas.config import ChatConfig
from scenelake.schemas.errors import MissingWeightsError
from scenelake.workers.chat import Prompt, Saying
from scenelake.workers.chat_llama import LlamaChat
from scenelake.workers.weights import locate
from tests.media.tiny_vlm import write_mmproj

SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A vision model as a hub has it."""
    (tmp_path / SMOLLM2).symlink_to(locate("smollm2-135m") / SMOLLM2)
    write_mmproj(tmp_path / "mmproj-tiny.gguf")
    return tmp_path


def _chat(model: str = "", mmproj: str = "") -> LlamaChat:
    return LlamaChat(ChatConfig(engine="llama.cpp", model=model, mmproj=mmproj, context_tokens=512))


def test_without_a_name_it_is_the_model_that_comes_with_scenelake() -> None:
    chat = _chat()
    assert chat.model.startswith("smollm2-135m@")
    assert not chat.sees


def test_eyes_lie_beside_their_model_or_elsewhere(folder: Path) -> None:
    for mmproj in ("mmproj-tiny.gguf", str(folder / "mmproj-tiny.gguf"), str(folder)):
        chat = _chat(str(folder), mmproj)
        chat.setup()
        assert chat.sees
        assert isinstance(chat.say([Prompt("s", ("Hello.",), max_tokens=2)])[0], Saying)


def test_what_is_missing_or_not_clear_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match=r"eyes\.gguf"):
        _chat(str(folder), "eyes.gguf").setup()
    (folder / "other.gguf").write_bytes(b"")
    with pytest.raises(MissingWeightsError, match=r"other\.gguf.*name the file"):
        _chat(str(folder)).setup()
