"""What models may compute on besides the processor."""

from __future__ import annotations

from typing import Any


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
