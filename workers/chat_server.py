"""Language models behind an OpenAI-compatible server: vLLM, SGLang, llama.cpp and others."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from scenelake.schemas.config import ChatConfig
from scenelake.schemas.errors import TransientError, UsageError
from scenelake.workers.chat import ChatError, Prompt, Saying, Usage
from scenelake.workers.chat_json import Raw, say_all, with_schema
from scenelake.workers.chat_messages import messages
from scenelake.workers.chat_trouble import (
    FormatRefusedError,
    GaveUpError,
    TroubleError,
    pause_s,
    translate,
)
from scenelake.workers.loop_thread import LoopThread

if TYPE_CHECKING:
    import openai

logger = logging.getLogger(__name__)

SEED = 1
_NO_KEY = "none"
"""Sent where no key is configured: servers without keys want some header all the same."""


class ServerChat:
    """A model that a server knows by `config.model`.

    Whether a server's model takes pictures cannot be known before it is asked: it is taken
    to see, and prompts with pictures fail, each alone, where it does not.

    Args:
        sees: False for a model known to take no pictures.

    Errors:
        UsageError: no address or no model is configured.
    """

    def __init__(self, config: ChatConfig, *, sees: bool = True) -> None:
        if not urlsplit(config.base_url).hostname:
            raise UsageError(
                f"base_url is {config.base_url!r}, expected the address of an OpenAI-compatible "
                "server, such as http://127.0.0.1:8000/v1"
            )
        if not config.model:
            raise UsageError("model is empty, expected the name by which the server knows it")
        self._config = config
        self._sees = sees
        self._structured = config.structured
        self._loop: LoopThread | None = None

    @property
    def model(self) -> str:
        """``model@host:port``: a server does not tell which revision it serves."""
        return f"{self._config.model}@{_host(self._config.base_url)}"

    @property
    def weights(self) -> tuple[str, ...]:
        """None: they are the server's."""
        return ()

    @property
    def sees(self) -> bool:
        return self._sees

    def setup(self) -> None:
        """Make a client, which keeps its connections; nothing is sent yet."""
        import openai

        self._client = openai.AsyncOpenAI(
            base_url=self._config.base_url,
            api_key=os.environ.get(self._config.api_key_env) or _NO_KEY,
            timeout=self._config.timeout_s,
            max_retries=0,
        )
        self._slots = asyncio.Semaphore(self._config.concurrency)
        self._loop = LoopThread()

    def close(self) -> None:
        """Hang up."""
        if self._loop is not None:
            self._loop.run(self._client.close())
            self._loop.close()
            self._loop = None

    def say(self, prompts: Sequence[Prompt]) -> list[Saying | ChatError]:
        """A reply or an error for each prompt, in their order, whatever order they come in.

        Errors:
            TransientError: no prompt came through to the server, at any attempt.
            UsageError: the server turns away the key or does not know the model.
        """
        loop = self._loop
        if loop is None:
            raise RuntimeError("setup() must come before say()")
        sayings = say_all(prompts, lambda asked: loop.run(self._ask(asked)))
        if prompts and all(isinstance(s, GaveUpError) and s.is_server_wide for s in sayings):
            raise unusable(self._config, sayings[0])
        return sayings

    def begin(self, body: Mapping[str, Any]) -> Future[Raw | ChatError]:
        """Send a request made by `body`, among others; the reply comes when it comes.

        The future's errors:
            UsageError: the server turns away the key, does not know the model, or takes no
                `response_format`.
        """
        loop = self._loop
        if loop is None:
            raise RuntimeError("setup() must come before begin()")
        return loop.start(self._once(body))

    async def _once(self, body: Mapping[str, Any]) -> Raw | ChatError:
        try:
            return await self._patiently(body)
        except FormatRefusedError as error:
            raise UsageError(f"the server takes no response_format: {error}") from error

    async def _ask(self, prompts: Sequence[Prompt]) -> list[Raw | ChatError]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._reply(prompt)) for prompt in prompts]
        except* UsageError as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _reply(self, prompt: Prompt) -> Raw | ChatError:
        n_refused = 0
        while True:
            try:
                return await self._patiently(self.body(prompt), n_refused=n_refused)
            except FormatRefusedError as error:
                n_refused += 1
                self._ask_without_format(error)

    async def _patiently(self, body: Mapping[str, Any], *, n_refused: int = 0) -> Raw | ChatError:
        """A reply to a request, which is made again after trouble."""
        async with self._slots:
            started_s, n_failed = time.monotonic(), 0
            while True:
                usage = Usage(n_retries=n_failed + n_refused)
                try:
                    answer = await self._request(body)
                except TroubleError as error:
                    n_failed += 1
                    if n_failed == self._config.attempts:
                        return _gave_up(error, usage, waited_s=time.monotonic() - started_s)
                    ceiling_s = self._config.timeout_s
                    await asyncio.sleep(pause_s(n_failed, told_s=error.told_s, ceiling_s=ceiling_s))
                except ChatError as error:
                    return ChatError(str(error), usage=error.usage + usage)
                else:
                    return answer.raw(usage, waited_s=time.monotonic() - started_s)

    def _ask_without_format(self, error: FormatRefusedError) -> None:
        if self._structured != "none":
            self._structured = "none"
            logger.warning("the server takes no response_format, asked without: %s", error)

    async def _request(self, request: Mapping[str, Any]) -> _Body:
        """One request.

        Errors:
            TroubleError, FormatRefusedError, ChatError, UsageError: see `chat_trouble`.
        """
        import openai

        try:
            async with asyncio.timeout(self._config.timeout_s):
                completions = self._client.chat.completions.with_raw_response
                answer = await completions.create(**request)
        except TimeoutError as error:
            raise TroubleError("no answer in time") from error
        except openai.OpenAIError as error:
            raise self._meaning(error, asked_for_format="response_format" in request) from error
        return _read_body(answer.content)

    def body(self, prompt: Prompt) -> dict[str, Any]:
        """A request, with the schema in its words where the server is not told of it.

        Errors:
            ChatError: a picture is not a JPEG.
        """
        told = prompt if self._structured == "schema" else with_schema(prompt)
        body: dict[str, Any] = {"model": self._config.model, "messages": messages(told)}
        body |= {"max_tokens": prompt.max_tokens, "temperature": 0, "seed": SEED}
        reply_format = _format(prompt, self._structured)
        return body | ({"response_format": reply_format} if reply_format else {})

    def _meaning(self, error: openai.OpenAIError, *, asked_for_format: bool) -> Exception:
        meaning = translate(error, model=self._config.model, key_name=self._config.api_key_env)
        if isinstance(meaning, FormatRefusedError) and not asked_for_format:
            return ChatError(f"the server refuses the prompt: {meaning}")
        return meaning


