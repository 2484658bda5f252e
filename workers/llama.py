"""llama.cpp in this process, by xllamacpp: one GGUF, with eyes or without."""

from __future__ import annotations

import ctypes
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenelake.schemas.errors import MissingWeightsError, SceneLakeError

_START_S = 30.0
_START_POLL_S = 0.01
_SEED = 1


@dataclass(frozen=True, slots=True)
class Completion:
    """A reply as it came, its tokens as llama.cpp counts them; `is_cut`: by `max_tokens`."""

    text: str
    is_cut: bool
    n_prompt_tokens: int
    n_reply_tokens: int


class RefusedError(RuntimeError):
    """llama.cpp turns a request down."""


class TooLongError(RefusedError):
    """A prompt of `n_tokens` does not fit the context."""

    def __init__(self, message: str, *, n_tokens: int) -> None:
        super().__init__(message)
        self.n_tokens = n_tokens


class Llama:
    """One GGUF, loaded once; equal prompts get equal replies, in whatever order they come.

    Greedy decoding alone does not give that: a prompt half of which is still in the cache
    is computed in other pieces, which rounds differently and now and then picks another
    word. So the prompt cache is off, and one thread computes; with two, llama.cpp's
    spinning barriers make it ten times slower as soon as another process wants the core.

    llama.cpp opens an HTTP port on loopback whether or not anybody wants it: it gets a
    random key that nobody knows.

    Args:
        n_ctx: tokens of a prompt and its reply.
        mmproj: the GGUF that turns pictures into what the model reads (llama.cpp's mtmd). One
            that is made for another model of the same width ends the process.
        on_gpu: whether a build of llama.cpp for a GPU may use it.

    Errors:
        MissingWeightsError: there is no such file, or it is not one llama.cpp loads.
    """

    def __init__(
        self, gguf: Path, *, n_ctx: int, mmproj: Path | None = None, on_gpu: bool = True
    ) -> None:
        import xllamacpp

        for path in filter(None, (gguf, mmproj)):
            if not path.is_file():
                raise MissingWeightsError(f"{path} is missing; type `scenelake models fetch`")
        params = quiet_params(gguf, n_ctx=n_ctx, mmproj=mmproj, on_gpu=on_gpu)
        params.api_keys = [secrets.token_hex(16)]
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            what = f"{gguf} with {mmproj}" if mmproj else str(gguf)
            raise MissingWeightsError(f"llama.cpp cannot load {what}: {error}") from error
        keep(self._server)
        await_answer(self._server.listening_address)

    def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        max_tokens: int,
        json_schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        """The reply to messages as OpenAI's chat completions have them.

        Args:
            json_schema: the reply keeps to it, if it is finished within `max_tokens`.

        Errors:
            TooLongError: the messages do not fit the context.
            RefusedError: anything else that llama.cpp does not take.
        """
        request = {"messages": list(messages), "max_tokens": max_tokens}
        request |= {"temperature": 0, "seed": _SEED}
        if json_schema is not None:
            request["json_schema"] = dict(json_schema)
        return _completion(self._server.handle_chat_completions(request))


def keep(server: Any) -> None:
    """Never take a server down: on a busy machine, one in thirty waits for itself for ever then.

    A process has one or two of them and needs them to its end, which the reference that is
    never given back outlives.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(server))


def _completion(reply: Mapping[str, Any]) -> Completion:
    error = reply.get("error")
    if error is not None:
        raise _refusal(error)
    choice, usage = reply["choices"][0], reply["usage"]
    return Completion(
        text=str(choice["message"]["content"] or "").strip(),
        is_cut=choice["finish_reason"] == "length",
        n_prompt_tokens=int(usage["prompt_tokens"]),
        n_reply_tokens=int(usage["completion_tokens"]),
    )


def _refusal(error: Mapping[str, Any]) -> RefusedError:
    message = f"llama.cpp: {error.get('message', error)}"
    if error.get("type") == "exceed_context_size_error":
        return TooLongError(message, n_tokens=int(error["n_prompt_tokens"]))
    return RefusedError(message)


def quiet_params(gguf: Path, *, n_ctx: int, mmproj: Path | None = None, on_gpu: bool) -> Any:
    """Parameters of a server that says nothing and answers one prompt at a time."""
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
    if mmproj is not None:
        params.mmproj.path = str(mmproj)
    if not on_gpu:
        params.n_gpu_layers, params.mmproj_use_gpu = 0, False
    return params


def await_answer(address: str) -> None:
    """Wait until the port answers: a server that is ended before waits for itself for ever.

    Errors:
        SceneLakeError: it does not answer within half a minute.
    """
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
