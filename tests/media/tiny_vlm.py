"""Small vision language models of the real architectures, with random weights.

Each is saved as a hub has it: configuration, weights, real processor, tokenizer of single
bytes, chat template. What they say is nonsense, but the same nonsense for the same prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

SIDE_PX, PATCH_PX = 32, 8
N_IMAGE_TOKENS = (SIDE_PX // PATCH_PX // 2) ** 2
_SQUARE = {"height": SIDE_PX, "width": SIDE_PX}
_TEXT = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 8192,
}
_VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": SIDE_PX,
    "patch_size": PATCH_PX,
}
_SPREAD = 0.15
"""Of random weights: with transformers' 0.02, a model hardly looks at what it is told."""
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}IMAGE{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def qwen3_vl(folder: Path) -> Path:
    import transformers as t

    marks = ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<|video_pad|>")
    tokenizer = _tokenizer(image_token=marks[1], video_token=marks[3], start=marks[0], end=marks[2])
    start, image, end, video = tokenizer.convert_tokens_to_ids(list(marks))
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2]}
    config = t.Qwen3VLConfig(
        text_config={**_TEXT, **_ids(tokenizer), "rope_parameters": rope},
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_heads": 4,
            "patch_size": PATCH_PX,
            "out_hidden_size": 64,
            "num_position_embeddings": 16,
            "deepstack_visual_indexes": [1],
        },
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=end,
    )
    sizes = {"patch_size": PATCH_PX, "merge_size": 2, "temporal_patch_size": 2}
    pixels = {"size": {"shortest_edge": 16 * 16, "longest_edge": 64 * 64}}
    processor = t.Qwen3VLProcessor(
        t.Qwen2VLImageProcessor(**sizes, **pixels),
        tokenizer,
        t.Qwen3VLVideoProcessor(**sizes),
        chat_template=_template("".join(marks[:3])),
    )
    return _save(t.Qwen3VLForConditionalGeneration, config, processor, folder)


def smolvlm(folder: Path) -> Path:
    import transformers as t

    tokenizer = _tokenizer(image_token="<image>", fake_image_token="<fake_token_around_image>")
    config = t.SmolVLMConfig(
        text_config={"model_type": "llama", **_TEXT, **_ids(tokenizer)},
        vision_config=_VISION,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        scale_factor=2,
    )
    images = t.SmolVLMImageProcessor(
        size={"longest_edge": 2 * SIDE_PX}, max_image_size={"longest_edge": SIDE_PX}
    )
    videos = t.SmolVLMVideoProcessor(
        size={"longest_edge": SIDE_PX}, max_image_size={"longest_edge": SIDE_PX}
    )
    processor = t.SmolVLMProcessor(
        images,
        tokenizer,
        videos,
        image_seq_len=N_IMAGE_TOKENS,
        chat_template=_template("<image>"),
    )
    return _save(t.SmolVLMForConditionalGeneration, config, processor, folder)


