"""SmolLM2's GGUF in other types of weights: size, speed, replies that changed. Prints JSON.

The packaged file is Q4_1; wider types made from it hold what Q4_1 has left, so that they
tell what the arithmetic costs, not what Q4_1 has lost. K-quants need rows of 256 and
SmolLM2's have 576: they do not fit.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import gguf
import jiwer
from choices_told import MAX_TOKENS, SAID, conversations
from common import fresh_folder, say

from scenelake.workers import weights
from scenelake.workers.evidence import tells
from scenelake.workers.grounding import is_grounded, sentences
from scenelake.workers.llama import Llama
from scenelake.workers.llm import SMOLLM2, SMOLLM2_FILE

TYPES = ("F16", "Q8_0", "Q5_1", "Q4_0")
_N_CTX = 2048
_OWN = ("GGUF.", "general.architecture", "general.file_type")
"""Fields that the writer writes itself, or that are no longer so."""


def main() -> None:
    packaged = weights.locate(SMOLLM2) / SMOLLM2_FILE
    with fresh_folder() as folder:
        files = {"Q4_1, as packaged": packaged}
        files |= {kind: made_again(packaged, folder, kind) for kind in TYPES}
        sizes = {what: file.stat().st_size for what, file in files.items()}
        found = {what: asked(file) for what, file in files.items()}
    first = found["Q4_1, as packaged"]
    rows = [
        [
            what,
            sizes[what] / 1e6,
            one["tokens_s"] / first["tokens_s"],
            f"{differing(first['replies'], one['replies'])} of {len(first['replies'])}",
            100 * jiwer.wer(first["replies"], one["replies"]),
            f"{n_grounded(one['replies'])} of {len(SAID)}",
        ]
        for what, one in found.items()
    ]
    header = ["type", "file, MB", "speed", "replies changed", "words changed, %", "grounded"]
    say(json.dumps({"header": header, "rows": rows, "note": note(first)}))


def note(first: dict[str, Any]) -> str:
    return (
        f"The first row wrote {first['tokens_s']:.1f} tokens a second, its prompts read included. "
        "A wider type made from Q4_1 does not bring back what Q4_1 has lost."
    )


def made_again(packaged: Path, folder: Path, kind: str) -> Path:
    """A file with the Q4_1 matrices in another type, and all else as it was."""
    reader, path = gguf.GGUFReader(packaged), folder / f"{kind}.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    for field in reader.fields.values():
        if not field.name.startswith(_OWN):
            is_list = field.types[0] == gguf.GGUFValueType.ARRAY
            inner = field.types[-1] if is_list else None
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)
    wanted = gguf.GGMLQuantizationType[kind]
    for tensor in reader.tensors:
        data, its = tensor.data, tensor.tensor_type
        if its == gguf.GGMLQuantizationType.Q4_1:
            data, its = gguf.quantize(gguf.dequantize(data, its), wanted), wanted
        writer.add_tensor(tensor.name, data, raw_dtype=its)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def asked(file: Path) -> dict[str, Any]:
    """Replies to all conversations, and tokens a second."""
    llama = Llama(file, n_ctx=_N_CTX)
    llama.complete(conversations()[0], max_tokens=2)
    start_s = time.perf_counter()
    said = [llama.complete(messages, max_tokens=MAX_TOKENS) for messages in conversations()]
    wall_s = time.perf_counter() - start_s
    n_tokens = sum(one.n_reply_tokens for one in said)
    return {"replies": [one.text for one in said], "tokens_s": n_tokens / wall_s}


def n_grounded(replies: list[str]) -> int:
    """Replies whose first telling sentence a describer would keep."""
    firsts = [next(filter(tells, sentences(reply)), "") for reply in replies]
    return sum(is_grounded(one, [said]) for one, said in zip(firsts, SAID, strict=True) if one)


def differing(ours: list[str], theirs: list[str]) -> int:
    return sum(one != other for one, other in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    main()
