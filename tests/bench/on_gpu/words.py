"""Models that write: Whisper, and a language model that sees pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from on_gpu.measuring import N_MOST, N_WARM, Bench, Cost, Row, Work

RATE_HZ = 16_000


def speech(bench: Bench) -> None:
    """Whisper over windows of sound: features, encoder, and a greedy decoder of fixed length."""
    w = bench.shapes.whisper
    model = bench.model(transformers.AutoModelForSpeechSeq2Seq, w.config())
    ears = transformers.WhisperFeatureExtractor(feature_size=w.n_mels, chunk_length=w.window_s)
    for batch in bench.shapes.window_batches:
        sounds = np.random.default_rng(0).standard_normal((batch, w.window_s * RATE_HZ))
        cost = Cost(batch * w.window_s, "seconds of sound/s", flop=batch * w.flop)
        for place in dict.fromkeys(("cpu", bench.device)):
            work = _written(bench, model, ears, sounds.astype(np.float32), place)
            bench.measure("speech", f"{w.name}, features on {place}", work, cost, batch=batch)


def _written(bench: Bench, model: Any, ears: Any, sounds: NDArray[np.float32], place: str) -> Work:
    w = bench.shapes.whisper

    def work() -> torch.Tensor:
        heard = ears(list(sounds), sampling_rate=RATE_HZ, return_tensors="pt", device=place)
        features = heard["input_features"].to(bench.device, bench.dtype)
        encoded = model.model.encoder(features)
        ids = torch.full((len(sounds), 1), w.n_vocabulary - 1, device=bench.device)
        cache = None
        for _ in range(w.n_written):
            out = model(
                encoder_outputs=encoded,
                decoder_input_ids=ids,
                past_key_values=cache,
                use_cache=True,
            )
            cache, ids = out.past_key_values, out.logits[:, -1:].argmax(-1)
        return ids.cpu()

    return work


def language(bench: Bench) -> None:
    """A model of Qwen3-VL's shape: reading prompts with pictures, then writing."""
    qwen = bench.shapes.qwen
    model = bench.model(transformers.AutoModelForImageTextToText, qwen.config())
    for batch in bench.shapes.prefill_batches:
        prompt = prompts(bench, batch=batch)
        cost = Cost(batch * qwen.prompt_tokens, "prompt tokens/s", flop=batch * qwen.flop)
        work = read_prompts(model, prompt)
        bench.measure("language", f"{qwen.name}, prefill", work, cost, batch=batch)
    for batch in bench.shapes.decode_batches:
        _decode(bench, model, batch=batch, static=False)
        if bench.compiles:
            _decode(bench, model, batch=batch, static=True)


def prompts(bench: Bench, *, batch: int) -> dict[str, torch.Tensor]:
    """What the model's processor would give, of noise: each picture between its marks."""
    qwen, side = bench.shapes.qwen, bench.shapes.qwen.eye.side_px // bench.shapes.qwen.eye.patch_px
    start, end, image = (qwen.n_vocabulary - 4 + i for i in range(3))
    ids = [start, *[image] * qwen.picture_tokens, end] * qwen.n_pictures + [7] * qwen.n_words
    n = batch * qwen.n_pictures
    input_ids = torch.tensor([ids] * batch, device=bench.device)
    return {
        "input_ids": input_ids,
        "mm_token_type_ids": (input_ids == image).int(),
        "pixel_values": bench.noise(n * qwen.eye.n_patches, 3 * 2 * qwen.eye.patch_px**2),
        "image_grid_thw": torch.tensor([[1, side, side]] * n, device=bench.device),
    }


def read_prompts(model: Any, prompt: dict[str, torch.Tensor], cache: Any = None) -> Work:
    return lambda: model(**prompt, past_key_values=cache, use_cache=True, logits_to_keep=1)


def _decode(bench: Bench, model: Any, *, batch: int, static: bool) -> None:
    """One token after the other for each prompt of a batch.

    Args:
        static: a cache of fixed size and a compiled model, replayed as a CUDA graph; else as
            transformers does by itself, with a cache that grows.
    """
    qwen = bench.shapes.qwen
    n_bytes = qwen.step_bytes(batch=batch, item_bytes=bench.dtype.itemsize)
    what = f"{qwen.name}, decode" + (", static cache, compiled" if static else "")
    row = Row("language", what, batch, bench.dtype_name, "tokens/s")
    try:
        work = _Writer(bench, model, batch=batch, static=static)
    except Exception:
        with bench.guarded(row):
            raise
        return
    cost = Cost(batch, "tokens/s", n_bytes=n_bytes)
    bench.measure("language", what, work, cost, batch=batch)


class _Writer:
    """Has read prompts; each call writes one token more."""

    def __init__(self, bench: Bench, model: Any, *, batch: int, static: bool) -> None:
        n = bench.shapes.qwen.prompt_tokens
        cache = None
        if static:
            config = model.config.get_text_config()
            cache = transformers.StaticCache(config=config, max_cache_len=n + N_MOST + N_WARM + 1)
        out = read_prompts(model, prompts(bench, batch=batch), cache)()
        self._cache = out.past_key_values
        self._ids = out.logits[:, -1:].argmax(-1)
        self._positions = (n + model.model.rope_deltas)[None].expand(3, -1, -1).clone()
        self._forward = torch.compile(model, mode="reduce-overhead") if static else model

    def __call__(self) -> None:
        out = self._forward(
            input_ids=self._ids,
            position_ids=self._positions,
            past_key_values=self._cache,
            use_cache=True,
        )
        self._ids = out.logits[:, -1:].argmax(-1)
        self._positions = self._positions + 1
