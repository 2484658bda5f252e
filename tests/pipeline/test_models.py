"""`scenelake models`: what there is, and whether it is on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scenelake.pipeline.machine import models
from scenelake.schemas.config import Config


def test_an_empty_models_folder_lists_all_weights_as_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCENELAKE_MODELS", str(tmp_path))
    rows = models.listing(config=Config())
    assert {row["state"] for row in rows} == {"missing"}
    assert {Path(row["folder"]).parent for row in rows} == {tmp_path}
    assert json.loads(json.dumps(rows)) == rows


def test_fetching_what_is_there_downloads_nothing_and_says_so() -> None:
    lines: list[str] = []
    rows = models.fetch(config=Config(), report=lines.append)
    assert [(row["state"], row["fetched"]) for row in rows] == [("valid", False)] * len(rows)
    assert all(line.endswith("already there") for line in lines)
    assert len(lines) == len(rows)
