"""Small models of the real architectures, with random weights and their real processors.

Each builder saves a folder as a hub has it, to be loaded as a real one is.
"""

from __future__ import annotations

from pathlib import Path
from string import ascii_lowercase, digits
from typing import Any

SIDE_PX = 32
_LAYERS = {"num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
_LETTERS = ascii_lowercase + digits + ".,!?'-"


def siglip(folder: Path, *, seed: int = 1) -> Path:
    """SigLIP 2 of one resolution: SigLIP's network with the tokenizer of SigLIP 2."""
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel, SiglipProcessor

    tokenizer = _siglip_tokenizer()
    config = SiglipConfig(
        vision_config={"hidden_size": 48, "image_size": SIDE_PX, "patch_size": 8, **_LAYERS},
        text_config={"hidden_size": 48, **_siglip_text(tokenizer)},
    )
    images = SiglipImageProcessor(size={"height": SIDE_PX, "width": SIDE_PX})
    return _save(SiglipModel, config, SiglipProcessor(images, tokenizer), folder, seed=seed)


def siglip2(folder: Path, *, seed: int = 1) -> Path:
    """SigLIP 2 of any aspect ratio (NaFlex)."""
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model, Siglip2Processor

    tokenizer = _siglip_tokenizer()
    config = Siglip2Config(
        vision_config={"hidden_size": 48, "patch_size": 16, "num_patches": 256, **_LAYERS},
        text_config={"hidden_size": 48, **_siglip_text(tokenizer)},
    )
    processor = Siglip2Processor(Siglip2ImageProcessor(), tokenizer)
    return _save(Siglip2Model, config, processor, folder, seed=seed)


def clip(folder: Path, *, seed: int = 1) -> Path:
    """CLIP, with towers of different width."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

    tokenizer = _clip_tokenizer()
    config = CLIPConfig(
        vision_config={"hidden_size": 48, "image_size": SIDE_PX, "patch_size": 8, **_LAYERS},
        text_config={
            "hidden_size": 32,
            "max_position_embeddings": 77,
            "vocab_size": len(tokenizer),
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            **_LAYERS,
        },
        projection_dim=24,
    )
    square = {"height": SIDE_PX, "width": SIDE_PX}
    images = CLIPImageProcessor(size={"shortest_edge": SIDE_PX}, crop_size=square)
    return _save(CLIPModel, config, CLIPProcessor(images, tokenizer), folder, seed=seed)


def dinov2(folder: Path, *, seed: int = 1) -> Path:
    """DINOv2, without a tower for texts."""
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    square = {"height": SIDE_PX, "width": SIDE_PX}
    config = Dinov2Config(hidden_size=48, image_size=SIDE_PX, patch_size=8, **_LAYERS)
    images = BitImageProcessor(size={"shortest_edge": SIDE_PX}, crop_size=square)
    return _save(Dinov2Model, config, images, folder, seed=seed)


def timm(folder: Path, *, architecture: str = "test_vit", classes: int = 1000) -> Path:
    """A small network of timm with its config.json and safetensors, as a hub has them."""
    import timm
    import torch
    from timm.models._hub import save_for_hf

    torch.manual_seed(1)
    network = timm.create_model(architecture, pretrained=False, num_classes=classes)
    save_for_hf(network, str(folder), safe_serialization=True)
    return folder


def spoil(folder: Path) -> Path:
    """Make a model's weights such that it computes what is not a number."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    save_file({k: v * float("nan") for k, v in load_file(path).items()}, path, {"format": "pt"})
    return folder


def take_out(folder: Path, word: str) -> Path:
    """Leave out the weights whose names hold a word."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if word not in k}, path, {"format": "pt"})
    return folder


def _save(model: Any, config: Any, processor: Any, folder: Path, *, seed: int) -> Path:
    import torch

    torch.manual_seed(seed)
    model(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _siglip_tokenizer() -> Any:
    from transformers import Siglip2Tokenizer

    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁"]
    return Siglip2Tokenizer(
        vocab={token: i for i, token in enumerate([*special, *_LETTERS])},
        merges=[],
        padding_side="right",
        model_max_length=64,
        model_input_names=["input_ids"],
    )


def _siglip_text(tokenizer: Any) -> dict[str, Any]:
    ids = {f"{n}_token_id": getattr(tokenizer, f"{n}_token_id") for n in ("pad", "bos", "eos")}
    return {"vocab_size": len(tokenizer), "max_position_embeddings": 64, **ids, **_LAYERS}


def _clip_tokenizer() -> Any:
    from transformers import CLIPTokenizer

    tokens = [*_LETTERS, *(f"{c}</w>" for c in _LETTERS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=[])
