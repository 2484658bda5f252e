"""Pictures to vectors: what every visual engine does, and what each does besides.

Models of transformers and timm are small ones of random weights, loaded as real ones are.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.schemas.config import VisualConfig
from scenelake.schemas.errors import MissingWeightsError, SceneLakeError, UsageError
from scenelake.schemas.flow import FrameBatch
from scenelake.workers.conse import Conse
from scenelake.workers.engines import VisualEncoder
from scenelake.workers.visual_dinov2 import Dinov2
from scenelake.workers.visual_siglip import DualTower
from scenelake.workers.visual_timm import Timm
from tests.media import tiny_visual as tiny

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Folders = dict[str, Path]

BUILDERS: dict[str, Callable[[Path], Path]] = {
    "siglip": tiny.siglip,
    "siglip2": tiny.siglip2,
    "clip": tiny.clip,
    "dinov2": tiny.dinov2,
    "timm-vit": tiny.timm,
    "timm-convnext": lambda folder: tiny.timm(folder, architecture="test_convnext"),
    "timm-headless": lambda folder: tiny.timm(folder, architecture="test_efficientnet", classes=0),
}
DUAL = ["siglip", "siglip2", "clip"]
TEXTLESS = ["dinov2", "timm-vit", "timm-convnext", "timm-headless"]


def engine_class(name: str) -> type[Any]:
    if name in DUAL:
        return DualTower
    return Dinov2 if name == "dinov2" else Timm


def make(name: str, folder: Path, **values: Any) -> Any:
    """An engine of a folder, not set up."""
    config = VisualConfig(engine=name, model=str(folder), device="cpu", **values)
    return engine_class(name)(config)


def loaded(name: str, folder: Path, **values: Any) -> Any:
    engine = make(name, folder, **values)
    engine.setup()
    return engine


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root = tmp_path_factory.mktemp("tiny")
    return {name: build(root / name) for name, build in BUILDERS.items()}


@pytest.fixture(scope="session")
def encoders(folders: Folders) -> dict[str, VisualEncoder]:
    conse = Conse(VisualConfig())
    conse.setup()
    return {"conse": conse, **{name: loaded(name, folders[name]) for name in BUILDERS}}


@pytest.fixture(params=["conse", *BUILDERS])
def encoder(request: pytest.FixtureRequest, encoders: dict[str, VisualEncoder]) -> VisualEncoder:
    return encoders[request.param]


@pytest.fixture(scope="module")
def film(photographs: dict[str, Picture]) -> FrameBatch:
    """The photographs as frames of one 16:9 film, two seconds apart."""
    size = (320, 180)
    frames = [
        np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8)
        for p in photographs.values()
    ]
    return FrameBatch(np.stack(frames), 2 * np.arange(len(frames), dtype=np.float64))


def single(picture: Picture) -> FrameBatch:
    return FrameBatch(picture[None], np.zeros(1))


def cosines(ours: Floats, theirs: Any) -> Floats:
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return np.asarray((ours * theirs).sum(axis=1) / lengths, np.float32)


def pil_images(film: FrameBatch) -> list[Any]:
    from PIL import Image

    return [Image.fromarray(picture) for picture in film.data]


# What every engine does


def test_a_picture_is_a_vector_of_length_one(encoder: VisualEncoder, film: FrameBatch) -> None:
    encoding = encoder.encode(film)

    assert encoding.vectors.dtype == np.float32
    assert encoding.vectors.shape == (len(film.data), encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(encoding.vectors, axis=1), 1, atol=1e-5)


def test_an_encoding_says_when_and_by_whom(encoder: VisualEncoder, film: FrameBatch) -> None:
    encoding = encoder.encode(film)

    assert encoding.time_s.tolist() == film.time_s.tolist()
    assert encoding.model == encoder.model


def test_no_pictures_are_no_vectors(encoder: VisualEncoder) -> None:
    encoding = encoder.encode(FrameBatch(np.zeros((0, 36, 64, 3), np.uint8), np.zeros(0)))

    assert encoding.vectors.shape == (0, encoder.dim)
    assert encoding.labels == ()


def test_a_picture_has_the_same_vector_alone_and_among_others(
    encoder: VisualEncoder, film: FrameBatch
) -> None:
    together = encoder.encode(film).vectors
    alone = np.concatenate([encoder.encode(single(picture)).vectors for picture in film.data])

    assert cosines(together, alone).min() > 1 - 1e-4
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_vectors_come_in_the_order_of_the_pictures_however_many(
    encoder: VisualEncoder, film: FrameBatch
) -> None:
    order = np.arange(20) % len(film.data)
    many = encoder.encode(FrameBatch(film.data[order], np.arange(20.0)))
    once = encoder.encode(film).vectors

    assert np.abs(once - once[::-1]).max() > 1e-2
    np.testing.assert_allclose(many.vectors, once[order], atol=1e-4)


@pytest.mark.parametrize("shape", [(64, 36), (20, 500), (500, 20), (1, 1), (224, 224)])
def test_a_picture_of_any_shape_has_a_vector(
    encoder: VisualEncoder, shape: tuple[int, int]
) -> None:
    (vector,) = encoder.encode(single(np.full((*shape, 3), 90, np.uint8))).vectors

    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_pictures_that_may_only_be_read_are_no_trouble(
    encoder: VisualEncoder, film: FrameBatch
) -> None:
    kept = film.data.copy()
    kept.flags.writeable = False

    read = encoder.encode(FrameBatch(kept, film.time_s))
    np.testing.assert_array_equal(read.vectors, encoder.encode(film).vectors)
    np.testing.assert_array_equal(kept, film.data)


@pytest.mark.parametrize("name", ["conse", *DUAL])
def test_a_query_is_a_vector_of_length_one_or_zeros(
    encoders: dict[str, VisualEncoder], name: str
) -> None:
    vectors = encoders[name].encode_text(["a cat", " ", "a dog " * 200])

    assert vectors.shape == (3, encoders[name].dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 1], atol=1e-5)
    assert encoders[name].encode_text([]).shape == (0, encoders[name].dim)


# Models from folders


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
    folders: Folders, film: FrameBatch, tmp_path: Path, name: str
) -> None:
    folder = tiny.spoil(shutil.copytree(folders[name], tmp_path / "spoilt"))

    with pytest.raises(SceneLakeError, match="5 of 5 vectors are not numbers"):
        loaded(name, folder).encode(film)


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
    encoders: dict[str, VisualEncoder], folders: Folders, film: FrameBatch, name: str
) -> None:
    half = loaded(name, folders[name], dtype="bfloat16").encode(film).vectors

    assert cosines(half, encoders[name].encode(film).vectors).min() > 0.995


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


# Equal to the libraries' own


@pytest.mark.parametrize("name", DUAL)
def test_pictures_have_the_vectors_that_transformers_gives(
    encoders: dict[str, VisualEncoder], folders: Folders, film: FrameBatch, name: str
) -> None:
    import torch
    from transformers import AutoModel, AutoProcessor

    model: Any = AutoModel.from_pretrained(folders[name])
    processor: Any = AutoProcessor.from_pretrained(folders[name])
    with torch.inference_mode():
        inputs = processor(images=pil_images(film), return_tensors="pt")
        theirs = model.get_image_features(**inputs).pooler_output.numpy()

    assert cosines(encoders[name].encode(film).vectors, theirs).min() > 0.999


@pytest.mark.parametrize("name", DUAL)
def test_texts_have_the_vectors_that_transformers_gives(
    encoders: dict[str, VisualEncoder], folders: Folders, name: str
) -> None:
    import torch
    from transformers import AutoModel, AutoProcessor

    texts = ["a cat", "two dogs play in the snow of last winter"]
    padding = True if name == "clip" else "max_length"
    model: Any = AutoModel.from_pretrained(folders[name])
    processor: Any = AutoProcessor.from_pretrained(folders[name])
    with torch.inference_mode():
        inputs = processor(text=texts, padding=padding, truncation=True, return_tensors="pt")
        theirs = model.get_text_features(**inputs).pooler_output.numpy()

    assert cosines(encoders[name].encode_text(texts), theirs).min() > 0.999


@pytest.mark.parametrize("name", DUAL)
def test_labels_have_the_probabilities_that_transformers_gives(
    folders: Folders, film: FrameBatch, name: str
) -> None:
    """Which also holds that both towers share a space."""
    import torch
    from transformers import AutoModel, AutoProcessor

    words = ("cat", "dog", "rocket")
    padding = True if name == "clip" else "max_length"
    model: Any = AutoModel.from_pretrained(folders[name])
    processor: Any = AutoProcessor.from_pretrained(folders[name])
    with torch.inference_mode():
        texts = [f"This is a photo of {word}." for word in words]
        inputs = processor(
            text=texts, images=pil_images(film), padding=padding, return_tensors="pt"
        )
        logits = model(**inputs).logits_per_image
        theirs = (logits.softmax(dim=1) if name == "clip" else logits.sigmoid()).numpy()

    labelled = loaded(name, folders[name], vocabulary=words, min_label_score=0).encode(film)
    for labels, row in zip(labelled.labels, theirs, strict=True):
        ours = {label.name: label.score for label in labels}
        assert [ours[word] for word in words] == pytest.approx(row.tolist(), abs=2e-3)
        assert [label.score for label in labels] == sorted(ours.values(), reverse=True)


def test_pictures_have_the_class_token_that_dinov2_gives(
    encoders: dict[str, VisualEncoder], folders: Folders, film: FrameBatch
) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModel

    model: Any = AutoModel.from_pretrained(folders["dinov2"])
    processor: Any = AutoImageProcessor.from_pretrained(folders["dinov2"])
    with torch.inference_mode():
        inputs = processor(images=pil_images(film), return_tensors="pt")
        theirs = model(**inputs).pooler_output.numpy()

    assert cosines(encoders["dinov2"].encode(film).vectors, theirs).min() > 0.999


@pytest.mark.parametrize("name", ["timm-vit", "timm-convnext", "timm-headless"])
def test_pictures_have_the_features_that_timm_gives(
    encoders: dict[str, VisualEncoder], folders: Folders, film: FrameBatch, name: str
) -> None:
    import timm
    import torch

    network: Any = timm.create_model(f"local-dir:{folders[name]}", pretrained=True).eval()
    data: Any = timm.data
    transform = data.create_transform(**data.resolve_model_data_config(network), is_training=False)
    with torch.inference_mode():
        inputs = torch.stack([transform(image) for image in pil_images(film)])
        features = network.forward_features(inputs)
        theirs = network.forward_head(features, pre_logits=True).numpy()

    assert cosines(encoders[name].encode(film).vectors, theirs).min() > 0.999


def test_a_classifier_of_timm_names_imagenets_classes_by_its_own_probabilities(
    folders: Folders, film: FrameBatch
) -> None:
    import timm
    import torch

    network: Any = timm.create_model(f"local-dir:{folders['timm-vit']}", pretrained=True).eval()
    data: Any = timm.data
    transform = data.create_transform(**data.resolve_model_data_config(network), is_training=False)
    with torch.inference_mode():
        inputs = torch.stack([transform(image) for image in pil_images(film)])
        theirs = network(inputs).softmax(dim=1)
    info = data.ImageNetInfo()

    engine = loaded("timm-vit", folders["timm-vit"], min_label_score=0, max_labels=30)
    for labels, row in zip(engine.encode(film).labels, theirs, strict=True):
        ours = {label.name: label.score for label in labels}
        for index in row.argsort(descending=True)[:10].tolist():
            name = info.index_to_description(index).split(", ")[0]
            assert ours[name] >= float(row[index]) - 1e-4


def test_a_backbone_without_a_head_gives_no_labels(
    encoders: dict[str, VisualEncoder], film: FrameBatch
) -> None:
    assert encoders["timm-headless"].encode(film).labels == ((),) * len(film.data)


def test_a_model_without_a_vocabulary_gives_no_labels(
    encoders: dict[str, VisualEncoder], film: FrameBatch
) -> None:
    assert encoders["siglip"].encode(film).labels == ((),) * len(film.data)


@pytest.mark.parametrize("name", ["siglip", "timm-vit"])
def test_only_the_surest_labels_are_kept(folders: Folders, film: FrameBatch, name: str) -> None:
    words = ("cat", "dog", "rocket")
    all_of_them = loaded(name, folders[name], vocabulary=words, min_label_score=0, max_labels=3)
    (best, second, third), *_ = all_of_them.encode(film).labels
    few = loaded(name, folders[name], vocabulary=words, min_label_score=0, max_labels=2)
    sure = loaded(name, folders[name], vocabulary=words, min_label_score=second.score, max_labels=3)

    assert best.score > second.score > third.score
    assert few.encode(film).labels[0] == (best, second)
    assert sure.encode(film).labels[0] == (best, second)
