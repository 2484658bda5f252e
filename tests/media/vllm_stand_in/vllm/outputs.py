"""What an engine gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class CompletionOutput:
    text: str
    token_ids: list[int]
    logprobs: Any = None


@dataclass
class RequestOutput:
    prompt_token_ids: list[int]
    outputs: list[CompletionOutput]
    finished: bool = True
    prompt: str | None = None
    metrics: Any = None
    prompt_logprobs: Any = None


class PoolingRequestOutput:
    """Not given here."""
