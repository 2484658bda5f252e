"""Files that are broken in known ways."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np

from .films import hard_cuts


def truncated(src: Path, dst: Path, *, keep: float) -> Path:
    """The first part of a file; `keep` is the fraction of its bytes that is left.

    An mp4 or mov whose index comes last loses it and cannot be read at all; mkv, webm, ts and avi
    can be read as far as they go.
    """
    whole = src.read_bytes()
    dst.write_bytes(whole[: round(len(whole) * keep)])
    return dst


def flipped_bytes(src: Path, dst: Path, *, seed: int, n: int, after: float = 0.1) -> Path:
    """A copy with `n` bytes turned to their complement, all past the fraction `after`."""
    data = np.fromfile(src, np.uint8)
    first = round(len(data) * after)
    places = np.random.default_rng(seed).choice(np.arange(first, len(data)), n, replace=False)
    data[places] ^= 0xFF
    data.tofile(dst)
    return dst


def empty_file(path: Path) -> Path:
    """No bytes at all."""
    path.write_bytes(b"")
    return path


def text_file(path: Path) -> Path:
    """A letter, whatever its name says."""
    path.write_text("Dear archive, this is not a film.\n" * 50, "utf-8")
    return path


def zero_duration(path: Path) -> Path:
    """A film whose header is sound and in which nothing happens: no frame was ever written."""
    nothing = ["-f", "lavfi", "-i", "color=size=64x48", "-frames:v", "0", "-c:v", "mpeg4"]
    subprocess.run(["ffmpeg", "-v", "quiet", "-y", *nothing, str(path)], check=False)
    assert path.stat().st_size > 0
    return path


def without_index(path: Path) -> Path:
    """An mp4 whose recording stopped before the moov box was written."""
    whole = path.with_name(f"whole-{path.name}")
    hard_cuts(whole, cuts_s=(1.0,), duration_s=2.0)
    truncated(whole, path, keep=0.7)
    whole.unlink()
    return path
