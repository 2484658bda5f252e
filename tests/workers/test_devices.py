"""A process keeps what it frees while it works, and gives it back when told to."""

from __future__ import annotations

import functools
import subprocess
import sys

import pytest

LAYERS = """
import resource, sys, threading
from pathlib import Path
import torch
from scenelake.workers import devices

def layers():
    for _ in range(20):
        for mib in (34, 9, 2):
            torch.empty(mib << 20, dtype=torch.uint8).fill_(1)

torch.set_num_threads(1)

def resident_mib():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20

if sys.argv[1] == "keep":
    devices.keep_memory()
in_thread = threading.Thread(target=layers) if sys.argv[2] == "thread" else None
before, resident_before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, resident_mib()
if in_thread:
    in_thread.start()
    in_thread.join()
else:
    layers()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
devices.release_memory()
print(resident_mib() - resident_before_mib)
"""


@functools.cache
def layered(how: str, where: str) -> tuple[int, int]:
    """Pages that the system had to give, and MiB that were not given back at the end."""
    done = subprocess.run(
        [sys.executable, "-c", LAYERS, how, where], capture_output=True, text=True, check=True
    )
    faults, left_mib = map(int, done.stdout.split())
    return faults, left_mib


@pytest.mark.parametrize("where", ["main", "thread"])
def test_the_pieces_of_a_models_layers_are_not_taken_from_the_system_in_each(where: str) -> None:
    kept, _ = layered("keep", where)
    anew, _ = layered("default", where)
    assert 2 * kept < anew


@pytest.mark.parametrize(("where", "at_most_mib"), [("main", 16), ("thread", 64)])
def test_what_was_kept_is_given_back_between_items(where: str, at_most_mib: int) -> None:
    """Of the threads' heap all but its last piece, of 64 MiB at most."""
    _, left_mib = layered("keep", where)
    assert left_mib <= at_most_mib
