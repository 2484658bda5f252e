"""SmolLM2 in transformers with fewer bits by torchao: size, speed, tokens. Prints JSON.

Tokens that changed are counted beside the first row's replies: what each model would say
next after every beginning of them, so that one other word early on does not count as all.
"""

from __future__ import annotations

import copy
import json
import time
import traceback
from collections.abc import Callable
from typing import Any

import torch
from choices_told import MAX_TOKENS, conversations
from common import say
from torchao.prototype.quantization.int4 import PrototypeInt4WeightOnlyConfig
from torchao.quantization import (
    Int4WeightOnlyConfig,
    Int8WeightOnlyConfig,
    IntxWeightOnlyConfig,
    PerGroup,
    quantize_,
)
from torchao.utils import get_model_size_in_bytes
from transformers import AutoModelForCausalLM, AutoTokenizer

from scenelake.workers import weights
from scenelake.workers.llm import SMOLLM2, SMOLLM2_FILE

GROUP = 64
N_TIMED = 2
"""Conversations that are timed."""

Change = Callable[[Any], Any]


def main() -> None:
    # Two threads wait for each other by spinning, for minutes where others use a core too.
    torch.set_num_threads(1)
    folder = weights.locate(SMOLLM2)
    where = {"gguf_file": SMOLLM2_FILE, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(folder, **where)
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **where).eval()
    prompts = [_tokens(tokenizer, messages) for messages in conversations()]
    with torch.inference_mode():
        said = [written(base, prompt) for prompt in prompts]
        first = measured(base, prompts, said)
        rows = [row("float32", first, first)]
        for what, change in changes().items():
            rows.append(tried(what, change, base, prompts, said, first))
    header = ["weights", "memory, MB", "speed", "tokens changed, %"]
    note = f"The first row wrote {first['tokens_s']:.1f} tokens a second."
    say(json.dumps({"header": header, "rows": rows, "note": note}))


def changes() -> dict[str, Change]:
    """What is done to a copy of the model. Embeddings stay as they are."""
    on_gpu, on_cpu = Int4WeightOnlyConfig(group_size=GROUP), PrototypeInt4WeightOnlyConfig(GROUP)
    unpacked = IntxWeightOnlyConfig(weight_dtype=torch.int4, granularity=PerGroup(GROUP))
    return {
        "bfloat16": lambda model: model.to(torch.bfloat16),
        "int8": lambda model: quantize_(model, Int8WeightOnlyConfig()),
        "bfloat16, int8": lambda model: quantize_(model.to(torch.bfloat16), Int8WeightOnlyConfig()),
        "bfloat16, int4 as for GPUs": lambda model: quantize_(model.to(torch.bfloat16), on_gpu),
        "bfloat16, int4 for processors": lambda model: quantize_(model.to(torch.bfloat16), on_cpu),
        "int4, a byte each": lambda model: quantize_(model, unpacked),
    }


def tried(what: str, change: Change, base: Any, *measure: Any) -> list[Any]:
    """A row, or what went wrong: not every kind is there for a processor."""
    *given, first = measure
    try:
        model = copy.deepcopy(base)
        change(model)
        return row(what, measured(model, *given), first)
    except Exception as error:
        traceback.print_exc()
        return [what, f"{type(error).__name__}: {error}".splitlines()[0][:120], "", ""]


def row(what: str, one: dict[str, float], first: dict[str, float]) -> list[Any]:
    return [what, one["mb"], one["tokens_s"] / first["tokens_s"], 100 * one["changed"]]


def measured(model: Any, prompts: list[torch.Tensor], said: list[torch.Tensor]) -> dict[str, float]:
    """Size, tokens a second, and the share of tokens of `said` that it would not say."""
    written(model, prompts[0])
    start_s = time.perf_counter()
    n_written = sum(len(written(model, prompt)) for prompt in prompts[:N_TIMED])
    wall_s = time.perf_counter() - start_s
    other = [(forecast(model, p, s) != s).float() for p, s in zip(prompts, said, strict=True)]
    return {
        "mb": n_bytes(model) / 1e6,
        "tokens_s": n_written / wall_s,
        "changed": float(torch.cat(other).mean()),
    }


def n_bytes(model: Any) -> int:
    """Of all weights, those that two layers share once."""
    words, last = model.get_input_embeddings().weight, model.lm_head.weight
    shared = words.numel() * words.element_size() if words is last else 0
    return int(get_model_size_in_bytes(model)) - shared


def written(model: Any, prompt: torch.Tensor) -> torch.Tensor:
    """(T,) tokens said after a prompt (1, P), greedily."""
    n = MAX_TOKENS
    end = _end(model)
    exactly = {"max_new_tokens": n, "min_new_tokens": n, "do_sample": False}
    out = model.generate(prompt, **exactly, pad_token_id=end)
    return out[0, prompt.shape[1] :]


def forecast(model: Any, prompt: torch.Tensor, said: torch.Tensor) -> torch.Tensor:
    """(T,) what the model would say after the prompt and each beginning of `said`."""
    logits = model(torch.cat([prompt[0], said])[None]).logits[0]
    logits[:, _end(model)] = -torch.inf  # `written` goes on past an end
    return logits[prompt.shape[1] - 1 : -1].argmax(-1)


def _end(model: Any) -> int:
    end = model.generation_config.eos_token_id or model.config.eos_token_id
    return int(end[0] if isinstance(end, list) else end)


def _tokens(tokenizer: Any, messages: list[dict[str, str]]) -> torch.Tensor:
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    ids: torch.Tensor = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
    return ids


if __name__ == "__main__":
    main()
