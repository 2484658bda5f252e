"""Visual engines give the vectors and labels that their models' own libraries give."""

from __future__ import annotations

from typing import Any

import pytest

from scenelake.schemas.media import FrameBatch
from scenelake.workers.engines import VisualEncoder

from .visual import DUAL, Folders, cosines, loaded, pil_images


@pytest.mark.parametrize("name", DUAL)
def test_pictures_have_the_vectors_that_transformers_gives(
    encoders: dict[str, VisualEncoder], folders: Folders, slides: FrameBatch, name: str
) -> None:
    import torch
    from transformers import AutoModel, AutoProcessor

    model: Any = AutoModel.from_pretrained(folders[name])
    processor: Any = AutoProcessor.from_pretrained(folders[name])
    with torch.inference_mode():
        inputs = processor(images=pil_images(slides), return_tensors="pt")
        theirs = model.get_image_features(**inputs).pooler_output.numpy()

    assert cosines(encoders[name].encode(slides).vectors, theirs).min() > 0.999


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
    folders: Folders, slides: FrameBatch, name: str
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
            text=texts, images=pil_images(slides), padding=padding, return_tensors="pt"
        )
        logits = model(**inputs).logits_per_image
        theirs = (logits.softmax(dim=1) if name == "clip" else logits.sigmoid()).numpy()

    labelled = loaded(name, folders[name], vocabulary=words, min_label_score=0).encode(slides)
    for labels, row in zip(labelled.labels, theirs, strict=True):
        ours = {label.name: label.score for label in labels}
        assert [ours[word] for word in words] == pytest.approx(row.tolist(), abs=2e-3)
        assert [label.score for label in labels] == sorted(ours.values(), reverse=True)


def test_pictures_have_the_class_token_that_dinov2_gives(
    encoders: dict[str, VisualEncoder], folders: Folders, slides: FrameBatch
) -> None:
    import torch
    from transformers import AutoImageProcessor, AutoModel

    model: Any = AutoModel.from_pretrained(folders["dinov2"])
    processor: Any = AutoImageProcessor.from_pretrained(folders["dinov2"])
    with torch.inference_mode():
        inputs = processor(images=pil_images(slides), return_tensors="pt")
        theirs = model(**inputs).pooler_output.numpy()

    assert cosines(encoders["dinov2"].encode(slides).vectors, theirs).min() > 0.999


@pytest.mark.parametrize("name", ["timm-vit", "timm-convnext", "timm-headless"])
def test_pictures_have_the_features_that_timm_gives(
    encoders: dict[str, VisualEncoder], folders: Folders, slides: FrameBatch, name: str
) -> None:
    import timm
    import torch

    network: Any = timm.create_model(f"local-dir:{folders[name]}", pretrained=True).eval()
    data: Any = timm.data
    transform = data.create_transform(**data.resolve_model_data_config(network), is_training=False)
    with torch.inference_mode():
        inputs = torch.stack([transform(image) for image in pil_images(slides)])
        features = network.forward_features(inputs)
        theirs = network.forward_head(features, pre_logits=True).numpy()

    assert cosines(encoders[name].encode(slides).vectors, theirs).min() > 0.999


def test_a_classifier_of_timm_names_imagenets_classes_by_its_own_probabilities(
    folders: Folders, slides: FrameBatch
) -> None:
    import timm
    import torch

    network: Any = timm.create_model(f"local-dir:{folders['timm-vit']}", pretrained=True).eval()
    data: Any = timm.data
    transform = data.create_transform(**data.resolve_model_data_config(network), is_training=False)
    with torch.inference_mode():
        inputs = torch.stack([transform(image) for image in pil_images(slides)])
        theirs = network(inputs).softmax(dim=1)
    info = data.ImageNetInfo()

    engine = loaded("timm-vit", folders["timm-vit"], min_label_score=0, max_labels=30)
    for labels, row in zip(engine.encode(slides).labels, theirs, strict=True):
        ours = {label.name: label.score for label in labels}
        for index in row.argsort(descending=True)[:10].tolist():
            name = info.index_to_description(index).split(", ")[0]
            assert ours[name] >= float(row[index]) - 1e-4