def llava_onevision(folder: Path) -> Path:
    import transformers as t

    tokenizer = _tokenizer(image_token="<image>", video_token="<video>")
    grid = [[SIDE_PX, SIDE_PX], [SIDE_PX, 2 * SIDE_PX], [2 * SIDE_PX, SIDE_PX]]
    config = t.LlavaOnevisionConfig(
        text_config={"model_type": "qwen2", **_TEXT, **_ids(tokenizer)},
        vision_config={"model_type": "siglip_vision_model", "vision_use_head": False, **_VISION},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=grid,
    )
    processor = t.LlavaOnevisionProcessor(
        t.LlavaOnevisionImageProcessor(size=_SQUARE, image_grid_pinpoints=grid),
        tokenizer,
        t.LlavaOnevisionVideoProcessor(size=_SQUARE),
        num_image_tokens=(SIDE_PX // PATCH_PX) ** 2,
        vision_feature_select_strategy="full",
        chat_template=_template("<image>"),
    )
    return _save(t.LlavaOnevisionForConditionalGeneration, config, processor, folder)


def internvl(folder: Path) -> Path:
    import transformers as t

    tokenizer = _tokenizer(
        start_image_token="<img>",
        end_image_token="</img>",
        context_image_token="<IMG_CONTEXT>",
        video_token="<video>",
    )
    sides = {"image_size": [SIDE_PX] * 2, "patch_size": [PATCH_PX] * 2}
    config = t.InternVLConfig(
        text_config={"model_type": "qwen2", **_TEXT, **_ids(tokenizer)},
        vision_config={**_VISION, **sides},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=N_IMAGE_TOKENS,
        tie_word_embeddings=False,
    )
    processor = t.InternVLProcessor(
        t.GotOcr2ImageProcessor(size=_SQUARE),
        tokenizer,
        t.InternVLVideoProcessor(size=_SQUARE),
        image_seq_length=N_IMAGE_TOKENS,
        chat_template=_template("<IMG_CONTEXT>"),
    )
    return _save(t.InternVLForConditionalGeneration, config, processor, folder)


def gemma3(folder: Path) -> Path:
    import transformers as t

    tokenizer = _tokenizer(
        boi_token="<start_of_image>", eoi_token="<end_of_image>", image_token="<image_soft_token>"
    )
    ids = {
        f"{name}_index": tokenizer.convert_tokens_to_ids(getattr(tokenizer, name))
        for name in ("boi_token", "eoi_token", "image_token")
    }
    config = t.Gemma3Config(
        text_config={**_TEXT, **_ids(tokenizer), "sliding_window": 64},
        vision_config={"vision_use_head": False, **_VISION},
        mm_tokens_per_image=N_IMAGE_TOKENS,
        boi_token_index=ids["boi_token_index"],
        eoi_token_index=ids["eoi_token_index"],
        image_token_id=ids["image_token_index"],
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=False,
    )
    processor = t.Gemma3Processor(
        t.Gemma3ImageProcessor(size=_SQUARE),
        tokenizer,
        image_seq_length=N_IMAGE_TOKENS,
        chat_template=_template("<start_of_image>"),
    )
    return _save(t.Gemma3ForConditionalGeneration, config, processor, folder)


FAMILIES: Mapping[str, Callable[[Path], Path]] = {
    "qwen3-vl": qwen3_vl,
    "smolvlm": smolvlm,
    "llava-onevision": llava_onevision,
    "internvl": internvl,
    "gemma3": gemma3,
}


def write_mmproj(path: Path, *, width: int = 576, dim: int = 32, n_heads: int = 4) -> Path:
    """Eyes for a GGUF model of this width: InternVL's tower and projector, as llama.cpp has them.

    The default width is SmolLM2-135M's.
    """
    from gguf import GGUFWriter

    writer = GGUFWriter(str(path), "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "internvl")
    writer.add_bool("clip.use_gelu", True)
    sizes = {
        "image_size": 64,
        "patch_size": 16,
        "embedding_length": dim,
        "feed_forward_length": 2 * dim,
        "block_count": 2,
        "projection_dim": width,
        "attention.head_count": n_heads,
        "projector.scale_factor": 2,
    }
    for name, value in sizes.items():
        writer.add_uint32(f"clip.vision.{name}", value)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    for name in ("image_mean", "image_std"):
        writer.add_array(f"clip.vision.{name}", [0.5] * 3)
    for name, tensor in _mmproj_tensors(width=width, dim=dim).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _mmproj_tensors(*, width: int, dim: int) -> dict[str, Any]:
    """Tensors by llama.cpp's names; the last axis is the one that is summed over."""
    merged = 4 * dim
    shapes: dict[str, tuple[int, ...]] = {
        "v.class_embd": (dim,),
        "v.position_embd.weight": (17, dim),
        "v.patch_embd.weight": (dim, 3, 16, 16),
        "v.patch_embd.bias": (dim,),
        "mm.model.mlp.1.weight": (width, merged),
        "mm.model.mlp.3.weight": (width, width),
    }
    shapes |= {f"mm.model.mlp.{i}.bias": (width,) for i in (1, 3)}
    for block in (f"v.blk.{i}" for i in range(2)):
        shapes |= {f"{block}.attn_{n}.weight": (dim, dim) for n in ("q", "k", "v", "out")}
        shapes |= {f"{block}.attn_{n}.bias": (dim,) for n in ("q", "k", "v", "out")}
        shapes |= {f"{block}.ffn_up.weight": (2 * dim, dim), f"{block}.ffn_up.bias": (2 * dim,)}
        shapes |= {f"{block}.ffn_down.weight": (dim, 2 * dim), f"{block}.ffn_down.bias": (dim,)}
    norms = {f"v.blk.{i}.ln{n}": dim for i in range(2) for n in (1, 2)}
    norms["mm.model.mlp.0"] = merged
    random = np.random.default_rng(0)
    tensors = {
        name: (random.standard_normal(shape) * 0.1).astype(np.float32)
        for name, shape in shapes.items()
    }
    for name, size in norms.items():
        tensors[f"{name}.weight"] = np.ones(size, np.float32)
        tensors[f"{name}.bias"] = np.zeros(size, np.float32)
    return tensors


def _tokenizer(**special: str) -> Any:
    """Bytes as tokens, the special ones under the names by which a processor asks for them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(letters)}, merges=[]))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytes_only,
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        extra_special_tokens=special,
    )
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|im_start|>"]}, replace_extra_special_tokens=False
    )
    return tokenizer


def _ids(tokenizer: Any) -> dict[str, int]:
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("pad", "eos")}
    return {"vocab_size": len(tokenizer), "bos_token_id": ids["eos_token_id"], **ids}


def _template(image: str) -> str:
    return _TEMPLATE.replace("IMAGE", image)


def _save(model: Any, config: Any, processor: Any, folder: Path) -> Path:
    import torch

    torch.manual_seed(1)
    made = model(config)
    with torch.no_grad():
        for weight in made.parameters():
            if weight.dim() > 1:
                weight.normal_(0, _SPREAD)
    made.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    made.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    made.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
