"""Two lakes side by side, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scenelake.pipeline import Lake

CLOCK = {"run_id", "created_at", "at", "attempts"}
"""What two runs need not agree on: when it was, and how often it was tried."""


def assert_same_lakes(
    ours: str | Path, theirs: str | Path, *, but: frozenset[str] = frozenset()
) -> None:
    """The same films, scenes and failures, numbers but for rounding; columns in `but` aside."""
    for table in ("videos", "scenes", "failures"):
        a, b = rows(ours, table), rows(theirs, table)
        assert [_key(row) for row in a] == [_key(row) for row in b], table
        for one, other in zip(a, b, strict=True):
            assert_same(one, other, where=f"{table} {_key(one)}", but=CLOCK | but)


def rows(lake: str | Path, table: str) -> list[dict[str, Any]]:
    """A table's rows in an order of their own."""
    found = getattr(Lake(lake), table)().to_pylist()
    return sorted(found, key=_key)


def assert_same(ours: Any, theirs: Any, *, where: str, but: frozenset[str] | set[str]) -> None:
    if isinstance(ours, dict):
        assert set(ours) == set(theirs), where
        for key in set(ours) - but:
            assert_same(ours[key], theirs[key], where=f"{where}.{key}", but=but)
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), where
        for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(a, b, where=f"{where}[{index}]", but=but)
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, abs=2e-3), where
    else:
        assert ours == theirs, where


def unfinished(lake: Path) -> list[str]:
    """Films of which something is left on the way."""
    staging = lake / "_staging"
    return sorted(
        folder.name
        for folder in staging.glob("*")
        if not folder.name.startswith("_") and any(p.is_file() for p in folder.rglob("*"))
    )


def finished_clips(lake: Path) -> set[tuple[str, int]]:
    """Film and index of the clips that wait in a lake for the others of their film."""
    files = (lake / "_staging").glob("*/*/clip-*.parquet")
    return {(p.parent.parent.name, int(p.stem.removeprefix("clip-"))) for p in files}


def committed_films(lake: Path) -> set[str]:
    return {path.stem for path in (lake / "videos").glob("*.parquet")}


def assert_whole_files(lake: Path) -> None:
    """What a reader's glob finds is all readable."""
    for table in ("videos", "scenes", "failures"):
        for path in (lake / table).glob("*.parquet"):
            pq.read_table(path)


def _key(row: dict[str, Any]) -> str:
    if "scene_id" in row:
        return f"{row['video_id']} {row['index']:06}"
    return str(row["video_id"] or row["uri"])
