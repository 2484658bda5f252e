"""What a prompt asks of an engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class StructuredOutputsParams:
    json: str | None = None
    json_object: bool | None = None


@dataclass
class SamplingParams:
    temperature: float
    max_tokens: int
    seed: int
    structured_outputs: StructuredOutputsParams | None = None