class _Message(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Tokens(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Body(BaseModel):
    """As much of a chat completion as we read."""

    choices: list[_Choice] = Field(min_length=1)
    usage: _Tokens | None = None

    def raw(self, usage: Usage, *, waited_s: float) -> Raw:
        tokens, choice = self.usage or _Tokens(), self.choices[0]
        usage = replace(
            usage,
            n_prompt_tokens=tokens.prompt_tokens,
            n_reply_tokens=tokens.completion_tokens,
            wait_s=waited_s,
        )
        is_cut = choice.finish_reason == "length"
        return Raw((choice.message.content or "").strip(), is_cut=is_cut, usage=usage)


def unusable(config: ChatConfig, error: object) -> TransientError:
    """What is said of a server that no prompt comes through to."""
    return TransientError(
        f"the server at {_address(config.base_url)} cannot be used: {error}; "
        "see that it is up, and that base_url is right"
    )


def _read_body(content: bytes) -> _Body:
    try:
        return _Body.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise TroubleError(f"the answer is no chat completion: {first}") from error


def _gave_up(error: TroubleError, usage: Usage, *, waited_s: float) -> GaveUpError:
    n_attempts = usage.n_retries + 1
    failed = replace(usage, n_prompts=1, n_failed=1, wait_s=waited_s)
    gave_up = GaveUpError(f"no reply after {n_attempts} attempts: {error}", usage=failed)
    gave_up.is_server_wide = error.is_server_wide
    return gave_up


def _format(prompt: Prompt, structured: str) -> dict[str, Any] | None:
    """The `response_format` to ask for, None for none."""
    if prompt.json_schema is None or structured == "none":
        return None
    if structured == "json":
        return {"type": "json_object"}
    schema = {"name": "reply", "schema": dict(prompt.json_schema), "strict": True}
    return {"type": "json_schema", "json_schema": schema}


def _host(url: str) -> str:
    """``host:port``, without a user's name and password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{_host(url)}{parts.path}"
