"""What cheaper choices save, and what they change in the output.

    python tests/bench/choices.py [--quick] [--only speech gguf torchao frames sizes]

Fewer bits of weights, a narrower beam, fewer frames, smaller pictures: each beside the same
work without it, on the same machine in the same run. Speeds are shares of the first row's.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from common import in_process, interleaved, median, save, saved, say, table

SPEECH = (("float32", 5), ("int8_float32", 5), ("int8", 5), ("float32", 1), ("int8", 1))
TITLES = {
    "speech": "whisper-tiny by CTranslate2 on a sonnet read aloud (53 s)",
    "gguf": "SmolLM2-135M by llama.cpp, one thread, as packaged (Q4_1) and made again from that",
    "torchao": "SmolLM2-135M by transformers, one thread, linear layers by torchao",
    "frames": "Keyframes left out as nearly equal to the last one kept",
    "sizes": "Keyframes made smaller before they are looked at",
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", choices=tuple(TITLES), default=tuple(TITLES))
    parser.add_argument("--quick", action="store_true", help="speech once only, not twice")
    arguments = parser.parse_args()
    document = {"tables": (saved("choices") or {}).get("tables", {})}
    for name in arguments.only:
        start_s = time.perf_counter()
        say(f"== {TITLES[name]}")
        document["tables"][name] = measured(name, quick=arguments.quick)
        save("choices", document)
        say(f"{shown_table(name, document)}\n({time.perf_counter() - start_s:.0f} s)")


def measured(name: str, *, quick: bool) -> dict[str, Any]:
    """A table, measured by a script of its own."""
    if name == "speech":
        return speech(repeats=1 if quick else 2)
    script = "choices_pictures.py" if name in ("frames", "sizes") else f"choices_{name}.py"
    return in_process(script, *([name] if script == "choices_pictures.py" else []))


def speech(*, repeats: int) -> dict[str, Any]:
    """One process a choice, so that memory is each one's own; one of each in turn."""
    import jiwer

    jobs = {f"{kind}, beam {beam}": ("choices_speech.py", kind, beam) for kind, beam in SPEECH}
    results = interleaved(jobs, repeats=repeats)
    (first, *_), truth = results.values(), next(iter(results.values()))[0]["truth"]
    rows = []
    for what, runs in results.items():
        text = runs[0]["text"]
        rows.append(
            [
                what,
                median(runs, "rss_mib"),
                median(first, "listened_s") / median(runs, "listened_s"),
                100 * jiwer.wer(truth, text),
                100 * jiwer.wer(first[0]["text"], text),
            ]
        )
    header = ["compute type", "memory, MiB", "speed", "WER to the text, %", "WER to the first, %"]
    on_disk = first[0]["on_disk_mb"]
    return {"header": header, "rows": rows, "note": f"On disk {on_disk:.0f} MB, whatever the type."}


def shown(document: dict[str, Any]) -> str:
    """All tables that were measured."""
    names = [name for name in TITLES if name in document["tables"]]
    return "\n\n".join(shown_table(name, document) for name in names)


def shown_table(name: str, document: dict[str, Any]) -> str:
    found = document["tables"][name]
    note = f"\n\n{found['note']}" if found.get("note") else ""
    return f"{TITLES[name]}:\n\n{table(found['header'], found['rows'])}{note}"


if __name__ == "__main__":
    main()
