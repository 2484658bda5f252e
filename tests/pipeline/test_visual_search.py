"""Search over the vectors of transformers' models, loaded from a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from scenelake.pipeline import Lake, run
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError
from scenelake.workers import registry
from tests.media import films, tiny_visual

QUERY = "a red square"


def config_of(engine: str, model: Path) -> Config:
    return Config.model_validate(
        {
            "visual": {"engine": engine, "model": str(model)},
            "ocr": {"engine": "none"},
            "describe": {"engine": "evidence"},
        }
    )


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "cuts.mp4"
    return films.hard_cuts(path, cuts_s=(2.4, 4.8, 7.2), duration_s=9.6).path


@pytest.mark.parametrize("build", [tiny_visual.siglip, tiny_visual.clip])
def test_words_find_pictures_in_the_order_of_the_models_own_likeness(
    build: Callable[[Path], Path], film: Path, tmp_path: Path
) -> None:
    config = config_of("siglip", build(tmp_path / "model"))
    run([film], tmp_path / "lake", config=config)
    lake = Lake(tmp_path / "lake")
    query = registry.ready("visual", config.visual).encode_text([QUERY])[0]
    rows = lake.scenes(columns=["scene_id", "embedding"]).to_pylist()
    likeness = {row["scene_id"]: float(np.dot(row["embedding"], query)) for row in rows}
    assert len(likeness) == 4
    found = [hit.scene_id for hit in lake.search(QUERY, config=config)]
    assert found == sorted(likeness, key=lambda scene_id: -likeness[scene_id])


def test_no_words_find_the_pictures_of_a_model_that_reads_none(film: Path, tmp_path: Path) -> None:
    config = config_of("dinov2", tiny_visual.dinov2(tmp_path / "model"))
    run([film], tmp_path / "lake", config=config)
    lake = Lake(tmp_path / "lake")
    assert all(any(row) for row in lake.scenes(columns=["embedding"])["embedding"].to_pylist())
    assert lake.search(QUERY, config=config) == []


def test_a_query_of_another_model_than_the_lakes_is_refused(film: Path, tmp_path: Path) -> None:
    ours = config_of("siglip", tiny_visual.siglip(tmp_path / "model"))
    run([film], tmp_path / "lake", config=ours)
    theirs = config_of("siglip", tiny_visual.siglip(tmp_path / "model", seed=2))
    with pytest.raises(UsageError, match="vectors come from model@"):
        Lake(tmp_path / "lake").search(QUERY, config=theirs)
