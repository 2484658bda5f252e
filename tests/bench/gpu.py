"""What a GPU gives of what it has, to models of real size with random weights.

    python gpu.py [--seconds N] [--size 2b|4b] [--only PART...] [--compile] [--out GPU.md]

One file, to be copied to a machine where only torch, transformers (5.17 or later) and numpy
are: no Ray, no network, no weights, no scenelake. JSON goes to stdout, what goes on to
stderr. Eight minutes are enough with the defaults. Without a GPU it runs small shapes on the
processor, which shows that it runs and nothing else.

Every share is of something measured in the same run: of the fastest matrix product of the
models' own shapes, of the bandwidth of a large copy, of a plain loop. A failing measurement
is a row that says so, and the others go on.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import platform
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

UInt8 = NDArray[np.uint8]
Work = Callable[[], Any]

NO_GPU = "no GPU: small shapes on the CPU; says nothing about GPUs"
RATE_HZ = 16_000
N_WARM, N_LEAST, N_MOST = 2, 3, 200
PICTURE = (360, 640)
"""Height and width of the frames, before they are resized."""


# Models, and their floating-point operations: two for a multiplication and its addition.


@dataclass(frozen=True, slots=True)
class Vit:
    """A vision tower. SigLIP pools its patches by attention; DINOv2 has a class token."""

    name: str
    width: int
    n_layers: int
    n_heads: int
    mlp: int
    side_px: int
    patch_px: int
    has_class_token: bool

    @property
    def n_patches(self) -> int:
        return (self.side_px // self.patch_px) ** 2

    @property
    def n_tokens(self) -> int:
        return self.n_patches + self.has_class_token

    @property
    def flop(self) -> float:
        """Of one picture: patch embedding, layers, and the pooling by one probe."""
        n, d = self.n_tokens, self.width
        embedding = 2 * self.n_patches * 3 * self.patch_px**2 * d
        layers = self.n_layers * layer_flop(n=n, width=d, mlp=self.mlp)
        pooling = 0 if self.has_class_token else 4 * n * d**2 + 4 * d**2 + 4 * n * d
        pooling_mlp = 0 if self.has_class_token else 4 * d * self.mlp
        return embedding + layers + pooling + pooling_mlp

    def config(self) -> Any:
        shared = {
            "hidden_size": self.width,
            "num_hidden_layers": self.n_layers,
            "num_attention_heads": self.n_heads,
            "image_size": self.side_px,
            "patch_size": self.patch_px,
        }
        if self.has_class_token:
            return transformers.Dinov2Config(**shared, mlp_ratio=self.mlp // self.width)
        return transformers.SiglipVisionConfig(**shared, intermediate_size=self.mlp)


@dataclass(frozen=True, slots=True)
class Whisper:
    """Listens to windows of `window_s`, and writes `n_written` tokens for each."""

    name: str
    width: int
    n_layers: int
    n_written_layers: int
    n_heads: int
    mlp: int
    n_mels: int
    n_vocabulary: int
    window_s: int
    n_written: int

    @property
    def n_heard(self) -> int:
        return 50 * self.window_s

    @property
    def flop(self) -> float:
        """Of one window: two convolutions, the encoder, and the decoder token by token."""
        n, d = self.n_heard, self.width
        ears = 2 * 2 * n * 3 * self.n_mels * d + 2 * n * 3 * d * d
        encoder = self.n_layers * layer_flop(n=n, width=d, mlp=self.mlp)
        once = self.n_written_layers * 4 * n * d**2
        each = self.n_written_layers * (12 * d**2 + 4 * n * d + 4 * d * self.mlp)
        before = self.n_written_layers * 4 * d * sum(range(1, self.n_written + 1))
        return ears + encoder + once + before + self.n_written * (each + 2 * d * self.n_vocabulary)

    def config(self) -> Any:
        last = self.n_vocabulary - 1
        return transformers.WhisperConfig(
            d_model=self.width,
            encoder_layers=self.n_layers,
            decoder_layers=self.n_written_layers,
            encoder_attention_heads=self.n_heads,
            decoder_attention_heads=self.n_heads,
            encoder_ffn_dim=self.mlp,
            decoder_ffn_dim=self.mlp,
            num_mel_bins=self.n_mels,
            vocab_size=self.n_vocabulary,
            max_source_positions=self.n_heard,
            decoder_start_token_id=last,
            pad_token_id=last,
            bos_token_id=last,
            eos_token_id=last,
        )


@dataclass(frozen=True, slots=True)
class Qwen:
    """A language model with eyes; a prompt is `n_pictures` and `n_words` tokens of text."""

    name: str
    width: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    head: int
    mlp: int
    n_vocabulary: int
    eye: Vit
    deepstack: tuple[int, ...]
    mrope: tuple[int, int, int]
    n_pictures: int
    n_words: int

    @property
    def picture_tokens(self) -> int:
        return self.eye.n_patches // 4

    @property
    def prompt_tokens(self) -> int:
        return self.n_pictures * (self.picture_tokens + 2) + self.n_words

    @property
    def layer_weights(self) -> int:
        """Of one layer's matrices."""
        attention = self.width * self.head * 2 * (self.n_heads + self.n_kv_heads)
        return attention + 3 * self.width * self.mlp

    @property
    def text_flop(self) -> float:
        """Of one prompt: attention counted as causal, the vocabulary for the last token."""
        n = self.prompt_tokens
        attention = 2 * n * n * self.n_heads * self.head
        layers = self.n_layers * (2 * n * self.layer_weights + attention)
        return layers + 2 * self.width * self.n_vocabulary

    @property
    def flop(self) -> float:
        """Of one prompt with its pictures: the text's, and the eyes'."""
        n, d, joined = self.eye.n_patches, self.eye.width, 4 * self.eye.width
        embedding = 2 * n * 2 * 3 * self.eye.patch_px**2 * d
        layers = self.eye.n_layers * layer_flop(n=n, width=d, mlp=self.eye.mlp)
        merger = 2 * (n // 4) * joined * (joined + self.width)
        picture = embedding + layers + merger * (1 + len(self.deepstack))
        return self.text_flop + self.n_pictures * picture

    def step_bytes(self, *, batch: int, item_bytes: int) -> float:
        """Read for one more token of each prompt: all weights once, and the prompts' keys
        and values."""
        weights = self.n_layers * self.layer_weights + self.width * self.n_vocabulary
        cached = 2 * self.n_layers * self.n_kv_heads * self.head * self.prompt_tokens
        return float(item_bytes * (weights + batch * cached))

    def config(self) -> Any:
        ids = ("vision_start", "vision_end", "image", "video")
        return transformers.Qwen3VLConfig(
            text_config={
                "hidden_size": self.width,
                "num_hidden_layers": self.n_layers,
                "num_attention_heads": self.n_heads,
                "num_key_value_heads": self.n_kv_heads,
                "head_dim": self.head,
                "intermediate_size": self.mlp,
                "vocab_size": self.n_vocabulary,
                "rope_parameters": {
                    "rope_type": "default",
                    "rope_theta": 5_000_000.0,
                    "mrope_section": list(self.mrope),
                    "mrope_interleaved": True,
                },
            },
            vision_config={
                "depth": self.eye.n_layers,
                "hidden_size": self.eye.width,
                "num_heads": self.eye.n_heads,
                "intermediate_size": self.eye.mlp,
                "patch_size": self.eye.patch_px,
                "out_hidden_size": self.width,
                "deepstack_visual_indexes": list(self.deepstack),
            },
            tie_word_embeddings=True,
            **{f"{n}_token_id": self.n_vocabulary - 4 + i for i, n in enumerate(ids)},
        )


def layer_flop(*, n: int, width: int, mlp: int) -> float:
    """Of a layer over n tokens that all see each other: queries, keys, values and output;
    attention; the two products of the MLP."""
    return 8.0 * n * width**2 + 4.0 * n * n * width + 4.0 * n * width * mlp


@dataclass(frozen=True, slots=True)
class Shapes:
    """The models of a run, and how much of each it is given."""

    siglip: Vit
    dino: Vit
    whisper: Whisper
    qwen: Qwen
    square: int
    copy_bytes: int
    picture_batches: tuple[int, ...]
    way_batch: int
    window_batches: tuple[int, ...]
    prefill_batches: tuple[int, ...]
    decode_batches: tuple[int, ...]


_EYE = Vit("eyes", 1024, 24, 16, 4096, 448, 16, has_class_token=True)
_REAL = {
    "siglip": Vit("SigLIP so400m/14 384 px", 1152, 27, 16, 4304, 384, 14, has_class_token=False),
    "dino": Vit("DINOv2 large/14 224 px", 1024, 24, 16, 4096, 224, 14, has_class_token=True),
    "whisper": Whisper("Whisper large-v3-turbo", 1280, 32, 4, 20, 5120, 128, 51866, 30, 100),
    "square": 8192,
    "copy_bytes": 4 << 30,
    "picture_batches": (1, 8, 32, 128),
    "way_batch": 64,
    "window_batches": (1, 8, 32),
    "prefill_batches": (1, 8),
    "decode_batches": (1, 8, 32),
}
_2B = Qwen(
    "Qwen3-VL 2B", 2048, 28, 16, 8, 128, 6144, 151936, _EYE, (5, 11, 17), (24, 20, 20), 8, 256
)
_4B = Qwen(
    "Qwen3-VL 4B", 2560, 36, 32, 8, 128, 9728, 151936, _EYE, (5, 11, 17), (24, 20, 20), 8, 256
)
_SMALL = Shapes(
    siglip=Vit("SigLIP, small", 64, 2, 4, 128, 56, 14, has_class_token=False),
    dino=Vit("DINOv2, small", 64, 2, 4, 256, 56, 14, has_class_token=True),
    whisper=Whisper("Whisper, small", 64, 2, 2, 4, 128, 80, 512, 2, 8),
    qwen=Qwen(
        *("Qwen3-VL, small", 64, 2, 4, 2, 16, 128, 512),
        *(Vit("eyes", 32, 2, 2, 64, 64, 16, has_class_token=True), (0,), (4, 2, 2), 2, 8),
    ),
    square=512,
    copy_bytes=32 << 20,
    picture_batches=(1, 4),
    way_batch=4,
    window_batches=(1, 2),
    prefill_batches=(1, 2),
    decode_batches=(1, 2),
)


def shapes(size: str) -> Shapes:
    """Of "2b", "4b" or "small"."""
    return _SMALL if size == "small" else Shapes(**_REAL, qwen={"2b": _2B, "4b": _4B}[size])


# Measuring.


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: `rate` per second, median, with the lowest and highest of its repeats.

    Attributes:
        shares: of what -> how much of it; of a plain loop, more than 1 is faster.
        peak_mib: of memory that torch held on the GPU meanwhile, models included.
        error: why there is no rate.
    """

    part: str
    what: str
    batch: int
    dtype: str
    unit: str
    rate: float | None = None
    lowest: float | None = None
    highest: float | None = None
    n_repeats: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    peak_mib: float | None = None
    note: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call of a piece of work gives, and what it must do for that."""

    count: float
    unit: str
    flop: float = 0.0
    n_bytes: float = 0.0


class Bench:
    """Where it is measured, for how long, and what was found so far."""

    def __init__(self, shapes: Shapes, *, device: str, seconds: float, compiles: bool) -> None:
        self.shapes = shapes
        self.device = device
        self.seconds = seconds
        self.compiles = compiles
        self.dtype = torch.bfloat16 if device == "cuda" else torch.float32
        self.rows: list[Row] = []
        self.best_flop_s = 0.0
        self.copied_bytes_s = 0.0

    @property
    def on_gpu(self) -> bool:
        return self.device == "cuda"

    @property
    def dtype_name(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    def wait(self) -> None:
        """Until the device has done all it was given."""
        if self.on_gpu:
            torch.cuda.synchronize()

    def measure(
        self,
        part: str,
        what: str,
        work: Work,
        cost: Cost,
        *,
        batch: int = 1,
        beside: Row | None = None,
        note: str = "",
    ) -> Row:
        """A row for a piece of work, warm, again and again for `seconds`.

        Args:
            beside: the row whose rate this one's is compared to.
        """
        row = Row(part, what, batch, self.dtype_name, cost.unit, note=note)
        with self.guarded(row) as found:
            self.forget_peak()
            times_s = self._times(work)
            median_s = statistics.median(times_s)
            found |= {
                "rate": cost.count / median_s,
                "lowest": cost.count / max(times_s),
                "highest": cost.count / min(times_s),
                "n_repeats": len(times_s),
                "peak_mib": self.peak_mib(),
                "shares": self._shares(cost, median_s, beside),
            }
        return self.rows[-1]

    @contextmanager
    def guarded(self, row: Row) -> Iterator[dict[str, Any]]:
        """Adds the row with what is put into the dictionary, or with what went wrong."""
        found: dict[str, Any] = {}
        try:
            yield found
        except Exception as error:
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        self.rows.append(Row(**{**asdict(row), **found}))
        say(f"{row.part}: {row.what}, batch {row.batch}: {_told(self.rows[-1])}")

    def _times(self, work: Work) -> list[float]:
        for _ in range(N_WARM):
            work()
        times_s: list[float] = []
        while len(times_s) < N_LEAST or (sum(times_s) < self.seconds and len(times_s) < N_MOST):
            self.wait()
            start_s = time.perf_counter()
            work()
            self.wait()
            times_s.append(time.perf_counter() - start_s)
        return times_s

    def _shares(self, cost: Cost, time_s: float, beside: Row | None) -> dict[str, float]:
        shares = {}
        if cost.flop and self.best_flop_s:
            shares["matrix product"] = cost.flop / time_s / self.best_flop_s
        if cost.n_bytes and self.copied_bytes_s:
            shares["copy bandwidth"] = cost.n_bytes / time_s / self.copied_bytes_s
        if beside is not None and beside.rate:
            shares["plain loop"] = cost.count / time_s / beside.rate
        return shares

    def forget_peak(self) -> None:
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats()

    def peak_mib(self) -> float | None:
        return torch.cuda.max_memory_allocated() / 2**20 if self.on_gpu else None

    def model(self, auto: Any, config: Any) -> Any:
        """A model of random weights, made on the device: in the memory of a host it takes long."""
        torch.manual_seed(0)
        with torch.device(self.device):
            made = auto.from_config(config, dtype=self.dtype, attn_implementation="sdpa")
        return made.eval().requires_grad_(False)

    def noise(self, *size: int) -> torch.Tensor:
        return torch.randn(*size, device=self.device, dtype=self.dtype)


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


# The parts.


def matrix(bench: Bench) -> None:
    """What there is to be had: matrix products of the models' own shapes, and a copy."""
    s = bench.shapes
    batch = s.picture_batches[-1]
    sides = {
        "square": (s.square, s.square, s.square),
        f"{s.siglip.name}, MLP": (batch * s.siglip.n_tokens, s.siglip.width, s.siglip.mlp),
        f"{s.dino.name}, MLP": (batch * s.dino.n_tokens, s.dino.width, s.dino.mlp),
        f"{s.whisper.name}, MLP": (8 * s.whisper.n_heard, s.whisper.width, s.whisper.mlp),
        f"{s.qwen.name}, MLP": (8 * s.qwen.prompt_tokens, s.qwen.width, s.qwen.mlp),
    }
    for what, (n, k, m) in sides.items():
        _product(bench, what, n, k, m)
    n_bytes = min(s.copy_bytes, torch.cuda.mem_get_info()[0] // 8) if bench.on_gpu else s.copy_bytes
    source = torch.empty(n_bytes, dtype=torch.uint8, device=bench.device)
    target = torch.empty_like(source)
    moved = Cost(2 * n_bytes / 1e9, "GB/s, read and written")
    row = bench.measure("matrix", "copy", lambda: target.copy_(source), moved)
    bench.copied_bytes_s = (row.rate or 0.0) * 1e9


def _product(bench: Bench, what: str, n: int, k: int, m: int) -> None:
    left, right = bench.noise(n, k), bench.noise(k, m)
    repeats = 10 if bench.on_gpu else 1

    def work() -> None:
        for _ in range(repeats):
            torch.mm(left, right)

    cost = Cost(repeats * 2 * n * k * m / 1e12, "TFLOP/s")
    row = bench.measure("matrix", f"{what}: {n} x {k} x {m}", work, cost)
    bench.best_flop_s = max(bench.best_flop_s, (row.rate or 0.0) * 1e12)


def encoders(bench: Bench) -> None:
    """Vision towers alone: pictures that are on the device already, at several batch sizes."""
    for vit in (bench.shapes.siglip, bench.shapes.dino):
        model = bench.model(transformers.AutoModel, vit.config())
        for batch in bench.shapes.picture_batches:
            pixels = bench.noise(batch, 3, vit.side_px, vit.side_px)
            cost = Cost(batch, "frames/s", flop=batch * vit.flop)
            work = _forward(model, pixels)
            bench.measure("encoders", vit.name, work, cost, batch=batch)
        if bench.compiles:
            work = _forward(torch.compile(model), pixels)
            bench.measure("encoders", f"{vit.name}, compiled", work, cost, batch=batch)


def _forward(model: Any, pixels: torch.Tensor) -> Work:
    return lambda: model(pixel_values=pixels).pooler_output


class Eye:
    """A tower and the ways of pictures (N, H, W, 3) uint8 into it; each gives (N, D)."""

    def __init__(self, bench: Bench, vit: Vit) -> None:
        self.vit = vit
        self._bench = bench
        self._model = bench.model(transformers.AutoModel, vit.config())

    def plain(self, pictures: UInt8) -> torch.Tensor:
        """As transformers' documentation has it: its image processor, batch after batch."""
        side = {"height": self.vit.side_px, "width": self.vit.side_px}
        processor = transformers.SiglipImageProcessor(size=side)
        seen = []
        for batch in self._batches(pictures):
            inputs = processor(images=list(batch), return_tensors="pt")
            seen.append(self._see(inputs["pixel_values"].to(self._bench.device)).cpu())
        return torch.cat(seen)

    def resized_before(self, pictures: UInt8) -> torch.Tensor:
        """Resized by torch on the processor."""
        batches = (self.resized(torch.from_numpy(batch)) for batch in self._batches(pictures))
        return torch.cat([self._see(b.to(self._bench.device)).cpu() for b in batches])

    def resized_there(self, pictures: UInt8) -> torch.Tensor:
        """Sent as bytes, and resized on the device."""
        batches = (torch.from_numpy(batch) for batch in self._batches(pictures))
        moved = (batch.to(self._bench.device) for batch in batches)
        return torch.cat([self._see(self.resized(batch)).cpu() for batch in moved])

    def queued(self, pictures: UInt8) -> torch.Tensor:
        """As `resized_there` from pinned memory; nothing is waited for until the end."""
        pinned = (self.pinned(batch) for batch in self._batches(pictures))
        return torch.cat([self.sent(batch) for batch in pinned]).cpu()

    def pinned(self, pictures: UInt8) -> torch.Tensor:
        """In memory from which a GPU fetches by itself."""
        pixels = torch.from_numpy(pictures)
        return pixels.pin_memory() if self._bench.on_gpu else pixels

    def sent(self, pictures: torch.Tensor) -> torch.Tensor:
        """One batch, queued: the vectors, on the device."""
        return self._see(self.resized(pictures.to(self._bench.device, non_blocking=True)))

    def resized(self, pictures: torch.Tensor) -> torch.Tensor:
        """(N, H, W, 3) uint8 to (N, 3, side, side), normalised, as SigLIP's processor does."""
        pixels = torch.nn.functional.interpolate(
            pictures.permute(0, 3, 1, 2).float(),
            size=(self.vit.side_px, self.vit.side_px),
            mode="bicubic",
            antialias=True,
        )
        return pixels.round_().clamp_(0, 255).div_(127.5).sub_(1)

    def turn_channels_last(self) -> None:
        self._model.to(memory_format=torch.channels_last)

    def compile(self) -> None:
        self._model = torch.compile(self._model)

    def _see(self, pixels: torch.Tensor) -> torch.Tensor:
        output = self._model(pixel_values=pixels.to(self._bench.dtype))
        return torch.nn.functional.normalize(output.pooler_output.float(), dim=1)

    def _batches(self, pictures: UInt8) -> Iterator[UInt8]:
        size = self._bench.shapes.way_batch
        return (pictures[start : start + size] for start in range(0, len(pictures), size))


def ways(bench: Bench) -> None:
    """From pictures in the host's memory to vectors there, against the plain loop."""
    eye, batch = Eye(bench, bench.shapes.siglip), bench.shapes.way_batch
    pictures = np.concatenate(list(itertools.islice(made_frames(batch), 4)))
    cost = Cost(len(pictures), "frames/s", flop=len(pictures) * eye.vit.flop)

    def measured(what: str, way: Callable[[UInt8], torch.Tensor], beside: Row | None) -> Row:
        return bench.measure("ways", what, lambda: way(pictures), cost, batch=batch, beside=beside)

    plain = measured("plain transformers in a loop", eye.plain, None)
    measured("resized on the processor by torch", eye.resized_before, plain)
    measured("resized on the device", eye.resized_there, plain)
    measured("pinned and queued", eye.queued, plain)
    _same_vectors(bench, eye, pictures[:batch])
    eye.turn_channels_last()
    measured("pinned and queued, channels last", eye.queued, plain)
    if bench.compiles:
        eye.compile()
        measured("pinned and queued, channels last, compiled", eye.queued, plain)


def _same_vectors(bench: Bench, eye: Eye, pictures: UInt8) -> None:
    """Whether the quick way sees what the plain one does: the least alike of a batch."""
    row = Row("ways", "least cosine, queued to plain", len(pictures), bench.dtype_name, "cosine")
    with bench.guarded(row) as found:
        cosines = (eye.plain(pictures) * eye.queued(pictures)).sum(dim=1)
        found |= {"rate": float(cosines.min()), "n_repeats": len(pictures)}


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
        work = _read(model, prompt)
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


def _read(model: Any, prompt: dict[str, torch.Tensor], cache: Any = None) -> Work:
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
        out = _read(model, prompts(bench, batch=batch), cache)()
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


def feeding(bench: Bench) -> None:
    """How busy the device is kept while a thread beside it makes the frames."""
    eye = Eye(bench, bench.shapes.siglip)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.avi"
        sources: dict[str, Callable[[int], Iterator[UInt8]]] = {
            "noise": made_frames,
            "decoded by PyAV": lambda n: batched(decoded_by_av(film), n),
            "decoded by OpenCV": lambda n: batched(decoded_by_opencv(film), n),
        }
        for what, source in sources.items():
            row = Row("feeding", what, bench.shapes.way_batch, bench.dtype_name, "frames/s")
            with bench.guarded(row) as found:
                if source is not made_frames and not film.exists():
                    write_film(film)
                found |= _fed(bench, eye, source)


def _fed(bench: Bench, eye: Eye, source: Callable[[int], Iterator[UInt8]]) -> dict[str, Any]:
    """Frames a second, and of the time: how long the device had a batch, and was seen busy."""
    batch = bench.shapes.way_batch
    alone_s = _seconds_alone(source(batch))
    bench.forget_peak()
    eye.queued(next(source(batch)))
    bench.wait()
    with running(source(batch)) as waiting, Utilisation(bench) as seen:
        start_s, n_batches, stopwatch = time.perf_counter(), 0, Stopwatch(bench)
        while time.perf_counter() - start_s < bench.seconds or n_batches < N_LEAST:
            stopwatch.run(partial(eye.sent, eye.pinned(taken(waiting))))
            n_batches += 1
        bench.wait()
        wall_s = time.perf_counter() - start_s
    shares = {"time with a batch on the device": stopwatch.busy_s() / wall_s}
    if seen.samples:
        shares["time busy, by the driver"] = statistics.mean(seen.samples) / 100
    return {
        "rate": n_batches * batch / wall_s,
        "n_repeats": n_batches,
        "shares": shares,
        "peak_mib": bench.peak_mib(),
        "note": f"the frames alone: {batch / alone_s:.0f}/s",
    }


def _seconds_alone(batches: Iterator[UInt8]) -> float:
    """Of making one batch, with nothing beside it."""
    next(batches)
    start_s = time.perf_counter()
    for _ in range(N_LEAST):
        next(batches)
    return (time.perf_counter() - start_s) / N_LEAST


class Stopwatch:
    """Sums the device's time from the start of each piece of work to its end.

    Holes inside a piece, where the device waits for the next kernel, count as busy. At most
    two pieces are queued, so that the device has work and memory has an end.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._spans: list[tuple[Any, Any]] = []
        self._queued: deque[Any] = deque()
        self._busy_s = 0.0

    def run(self, work: Work) -> None:
        if not self._bench.on_gpu:
            start_s = time.perf_counter()
            work()
            self._busy_s += time.perf_counter() - start_s
            return
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        self._spans.append((start, end))
        self._queued.append(end)
        if len(self._queued) > 2:
            self._queued.popleft().synchronize()

    def busy_s(self) -> float:
        """After the device has been waited for."""
        return self._busy_s + sum(start.elapsed_time(end) for start, end in self._spans) / 1000


class Utilisation:
    """What the driver says, in percent, several times a second; nothing without nvidia-smi."""

    _COMMAND = "nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits --id=0"

    def __init__(self, bench: Bench) -> None:
        self.samples: list[float] = []
        self._there = bench.on_gpu and shutil.which("nvidia-smi") is not None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Utilisation:
        if self._there:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._there:
            self._thread.join()

    def _sample(self) -> None:
        while not self._stop.wait(0.2):
            done = subprocess.run(self._COMMAND.split(), capture_output=True, text=True)
            if done.returncode or not done.stdout.strip().isdigit():
                say(f"nvidia-smi: {done.stdout}{done.stderr}")
                return
            self.samples.append(float(done.stdout))


# Frames.


def made_frames(batch: int) -> Iterator[UInt8]:
    """Batches (N, H, W, 3) without end: noise, every pixel eight by eight."""
    rng, (height, width) = np.random.default_rng(0), PICTURE
    while True:
        small = rng.integers(0, 256, (batch, height // 8, width // 8, 3), dtype=np.uint8)
        yield small.repeat(8, axis=1).repeat(8, axis=2)


def write_film(path: Path, *, n_frames: int = 100) -> None:
    """Moving noise, by PyAV where it is and else by OpenCV.

    Errors:
        ImportError: neither is there.
    """
    pictures = (np.roll(picture, 3 * i, axis=1) for i, picture in enumerate(_stills(n_frames)))
    try:
        import av
    except ImportError:
        _write_by_opencv(path, pictures)
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width = PICTURE
        stream.pix_fmt, stream.bit_rate = "yuv420p", 2_000_000
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def _stills(count: int) -> Iterator[UInt8]:
    (picture,) = next(made_frames(1))
    return itertools.repeat(picture, count)


def _write_by_opencv(path: Path, pictures: Iterator[UInt8]) -> None:
    import cv2

    height, width = PICTURE
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (width, height))
    for picture in pictures:
        writer.write(np.ascontiguousarray(picture[:, :, ::-1]))
    writer.release()


def decoded_by_av(film: Path) -> Iterator[UInt8]:
    """Frames (H, W, 3), again and again."""
    import av

    while True:
        with av.open(str(film)) as container:
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="rgb24")


def decoded_by_opencv(film: Path) -> Iterator[UInt8]:
    """Frames (H, W, 3), again and again.

    Errors:
        ValueError: not even one frame.
    """
    import cv2

    while True:
        reader = cv2.VideoCapture(str(film))
        found, picture = reader.read()
        if not found:
            raise ValueError(f"OpenCV reads no frame of {film.name}")
        while found:
            yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            found, picture = reader.read()


def batched(frames: Iterator[UInt8], size: int) -> Iterator[UInt8]:
    """(N, H, W, 3) of so many frames each."""
    while True:
        yield np.stack(list(itertools.islice(frames, size)))


@contextmanager
def running(batches: Iterator[UInt8]) -> Iterator[queue.Queue[UInt8 | Exception]]:
    """A thread that puts batches into a queue of four until this is left."""
    waiting: queue.Queue[UInt8 | Exception] = queue.Queue(maxsize=4)
    stop = threading.Event()

    def put(item: UInt8 | Exception) -> None:
        while not stop.is_set():
            try:
                waiting.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def make() -> None:
        try:
            while not stop.is_set():
                put(next(batches))
        except Exception as error:  # the other thread's to raise
            put(error)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        yield waiting
    finally:
        stop.set()
        thread.join()


def taken(waiting: queue.Queue[UInt8 | Exception]) -> UInt8:
    """The next batch, or the error that the thread has met."""
    item = waiting.get(timeout=60)
    if isinstance(item, Exception):
        raise item
    return item


# The document.

PARTS: dict[str, Callable[[Bench], None]] = {
    part.__name__: part for part in (matrix, encoders, ways, speech, language, feeding)
}
TARGET = 0.5
NOT_MEASURED = (
    "real weights (random ones of the same shapes; what is written or seen means nothing)",
    "more than one GPU, and engines other than transformers' (vLLM, TensorRT, flash-attn)",
    "decoding by the GPU, reading from discs and networks, and anything of scenelake's own",
    "times inside kernels: holes between the kernels of a batch count as the batch's",
)


def document(bench: Bench, *, size: str, wall_s: float) -> dict[str, Any]:
    """All that was found, and where."""
    return {
        "machine": machine(bench),
        "note": "" if bench.on_gpu else NO_GPU,
        "size": size,
        "seconds_each": bench.seconds,
        "wall_s": wall_s,
        "flop": {
            bench.shapes.siglip.name: bench.shapes.siglip.flop,
            bench.shapes.dino.name: bench.shapes.dino.flop,
            bench.shapes.whisper.name: bench.shapes.whisper.flop,
            bench.shapes.qwen.name: bench.shapes.qwen.flop,
        },
        "rows": [asdict(row) for row in bench.rows],
        "verdicts": verdicts(bench) if bench.on_gpu else [],
        "not_measured": list(NOT_MEASURED),
    }


def verdicts(bench: Bench) -> list[str]:
    """Whether towers reach `TARGET` of the matrix rate, and our way is behind the plain loop."""
    lines = []
    for name in (bench.shapes.siglip.name, bench.shapes.dino.name):
        rows = [row for row in bench.rows if row.part == "encoders" and row.what == name]
        share = max((row.shares.get("matrix product", 0.0) for row in rows), default=0.0)
        reached = "reached" if share >= TARGET else "missed"
        lines.append(f"{name}: {share:.2f} of the matrix rate at best; {TARGET} {reached}")
    for row in bench.rows:
        if "plain loop" in row.shares:
            lines.append(f"{row.what}: {row.shares['plain loop']:.2f} times the plain loop")
    return lines


def machine(bench: Bench) -> dict[str, Any]:
    """What matters to speed, and nothing that names the machine."""
    return {
        "device": torch.cuda.get_device_name() if bench.on_gpu else "CPU, one thread",
        "cores": len(os.sched_getaffinity(0)),
        "dtype": bench.dtype_name,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "numpy": np.__version__,
    }


def page(found: dict[str, Any]) -> str:
    """The document as a page of Markdown."""
    m, header = found["machine"], "part what batch dtype rate unit spread repeats shares peak note"
    rows = [_cells(row) for row in found["rows"]]
    lines = [
        "# Models of real size on a GPU (`python tests/bench/gpu.py --out tests/bench/GPU.md`)",
        f"**{found['note']}.**" if found["note"] else "",
        f"{m['device']}, {m['cores']} cores; {m['dtype']}; Python {m['python']}, torch "
        f"{m['torch']}, transformers {m['transformers']}, numpy {m['numpy']}. Median of repeats "
        f"over {found['seconds_each']:g} s each, warm; spread is the lowest and highest; peak is "
        "of memory that torch held, in MiB. Shares are of the fastest matrix product here, of "
        "the copy's bandwidth, of the time, and of the plain loop's rate.",
        "\n".join(
            f"| {' | '.join(cells)} |"
            for cells in [header.split(), ["---"] * len(header.split()), *rows]
        ),
        "One call takes, by count of its matrix products and attention: "
        + "; ".join(f"{name} {flop / 1e9:.4g} GFLOP" for name, flop in found["flop"].items())
        + ".",
        "\n".join(f"* {line}." for line in found["verdicts"]),
        "Not measured:\n\n" + "\n".join(f"* {line}" for line in found["not_measured"]),
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def _cells(row: dict[str, Any]) -> list[str]:
    shares = "; ".join(f"{share:.2f} of {what}" for what, share in row["shares"].items())
    spread = f"{_digits(row['lowest'])} - {_digits(row['highest'])}" if row["lowest"] else ""
    rate = f"failed: {row['error']}".replace("|", "/") if row["error"] else _digits(row["rate"])
    peak = "" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}"
    head = [row["part"], row["what"], str(row["batch"]), row["dtype"], rate, row["unit"]]
    return [*head, spread, str(row["n_repeats"]), shares, peak, row["note"]]


def _digits(value: float) -> str:
    return f"{value:.4g}" if value < 1e4 else f"{value:.0f}"


def _told(row: Row) -> str:
    if row.error:
        return f"failed: {row.error}"
    assert row.rate is not None
    return f"{_digits(row.rate)} {row.unit} {row.shares or ''}"


def measured(bench: Bench, parts: Sequence[str]) -> None:
    """All parts; one that cannot even begin is a row that says so."""
    for name in parts:
        begun = len(bench.rows)
        try:
            with torch.inference_mode():
                PARTS[name](bench)
        except Exception:
            with bench.guarded(Row(name, "after " + _last(bench.rows[begun:]), 0, "", "")):
                raise
        gc.collect()
        if bench.on_gpu:
            torch.cuda.empty_cache()


def _last(rows: Sequence[Row]) -> str:
    return f"{rows[-1].what}, batch {rows[-1].batch}" if rows else "nothing"


def main() -> int:
    """0: all was measured; 3: some rows failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4.0, help="for each measurement")
    parser.add_argument("--size", choices=("2b", "4b"), default="2b", help="of the Qwen-VL shape")
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=tuple(PARTS))
    parser.add_argument("--compile", action="store_true", help="torch.compile too; minutes more")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--out", type=Path, help="write the table here, in Markdown")
    asked = parser.parse_args()
    device = asked.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        # Threads wait for each other by spinning, for long where others use the cores too.
        torch.set_num_threads(1)
    size = asked.size if device == "cuda" else "small"
    bench = Bench(shapes(size), device=device, seconds=asked.seconds, compiles=asked.compile)
    start_s = time.perf_counter()
    # Shares need the first part's rates.
    measured(bench, list(dict.fromkeys(("matrix", *asked.only))))
    found = document(bench, size=size, wall_s=time.perf_counter() - start_s)
    sys.stdout.write(json.dumps(found) + "\n")
    if asked.out:
        asked.out.write_text(page(found), "utf-8")
    return 3 if any(row.error for row in bench.rows) else 0


if __name__ == "__main__":
    sys.exit(main())
