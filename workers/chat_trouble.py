"""What goes wrong between us and a server of language models, and what to do about it.

TroubleError     the same request may well work in a moment
ChatError        this prompt is refused, others may not be
UsageError       wrong key, model or address: no prompt will work
FormatRefusedError   the server does not know how to bind a reply to a schema
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from scenelake.schemas.errors import UsageError
from scenelake.workers.chat import ChatError

if TYPE_CHECKING:
    import openai

FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 30.0

_RETRIED = {408, 409, 429}
_SERVER_WIDE = {429, 502, 503, 504}
"""Refusals that are not about the prompt: too busy, still loading, nobody behind a proxy."""
_PROMPT_REFUSED = {400, 413, 422}
_TOO_LONG = re.compile(
    r"context.?(length|size|window)|maximum context|too (long|many tokens)|max_model_len", re.I
)
_FORMAT = re.compile(r"response_format|json_schema|json_object|guided|grammar", re.I)
_MAX_SAID_CHARS = 300


class TroubleError(Exception):
    """A request failed in a way in which the next one may not.

    Attributes:
        is_server_wide: it would have failed with any prompt.
        told_s: how long the server asks us to wait, if it does.
    """

    def __init__(
        self, message: str, *, is_server_wide: bool = False, told_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.is_server_wide = is_server_wide
        self.told_s = told_s


class FormatRefusedError(Exception):
    """The server does not take a `response_format`."""


class GaveUpError(ChatError):
    """All attempts at one prompt failed; `is_server_wide` as of the last of them."""

    is_server_wide = False


def translate(error: openai.OpenAIError, *, model: str, key_name: str) -> Exception:
    """What an error of the client means for us; holds neither key nor request."""
    import openai

    if isinstance(error, openai.APITimeoutError):
        never_met = type(error.__cause__).__name__ == "ConnectTimeout"
        return TroubleError("no answer in time", is_server_wide=never_met)
    if isinstance(error, openai.APIConnectionError):
        return TroubleError(f"no connection: {_cause(error)}", is_server_wide=True)
    if isinstance(error, openai.APIStatusError):
        return _refusal(error, model=model, key_name=key_name)
    return TroubleError(f"no usable answer: {_one_line(str(error))}")


def pause_s(n_failed: int, *, told_s: float | None, ceiling_s: float) -> float:
    """How long to wait after so many failed attempts: what the server told, else doubling.

    With jitter, so that those who failed together do not come back together.
    """
    if told_s is not None:
        return min(told_s, ceiling_s)
    doubled = FIRST_PAUSE_S * 2.0 ** min(n_failed - 1, 16)
    return min(doubled, MAX_PAUSE_S, ceiling_s) * random.uniform(0.5, 1.0)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until a server wants to be asked again (RFC 9110, 10.2.3); None if unsaid."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        return _until(value)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(date: str) -> float | None:
    try:
        then = parsedate_to_datetime(date)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())


def _refusal(error: openai.APIStatusError, *, model: str, key_name: str) -> Exception:
    status, said = error.status_code, _said(error)
    if status in (401, 403):
        return UsageError(f"the server turns us away ({status}): is its key in ${key_name}?")
    if status == 404:
        return UsageError(f"the server has no model {model!r} at this address (404): {said}")
    if status in _RETRIED or status >= 500:
        told_s = retry_after_s(error.response.headers)
        is_wide = status in _SERVER_WIDE
        return TroubleError(f"status {status}: {said}", is_server_wide=is_wide, told_s=told_s)
    if status in _PROMPT_REFUSED and _TOO_LONG.search(said):
        return ChatError(f"the prompt is too long for {model}: {said}")
    if status in _PROMPT_REFUSED and _FORMAT.search(said):
        return FormatRefusedError(said)
    return ChatError(f"the server refuses the prompt ({status}): {said}")


def _said(error: openai.APIStatusError) -> str:
    """The server's own words."""
    body: Any = error.body
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        body = (inner.get("message") or inner) if isinstance(inner, Mapping) else inner
    return _one_line(str(body or error.message))


def _cause(error: BaseException) -> str:
    cause = error.__cause__ or error
    return _one_line(str(cause)) or type(cause).__name__


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_MAX_SAID_CHARS]
