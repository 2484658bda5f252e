"""A small language model in this process: llama.cpp by xllamacpp, from a GGUF file."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from scenelake.schemas.errors import MissingWeightsError, SceneLakeError
from scenelake.workers import weights

SMOLLM2 = "smollm2-135m"
_SMOLLM2_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"

_N_CTX = 2048
_START_S = 30.0
_START_POLL_S = 0.01
_SEED = 1
_CHARS_PER_TOKEN = 3
"""English has about four; what is denser than three is cut once llama.cpp has counted."""


class LocalLlm:
    """One GGUF, loaded once; equal prompts get equal answers, in whatever order they come.

    Greedy decoding alone does not give that: a prompt half of which is still in the cache
    is computed in other pieces, which rounds differently and now and then picks another
    word. So the prompt cache is off, and one thread computes; with two, llama.cpp's
    spinning barriers make it ten times slower as soon as another process wants the core.

    llama.cpp opens an HTTP port on loopback whether or not anybody wants it: it gets a
    random key that nobody knows.

    Errors:
        MissingWeightsError: there is no such file, or it is not one llama.cpp loads.
    """

    def __init__(self, gguf: Path, *, n_ctx: int = _N_CTX) -> None:
        import xllamacpp

        if not gguf.is_file():
            raise MissingWeightsError(f"{gguf} is missing; type `scenelake models fetch`")
        self._n_ctx = n_ctx
        try:
            self._server = xllamacpp.Server(_params(gguf, n_ctx=n_ctx))
        except RuntimeError as error:
            raise MissingWeightsError(f"llama.cpp cannot load {gguf}: {error}") from error
        _await_answer(self._server.listening_address)

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
        text = user[: _CHARS_PER_TOKEN * (self._n_ctx - max_tokens)]
        while True:
            reply = self._server.handle_chat_completions(
                _request(system, text, max_tokens=max_tokens, json_schema=json_schema)
            )
            error = reply.get("error")
            if error is None:
                return str(reply["choices"][0]["message"]["content"] or "").strip()
            if error.get("type") != "exceed_context_size_error" or not text:
                raise RuntimeError(f"llama.cpp: {error.get('message', error)}")
            text = text[: _fitting_chars(text, error, room=self._n_ctx - max_tokens)]


def _await_answer(address: str) -> None:
    """Wait until the port answers: a server that is ended before waits for itself for ever."""
    deadline_s = time.monotonic() + _START_S
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline_s:
        try:
            with direct.open(f"{address}/health", timeout=_START_S):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(_START_POLL_S)
    raise SceneLakeError(f"llama.cpp gave no answer at {address} within {_START_S:.0f} s")


def _fitting_chars(text: str, error: Mapping[str, Any], *, room: int) -> int:
    """Length to cut `text` to, by the tokens that llama.cpp has counted; always shorter."""
    by_share = int(len(text) * room / int(error["n_prompt_tokens"]))
    return min(by_share, len(text) * 9 // 10)


def _params(gguf: Path, *, n_ctx: int) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.n_ctx = n_ctx
    params.n_parallel = 1
    params.n_threads_http = 1
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.cache_prompt = False
    params.cache_ram_mib = 0
    params.warmup = False
    params.fit_params = False
    params.ui = False
    params.verbosity = -1
    params.api_keys = [secrets.token_hex(16)]
    return params


def _request(
    system: str, user: str, *, max_tokens: int, json_schema: Mapping[str, Any] | None
) -> dict[str, Any]:
    request: dict[str, Any] = {
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": user},
        ],
        "max_tokens": max_tokens,
        "temperature": 0,
        "seed": _SEED,
    }
    if json_schema is not None:
        request["json_schema"] = dict(json_schema)
    return request


def load_smollm2() -> LocalLlm:
    """SmolLM2-135M-Instruct from the model folder.

    Errors:
        MissingWeightsError: it is not on this machine.
    """
    return LocalLlm(weights.locate(SMOLLM2) / _SMOLLM2_FILE)


def read_prompt(name: str) -> str:
    """A prompt that comes with this package, ``prompts/<name>.txt``, stripped."""
    path = resources.files("scenelake.workers") / "prompts" / f"{name}.txt"
    return path.read_text("utf-8").strip()


def prompts_hash(names: Sequence[str], *, settings: Mapping[str, Any]) -> str:
    """Hash of prompts and of what else shapes what a model writes: 16 hex digits."""
    shape = {"prompts": {name: read_prompt(name) for name in names}, "settings": dict(settings)}
    text = json.dumps(shape, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
