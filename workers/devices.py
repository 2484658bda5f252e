"""What models may compute on besides the processor."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

from scenelake.schemas.config import Dtype
from scenelake.schemas.errors import UsageError

if TYPE_CHECKING:
    import torch

_MALLOC_OPTIONS = {-8: 2, -4: 0, -1: 64 << 20}
"""M_ARENA_MAX, M_MMAP_MAX and M_TRIM_THRESHOLD, by their numbers in malloc.h."""
_SHARE = 4
"""Steps that use a processor at the same time."""


def share_cores() -> None:
    """Let torch use a share of the cores, to be called by the thread that will compute.

    Steps run side by side. Threads of one that wait for each other, turning, take the cores
    from the others: on two busy cores, text vectors in small batches took eight times as
    long with two threads as with one.
    """
    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // _SHARE))


def keep_memory() -> None:
    """Let this process keep what it frees for what it allocates next, in two heaps.

    glibc gives memory back as soon as much of it is free, and models take the same pieces
    anew in each layer: the kernel's clearing of those pages was an eighth of what speech
    cost, and a fifth of what pictures did. With a heap for each thread, on the other hand,
    a process would hold the peaks of all its steps. `release_memory` gives back what is
    kept, between items. Elsewhere than on glibc this does nothing.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        for option, value in _MALLOC_OPTIONS.items():
            set_option(option, value)


def release_memory() -> None:
    """Give freed memory back to the system, but for up to 64 MiB of the second heap's.

    Takes some milliseconds. Elsewhere than on glibc this does nothing.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def accelerators() -> list[dict[str, Any]]:
    """Kind ("cuda" or "mps"), name and memory in bytes of each device that torch can use."""
    import torch

    found: list[dict[str, Any]] = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            found.append(
                {"kind": "cuda", "name": about.name, "memory_bytes": int(about.total_memory)}
            )
    if torch.backends.mps.is_available():
        found.append({"kind": "mps", "name": "Apple GPU", "memory_bytes": None})
    return found


def device_of(setting: str) -> str:
    """The torch device that a section's `device` means: "auto" is a CUDA GPU, else "cpu".

    Apple's GPU is taken only by its name, "mps".

    Errors:
        UsageError: no such device on this machine; the message lists those there are.
    """
    there = ["cpu", *_gpus()]
    if setting == "auto":
        return "cuda" if "cuda" in there else "cpu"
    if setting not in there:
        raise UsageError(
            f"device {setting!r} is not on this machine; there are: {', '.join(there)}"
        )
    return setting


def dtype_of(setting: Dtype, device: str, *, on_gpu: Dtype = "bfloat16") -> torch.dtype:
    """The torch dtype that a section's `dtype` means on a device from `device_of`.

    Args:
        on_gpu: what "auto" is on a GPU; on a processor it is float32. A GPU that computes
            bfloat16 only by emulation gets float32, in which no model overflows.
    """
    import torch

    name = (on_gpu if device != "cpu" else "float32") if setting == "auto" else setting
    emulated = device.startswith("cuda") and not torch.cuda.is_bf16_supported(
        including_emulation=False
    )
    if setting == "auto" and name == "bfloat16" and emulated:
        return torch.float32
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def _gpus() -> list[str]:
    kinds = [found["kind"] for found in accelerators()]
    numbered = [f"cuda:{index}" for index in range(kinds.count("cuda"))]
    return [*(["cuda", *numbered] if numbered else []), *(["mps"] if "mps" in kinds else [])]
