"""All measurements but the decoders', then RESULTS.md and its plots.

    python tests/bench/all.py [--quick] [--only NAME...]

Some hours; `--quick`: some minutes, with fewer and smaller films.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from common import HERE, say

MEASUREMENTS = ("efficiency", "throughput", "scaling", "overhead", "memory", "choices")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=MEASUREMENTS)
    arguments = parser.parse_args()
    quick = ["--quick"] if arguments.quick else []
    for name in arguments.only:
        say(f"== {name}")
        subprocess.run([sys.executable, str(HERE / f"{name}.py"), *quick], check=True)
    subprocess.run([sys.executable, str(HERE / "render.py")], check=True)


if __name__ == "__main__":
    main()
