"""Visual models from folders: small ones of random weights, loaded as real ones are."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scenelake.schemas.config import VisualConfig
from scenelake.schemas.errors import MissingWeightsError, SceneLakeError, UsageError
from scenelake.schemas.media import FrameBatch
from scenelake.workers.engines import VisualEncoder
from scenelake.workers.visual_dinov2 import Dinov2
from scenelake.workers.visual_siglip import DualTower
from scenelake.workers.visual_timm import Timm
from tests.media import tiny_visual as tiny

from .visual import BUILDERS, TEXTLESS, Folders, cosines, loaded, make


@pytest.mark.parametrize("name", BUILDERS)
def test_a_model_tells_its_name_and_size_before_it_is_loaded(
    encoders: dict[str, VisualEncoder], folders: Folders, name: str
) -> None:
    fresh = make(name, folders[name])

    assert fresh.dim == encoders[name].dim
    assert fresh.model == encoders[name].model
    assert fresh.model.startswith(f"{name}@")
    assert fresh.weights == (str(folders[name]),)


@pytest.mark.parametrize("engine", [DualTower, Dinov2, Timm])
def test_an_engine_without_a_model_says_what_to_set(engine: type[Any]) -> None:
    with pytest.raises(UsageError, match=r"visual\.model"):
        engine(VisualConfig(engine="siglip"))


@pytest.mark.parametrize("name", BUILDERS)
def test_a_model_that_computes_no_numbers_is_an_error_and_no_row(
    folders: Folders, slides: FrameBatch, tmp_path: Path, name: str
) -> None:
    folder = tiny.spoil(shutil.copytree(folders[name], tmp_path / "spoilt"))

    with pytest.raises(SceneLakeError, match="5 of 5 vectors are not numbers"):
        loaded(name, folder).encode(slides)


@pytest.mark.parametrize("name", BUILDERS)
def test_a_picture_that_a_model_fails_on_is_without_vector_and_the_others_keep_theirs(
    folders: Folders, slides: FrameBatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    made = loaded(name, folders[name])
    expected = made.encode(slides)
    made._eye = replace(made._eye, look=spoiling_third(made._eye.look))

    found = made.encode(slides)

    assert not found.vectors[2].any()
    assert found.labels[2] == ()
    others = [0, 1, 3, 4]
    np.testing.assert_allclose(found.vectors[others], expected.vectors[others], atol=1e-5)
    assert "1 of 5 vectors are not numbers" in caplog.text


def spoiling_third(look: Any) -> Any:
    """As `look`, but what it makes of the third picture is no number."""
    numbers = count()

    def spoiling(pixels: Any) -> tuple[Any, Any]:
        vectors, scores = look(pixels)
        for row in range(len(vectors)):
            if next(numbers) == 2:
                for values in (vectors, scores):
                    if values is not None:
                        values[row] = float("nan")
        return vectors, scores

    return spoiling


@pytest.mark.parametrize("name", ["siglip", "clip", "dinov2"])
def test_weights_that_lack_some_are_not_filled_up_with_random_ones(
    folders: Folders, tmp_path: Path, name: str
) -> None:
    folder = tiny.take_out(shutil.copytree(folders[name], tmp_path / "part"), "layernorm")
    folder = tiny.take_out(folder, "layer_norm")

    with pytest.raises(MissingWeightsError, match="lacks"):
        loaded(name, folder)


@pytest.mark.parametrize("name", ["siglip", "dinov2", "timm-vit"])
def test_a_folder_of_something_else_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text('{"architecture": "unheard_of", "model_type": "none"}')

    with pytest.raises(MissingWeightsError, match="is not for") as told:
        loaded(name, tmp_path)
    assert "\n" not in str(told.value)


def test_a_model_without_a_tower_for_texts_is_refused_by_an_engine_that_needs_one(
    folders: Folders,
) -> None:
    with pytest.raises(UsageError, match="without a tower for texts"):
        loaded("siglip", folders["dinov2"])


@pytest.mark.parametrize("name", TEXTLESS)
def test_an_engine_that_reads_no_texts_says_so(
    encoders: dict[str, VisualEncoder], name: str
) -> None:
    with pytest.raises(UsageError, match="cannot be searched by words"):
        encoders[name].encode_text(["a cat"])


@pytest.mark.parametrize("name", BUILDERS)
def test_bfloat16_gives_about_the_same_vectors(
    encoders: dict[str, VisualEncoder], folders: Folders, slides: FrameBatch, name: str
) -> None:
    half = loaded(name, folders[name], dtype="bfloat16").encode(slides).vectors

    assert cosines(half, encoders[name].encode(slides).vectors).min() > 0.995


@pytest.mark.parametrize("name", BUILDERS)
def test_a_model_loads_without_a_word(
    folders: Folders, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    loaded(name, folders[name])

    assert capfd.readouterr() == ("", "")


def test_a_device_that_is_not_there_is_refused(folders: Folders) -> None:
    engine = DualTower(VisualConfig(model=str(folders["siglip"]), device="cuda:99"))

    with pytest.raises(UsageError, match="cuda:99"):
        engine.setup()


def test_a_backbone_without_a_head_gives_no_labels(
    encoders: dict[str, VisualEncoder], slides: FrameBatch
) -> None:
    assert encoders["timm-headless"].encode(slides).labels == ((),) * len(slides.data)


def test_a_model_without_a_vocabulary_gives_no_labels(
    encoders: dict[str, VisualEncoder], slides: FrameBatch
) -> None:
    assert encoders["siglip"].encode(slides).labels == ((),) * len(slides.data)


@pytest.mark.parametrize("name", ["siglip", "timm-vit"])
def test_only_the_surest_labels_are_kept(folders: Folders, slides: FrameBatch, name: str) -> None:
    words = ("cat", "dog", "rocket")
    all_of_them = loaded(name, folders[name], vocabulary=words, min_label_score=0, max_labels=3)
    (best, second, third), *_ = all_of_them.encode(slides).labels
    few = loaded(name, folders[name], vocabulary=words, min_label_score=0, max_labels=2)
    sure = loaded(name, folders[name], vocabulary=words, min_label_score=second.score, max_labels=3)

    assert best.score > second.score > third.score
    assert few.encode(slides).labels[0] == (best, second)
    assert sure.encode(slides).labels[0] == (best, second)
