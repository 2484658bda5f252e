"""`gpu.py` runs where there is no GPU, says so, and counts operations as torch does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("gpu.py")
PARTS = sorted((SCRIPT.parent / "on_gpu").glob("*.py"))


@dataclass(frozen=True, slots=True)
class Run:
    """What a run on the processor printed, and the page it wrote."""

    document: dict[str, Any]
    page: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    page = tmp_path_factory.mktemp("gpu") / "GPU.md"
    command = [sys.executable, str(SCRIPT), "--device", "cpu", "--seconds", "0.02"]
    done = subprocess.run(
        [*command, "--out", str(page)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return Run(json.loads(done.stdout), page.read_text("utf-8"))


@pytest.fixture(scope="module")
def gpu() -> Iterator[SimpleNamespace]:
    """What the script's parts offer, under one name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPT.parent)
        modules = [import_module(f"on_gpu.{path.stem}") for path in PARTS if path.stem[0] != "_"]
        yield SimpleNamespace(**{k: v for module in modules for k, v in vars(module).items()})


def test_a_run_without_a_gpu_says_that_it_tells_nothing_of_gpus(run: Run) -> None:
    assert run.document["machine"]["device"].startswith("CPU")
    assert "no GPU: small shapes on the CPU; says nothing about GPUs" in run.page
    assert "Not measured" in run.page


def test_every_part_is_measured_again_and_again_with_its_spread(run: Run) -> None:
    rows = run.document["rows"]
    assert {row["part"] for row in rows} == set(
        "matrix encoders ways speech language feeding".split()
    )
    assert not [row["error"] for row in rows if row["error"]]
    timed = [row for row in rows if row["lowest"] is not None]
    assert all(row["n_repeats"] >= 3 for row in timed)
    assert all(0 < row["lowest"] <= row["rate"] <= row["highest"] for row in timed)


def test_shares_are_of_what_was_measured_in_the_same_run(run: Run) -> None:
    rows = run.document["rows"]
    best = max(r["rate"] for r in rows if r["part"] == "matrix" and r["unit"] == "TFLOP/s")
    flop = run.document["flop"]
    for row in rows:
        if row["part"] == "encoders":
            share = row["shares"]["matrix product"]
            assert share == pytest.approx(row["rate"] * flop[row["what"]] / best / 1e12, rel=1e-3)


def test_the_quick_way_of_pictures_sees_what_the_plain_loop_does(run: Run) -> None:
    (cosine,) = [row["rate"] for row in run.document["rows"] if row["unit"] == "cosine"]
    assert cosine > 0.999


def test_a_measurement_that_fails_is_a_row_and_the_others_go_on(gpu: SimpleNamespace) -> None:
    bench = gpu.Bench(gpu.shapes("small"), device="cpu", seconds=0.0, compiles=False)
    bench.measure("part", "breaks", lambda: 1 / 0, gpu.Cost(1, "things/s"))
    bench.measure("part", "works", lambda: None, gpu.Cost(1, "things/s"))
    broken, works = bench.rows
    assert broken.error == "ZeroDivisionError: division by zero"
    assert works.rate > 0
    found = gpu.document(bench, size="small", wall_s=0.0)
    assert "failed: ZeroDivisionError" in gpu.page(found)


@pytest.mark.parametrize("tower", ["siglip", "dino"])
def test_a_towers_operations_are_those_that_torch_counts_at_real_size(
    gpu: SimpleNamespace, tower: str
) -> None:
    import torch
    import transformers

    vit = getattr(gpu.shapes("2b"), tower)
    model = on_no_device(transformers.AutoModel, vit.config())
    pixels = torch.empty(2, 3, vit.side_px, vit.side_px, device="meta")
    assert counted(lambda: model(pixel_values=pixels)) == pytest.approx(2 * vit.flop, rel=0.005)


def test_whispers_operations_are_those_that_torch_counts(gpu: SimpleNamespace) -> None:
    import torch
    import transformers

    whisper = replace(gpu.shapes("2b").whisper, n_written=1)
    model = on_no_device(transformers.AutoModelForSpeechSeq2Seq, whisper.config())
    sound = torch.empty(1, whisper.n_mels, 100 * whisper.window_s, device="meta")
    ids = torch.zeros(1, 1, dtype=torch.long, device="meta")
    found = counted(lambda: model(input_features=sound, decoder_input_ids=ids))
    assert found == pytest.approx(whisper.flop, rel=0.005)


def test_a_prompts_operations_are_those_that_torch_counts_but_for_the_causal_half(
    gpu: SimpleNamespace,
) -> None:
    import transformers

    bench = gpu.Bench(gpu.shapes("small"), device="cpu", seconds=0.0, compiles=False)
    qwen = bench.shapes.qwen
    config = qwen.config()
    model = bench.model(transformers.AutoModelForImageTextToText, config)
    model.set_attn_implementation("eager")
    unseen = 2 * qwen.n_layers * qwen.prompt_tokens**2 * qwen.n_heads * qwen.head
    found = counted(gpu.read_prompts(model, gpu.prompts(bench, batch=1)))
    assert found == pytest.approx(qwen.flop + unseen, rel=0.01)


def test_models_of_the_language_have_the_sizes_that_their_names_say(gpu: SimpleNamespace) -> None:
    for size, billions in (("2b", 2.1), ("4b", 4.4)):
        import transformers

        config = gpu.shapes(size).qwen.config()
        model = on_no_device(transformers.AutoModelForImageTextToText, config)
        n_weights = sum(parameter.numel() for parameter in model.parameters())
        assert n_weights / 1e9 == pytest.approx(billions, abs=0.1)


def on_no_device(auto: Any, config: Any) -> Any:
    """A model of real size that has shapes and no weights."""
    import torch

    with torch.device("meta"):
        return auto.from_config(config, attn_implementation="eager").eval()


def counted(work: Any) -> float:
    """Operations of a piece of work, as torch counts them."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())
