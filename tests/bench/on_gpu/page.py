"""All that was found, as JSON and as a page of Markdown."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
import transformers

from on_gpu.measuring import Bench, digits

NO_GPU = "no GPU: small shapes on the CPU; says nothing about GPUs"


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
    spread = f"{digits(row['lowest'])} - {digits(row['highest'])}" if row["lowest"] else ""
    rate = f"failed: {row['error']}".replace("|", "/") if row["error"] else digits(row["rate"])
    peak = "" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}"
    head = [row["part"], row["what"], str(row["batch"]), row["dtype"], rate, row["unit"]]
    return [*head, spread, str(row["n_repeats"]), shares, peak, row["note"]]
