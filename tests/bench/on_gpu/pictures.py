"""What there is to be had of the device, and what vision towers take of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import transformers

from on_gpu.frames import made_frames
from on_gpu.measuring import Bench, Cost, Row, UInt8, Work
from on_gpu.shapes import Vit


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
