"""Language models in this process by llama.cpp: any GGUF, with an mmproj also vision models."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from scenelake.schemas.config import ChatConfig
from scenelake.schemas.errors import MissingWeightsError
from scenelake.workers import weights
from scenelake.workers.chat import ChatError, Prompt, Saying, Usage
from scenelake.workers.chat_json import Raw, say_all
from scenelake.workers.chat_messages import messages
from scenelake.workers.llama import Llama, RefusedError, TooLongError
from scenelake.workers.llm import SMOLLM2


class LlamaChat:
    """One GGUF; prompts are answered one after the other, on one core unless a GPU is there.

    Equal prompts get equal replies, in whatever order they come. Replies are bound to their
    schema by a grammar. `dtype` and `quantization` are the file's own.
    """

    def __init__(self, config: ChatConfig) -> None:
        self._config = config
        self._llama: Llama | None = None

    @property
    def model(self) -> str:
        return "+".join(weights.identity(ref) for ref in self.weights)

    @property
    def weights(self) -> tuple[str, ...]:
        model = self._config.model or SMOLLM2
        return (model, self._config.mmproj) if self._has_own_mmproj else (model,)

    @property
    def sees(self) -> bool:
        return bool(self._config.mmproj)

    def setup(self) -> None:
        """Load the model.

        Errors:
            MissingWeightsError: a file is not on this machine, or llama.cpp does not load it.
        """
        self._llama = Llama(
            _gguf(weights.locate(self.weights[0])),
            n_ctx=self._config.context_tokens,
            mmproj=self._mmproj() if self.sees else None,
            on_gpu=self._config.device != "cpu",
        )

    def say(self, prompts: Sequence[Prompt]) -> list[Saying | ChatError]:
        """A reply or an error for each prompt, in their order."""
        return say_all(prompts, lambda asked: [self._reply(prompt) for prompt in asked])

    @property
    def _has_own_mmproj(self) -> bool:
        """Whether the mmproj has a reference of its own, and is no file beside the model."""
        mmproj = self._config.mmproj
        return bool(mmproj) and not (mmproj.endswith(".gguf") and Path(mmproj).name == mmproj)

    def _mmproj(self) -> Path:
        if self._has_own_mmproj:
            return _gguf(weights.locate(self._config.mmproj), is_mmproj=True)
        return _gguf(weights.locate(self.weights[0])).with_name(self._config.mmproj)

    def _reply(self, prompt: Prompt) -> Raw | ChatError:
        started_s = time.monotonic()
        if self._llama is None:
            raise RuntimeError("setup() must come before say()")
        try:
            done = self._llama.complete(
                messages(prompt), max_tokens=prompt.max_tokens, json_schema=prompt.json_schema
            )
        except ChatError as error:
            return error
        except TooLongError as error:
            return ChatError(f"the prompt is too long: {error}")
        except RefusedError as error:
            return ChatError(str(error))
        usage = Usage(
            n_prompt_tokens=done.n_prompt_tokens,
            n_reply_tokens=done.n_reply_tokens,
            wait_s=time.monotonic() - started_s,
        )
        return Raw(done.text, is_cut=done.is_cut, usage=usage)


def _gguf(path: Path, *, is_mmproj: bool = False) -> Path:
    """The file itself, or the one in a folder that is a model, or an mmproj, by its name.

    Errors:
        MissingWeightsError: the folder holds none, or several.
    """
    if not path.is_dir():
        return path
    found = sorted(p for p in path.glob("*.gguf") if ("mmproj" in p.name) == is_mmproj)
    if len(found) != 1:
        what, names = "mmproj" if is_mmproj else "model", ", ".join(p.name for p in found)
        raise MissingWeightsError(
            f"{path} holds {names or 'no GGUF'}; name the file of the {what} to take"
        )
    return found[0]
