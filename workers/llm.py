"""SmolLM2, the small language model that comes with scenelake, and the prompts' files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from scenelake.workers import weights
from scenelake.workers.llama import Llama, TooLongError

SMOLLM2 = "smollm2-135m"
SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"

_N_CTX = 2048
_CHARS_PER_TOKEN = 3
"""English has about four; what is denser than three is cut once llama.cpp has counted."""


class LocalLlm:
    """One GGUF that is told texts; what is too long for it is cut.

    Errors:
        MissingWeightsError: there is no such file, or it is not one llama.cpp loads.
    """

    def __init__(self, gguf: Path, *, n_ctx: int = _N_CTX) -> None:
        self._n_ctx = n_ctx
        self._llama = Llama(gguf, n_ctx=n_ctx)

    def chat(
        self,
        system: str,
        user: str,
        *,
        max_tokens: int,
        json_schema: Mapping[str, Any] | None = None,
    ) -> str:
        """What the model says, stripped; at most `max_tokens` tokens.

        Args:
            user: its end is cut off where the prompt would not fit the context.
            json_schema: the reply is a JSON document of this schema, if it is finished
                within `max_tokens`.

        Errors:
            ValueError: `max_tokens` leaves no room for a prompt.
            RuntimeError: llama.cpp refuses the request, or `system` alone does not fit.
        """
        if not 0 < max_tokens < self._n_ctx:
            raise ValueError(f"max_tokens is {max_tokens}, expected 1 to {self._n_ctx - 1}")
        room = self._n_ctx - max_tokens
        text = user[: _CHARS_PER_TOKEN * room]
        while True:
            messages = _messages(system, text)
            try:
                return self._llama.complete(
                    messages, max_tokens=max_tokens, json_schema=json_schema
                ).text
            except TooLongError as error:
                if not text:
                    raise
                text = text[: _fitting_chars(text, n_tokens=error.n_tokens, room=room)]


def _fitting_chars(text: str, *, n_tokens: int, room: int) -> int:
    """Length to cut `text` to, by the tokens that llama.cpp has counted; always shorter."""
    return min(len(text) * room // n_tokens, len(text) * 9 // 10)


def _messages(system: str, user: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def load_smollm2() -> LocalLlm:
    """SmolLM2-135M-Instruct from the model folder.

    Errors:
        MissingWeightsError: it is not on this machine.
    """
    return LocalLlm(weights.locate(SMOLLM2) / SMOLLM2_FILE)


def read_prompt(name: str) -> str:
    """A prompt that comes with this package, ``prompts/<name>.txt``, stripped."""
    path = resources.files("scenelake.workers") / "prompts" / f"{name}.txt"
    return path.read_text("utf-8").strip()


def prompts_hash(names: Sequence[str], *, settings: Mapping[str, Any]) -> str:
    """Hash of prompts and of what else shapes what a model writes: 16 hex digits."""
    shape = {"prompts": {name: read_prompt(name) for name in names}, "settings": dict(settings)}
    text = json.dumps(shape, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
