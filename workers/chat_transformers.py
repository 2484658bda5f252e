"""Vision language models in this process, by transformers: any "image-text-to-text" folder.

Qwen-VL, SmolVLM, LLaVA-OneVision, InternVL, Gemma 3 and others of one shape: a processor, a
chat template and a model. Frames are pictures with their times before them, which models of
video understand too, and which costs no second decoding.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenelake.schemas.config import ChatConfig
from scenelake.schemas.errors import UsageError
from scenelake.workers import weights
from scenelake.workers.chat import ChatError, Image, Prompt, Saying, Usage
from scenelake.workers.chat_json import Raw, say_all, with_schema
from scenelake.workers.chat_messages import check_jpeg, stamped
from scenelake.workers.devices import device_of, dtype_of, share_cores
from scenelake.workers.pretrained import load, load_model

if TYPE_CHECKING:
    import torch

_NO_MEMORY = ("out of memory", "can't allocate memory")
_GROUP_SIZE = 32
"""Weights that share a scale in int4: the size of Q4_0's and of torchao's smallest."""


class TransformersChat:
    """A folder's model, asked in batches, greedy.

    A batch holds at most `config.concurrency` prompts of at most `config.context_tokens` each,
    replies included: that bounds the key-value cache. What is too much for the memory all the
    same is tried again in halves. Replies are not bound to a schema, but checked against it.

    Errors:
        UsageError: no model is configured.
    """

    def __init__(self, config: ChatConfig) -> None:
        if not config.model:
            raise UsageError("model is empty, expected a folder or a hub's owner/name@revision")
        self._config = config
        self._model: Any = None
        self._processor: Any = None

    @property
    def model(self) -> str:
        return weights.identity(self._config.model)

    @property
    def weights(self) -> tuple[str, ...]:
        return (self._config.model,)

    @property
    def sees(self) -> bool:
        return True

    def setup(self) -> None:
        """Load the model.

        Errors:
            MissingWeightsError: it is not on this machine, or its folder holds another kind.
            UsageError: there is no such device.
        """
        from transformers import AutoProcessor

        folder = weights.locate(self._config.model)
        device = device_of(self._config.device)
        if device == "cpu":
            share_cores()
        self._processor = load(AutoProcessor, folder)
        tokenizer = self._processor.tokenizer
        tokenizer.padding_side = "left"
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        self._model = _load_model(folder, self._config, device)

    def say(self, prompts: Sequence[Prompt]) -> list[Saying | ChatError]:
        """A reply or an error for each prompt, in their order."""
        if self._model is None:
            raise RuntimeError("setup() must come before say()")
        return say_all(prompts, self._ask)

    def _ask(self, prompts: Sequence[Prompt]) -> list[Raw | ChatError]:
        replies: dict[int, Raw | ChatError] = {}
        conversations: dict[int, Any] = {}
        for index, prompt in enumerate(prompts):
            try:
                conversations[index] = _conversation(with_schema(prompt))
            except ChatError as error:
                replies[index] = error
        fit = {index: prompts[index] for index in conversations}
        for rows in _batches(fit, size=self._config.concurrency):
            batch = [conversations[row] for row in rows]
            limits = [prompts[row].max_tokens for row in rows]
            replies |= dict(zip(rows, self._batch(batch, limits), strict=True))
        return [replies[index] for index in range(len(prompts))]

    def _batch(self, batch: Sequence[Any], limits: Sequence[int]) -> list[Raw | ChatError]:
        """Replies to conversations of at most so many tokens each."""
        inputs = self._encoded(batch)
        lengths: list[int] = inputs["attention_mask"].sum(dim=1).tolist()
        room = self._config.context_tokens
        fits = [n + limit <= room for n, limit in zip(lengths, limits, strict=True)]
        if not all(fits):
            return self._without_too_long(batch, limits, lengths, fits)
        try:
            return self._generated(inputs, limits, lengths)
        except RuntimeError as error:
            if not any(words in str(error) for words in _NO_MEMORY):
                raise
        # The traceback held the tensors of the failed attempt: go on after it.
        return self._in_halves(batch, limits)

    def _without_too_long(
        self,
        batch: Sequence[Any],
        limits: Sequence[int],
        lengths: Sequence[int],
        fits: Sequence[bool],
    ) -> list[Raw | ChatError]:
        kept = [row for row, fit in enumerate(fits) if fit]
        replies = iter(
            self._batch([batch[i] for i in kept], [limits[i] for i in kept]) if kept else []
        )
        return [
            next(replies) if fit else self._too_long(length, limit)
            for fit, length, limit in zip(fits, lengths, limits, strict=True)
        ]

    def _too_long(self, length: int, limit: int) -> ChatError:
        return ChatError(
            f"the prompt is too long: {length} tokens and {limit} for the reply, "
            f"context_tokens is {self._config.context_tokens}"
        )

    def _in_halves(self, batch: Sequence[Any], limits: Sequence[int]) -> list[Raw | ChatError]:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) == 1:
            return [ChatError("the prompt is too large for the device's memory")]
        half = len(batch) // 2
        return [
            *self._batch(batch[:half], limits[:half]),
            *self._batch(batch[half:], limits[half:]),
        ]

    def _encoded(self, batch: Sequence[Any]) -> Any:
        """Tokens (N, T), padded on the left, and pictures as the model takes them."""
        return self._processor.apply_chat_template(
            list(batch),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True},
        )

    def _generated(
        self, inputs: Any, limits: Sequence[int], lengths: Sequence[int]
    ) -> list[Raw | ChatError]:
        import torch

        started_s = time.monotonic()
        inputs = inputs.to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            tokens = self._model.generate(
                **inputs,
                do_sample=False,
                num_beams=1,
                max_new_tokens=max(limits),
                pad_token_id=self._processor.tokenizer.pad_token_id,
            )
        new = tokens[:, inputs["input_ids"].shape[1] :].tolist()
        waited_s = time.monotonic() - started_s
        return [
            self._raw(row[:limit], n_prompt_tokens=length, waited_s=waited_s)
            for row, limit, length in zip(new, limits, lengths, strict=True)
        ]

    def _raw(self, tokens: Sequence[int], *, n_prompt_tokens: int, waited_s: float) -> Raw:
        ends = self._end_tokens()
        end = next((i for i, token in enumerate(tokens) if token in ends), None)
        said = tokens if end is None else tokens[: end + 1]
        usage = Usage(n_prompt_tokens=n_prompt_tokens, n_reply_tokens=len(said), wait_s=waited_s)
        text = self._processor.tokenizer.decode(said, skip_special_tokens=True)
        return Raw(text.strip(), is_cut=end is None, usage=usage)

    def _end_tokens(self) -> set[int]:
        ends = self._model.generation_config.eos_token_id
        return {ends} if isinstance(ends, int) else set(ends or ())


def _load_model(folder: Path, config: ChatConfig, device: str) -> Any:
    from transformers import AutoModelForImageTextToText

    dtype = dtype_of(config.dtype, device)
    if config.quantization == "none":
        return load_model(AutoModelForImageTextToText, folder, dtype=dtype).to(device)
    return _load_quantized(folder, config.quantization, device=device, dtype=dtype)


def _load_quantized(folder: Path, quantization: str, *, device: str, dtype: torch.dtype) -> Any:
    """With the weights of its linear layers in 8 or 4 bits, each as it is read."""
    from transformers import AutoModelForImageTextToText, TorchAoConfig

    kind = _int8() if quantization == "int8" else _int4(device)
    options = {"dtype": dtype, "quantization_config": TorchAoConfig(kind), "device_map": device}
    return load(AutoModelForImageTextToText, folder, **options).eval()


def _int8() -> Any:
    from torchao.quantization import Int8WeightOnlyConfig

    return Int8WeightOnlyConfig()


def _int4(device: str) -> Any:
    """Layers whose width is no multiple of the group size stay as they are."""
    if device == "cpu":
        from torchao.prototype.quantization.int4 import PrototypeInt4WeightOnlyConfig

        return PrototypeInt4WeightOnlyConfig(group_size=_GROUP_SIZE)
    from torchao.quantization import Int4WeightOnlyConfig

    return Int4WeightOnlyConfig(group_size=_GROUP_SIZE, int4_packing_format="tile_packed_to_4d")


def _batches(prompts: Mapping[int, Prompt], *, size: int) -> Iterator[list[int]]:
    """Rows of prompts, those of about the same length together, with pictures and without apart.

    Processors do not take pictures for some rows only.
    """
    rows = sorted(prompts, key=lambda row: (*_shape(prompts[row]), row))
    for _, alike in groupby(rows, key=lambda row: _shape(prompts[row])[0]):
        same = list(alike)
        for first in range(0, len(same), size):
            yield same[first : first + size]


def _shape(prompt: Prompt) -> tuple[bool, int, int, int]:
    texts = [part for part in prompt.parts if isinstance(part, str)]
    n_pictures = len(prompt.parts) - len(texts)
    return n_pictures > 0, prompt.max_tokens, n_pictures, sum(map(len, texts))


def _conversation(prompt: Prompt) -> list[dict[str, Any]]:
    """Messages as chat templates take them.

    Errors:
        ChatError: a picture cannot be read.
    """
    system = [{"type": "text", "text": prompt.system}]
    content = [_content(part) for part in stamped(prompt.parts)]
    return [{"role": "system", "content": system}, {"role": "user", "content": content}]


def _content(part: str | Image) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image", "image": _picture(part)}


def _picture(image: Image) -> Any:
    import PIL.Image

    check_jpeg(image)
    try:
        return PIL.Image.open(io.BytesIO(image.jpeg)).convert("RGB")
    except OSError as error:
        raise ChatError(f"the picture at {image.time_s:.1f} s cannot be read: {error}") from error
