"""Stands in for vLLM's engine under Ray's own stages: no weights, replies that are known.

As much of vLLM as `ray.data.llm` of Ray 2.60 calls. It says back the words that are said in
the prompt, as JSON where a schema binds it, and refuses words that `STAND_IN_REFUSES` holds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from vllm import outputs, sampling_params
from vllm.sampling_params import SamplingParams

__all__ = ["AsyncEngineArgs", "AsyncLLMEngine", "SamplingParams", "outputs", "sampling_params"]


class AsyncEngineArgs:
    def __init__(self, **kwargs: Any) -> None:
        self.kwargs = kwargs

    def create_engine_config(self) -> SimpleNamespace:
        return SimpleNamespace(
            scheduler_config=SimpleNamespace(max_num_seqs=8),
            parallel_config=SimpleNamespace(pipeline_parallel_size=1),
        )


@dataclass
class AsyncLLMEngine:
    args: AsyncEngineArgs

    @classmethod
    def from_engine_args(cls, args: AsyncEngineArgs, **_: Any) -> AsyncLLMEngine:
        return cls(args)

    async def generate(
        self, *, prompt: Any, sampling_params: SamplingParams, **_: Any
    ) -> AsyncIterator[outputs.RequestOutput]:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self.args.kwargs["model"])
        text = tokenizer.decode(prompt["prompt_token_ids"])
        images = (prompt["multi_modal_data"] or {}).get("image", [])
        said = " ".join(re.findall(r'\] said: "([^"]*)"', text))
        if said == os.environ.get("STAND_IN_REFUSES"):
            raise ValueError("the prompt is refused")
        tokens = tokenizer.encode(_reply(said, len(images), sampling_params))
        yield outputs.RequestOutput(
            prompt_token_ids=list(prompt["prompt_token_ids"]),
            outputs=[outputs.CompletionOutput(tokenizer.decode(tokens), tokens)],
        )

    async def do_log_stats(self) -> None:
        """Nothing to log."""


def _reply(said: str, n_images: int, params: SamplingParams) -> str:
    bound = params.structured_outputs
    if bound is None or set(json.loads(bound.json)["required"]) != set(_EMPTY):
        return said
    return json.dumps({**_EMPTY, "description": said, "title": f"With {'a picture' * n_images}"})


_EMPTY = {"visible_text": [], "description": "", "title": "", "labels": [], "mood": ""}
