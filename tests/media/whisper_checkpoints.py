"""One Whisper, three libraries: CTranslate2's weights as the other two have them on disk.

The format of CTranslate2 is that of its model_spec.py (6 is the version in use): a header,
then each array's name, shape, type and bytes. Its converters fuse the queries, keys and
values of a layer into one matrix; here they come apart again.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_PARTS = {
    ("self_attention", "linear_0"): "qkv",
    ("self_attention", "linear_1"): "o",
    ("attention", "linear_0"): "q",
    ("attention", "linear_1"): "kv",
    ("attention", "linear_2"): "o",
}
_OPENAI = (
    (r"(\w+)/layer_(\d+)/", r"\1.blocks.\2."),
    (r"self_attention/layer_norm", "attn_ln"),
    (r"(?<=\.)attention/layer_norm", "cross_attn_ln"),
    (r"self_attention/", "attn."),
    (r"(?<=\.)attention/", "cross_attn."),
    (r"ffn/layer_norm", "mlp_ln"),
    (r"ffn/linear_0", "mlp.0"),
    (r"ffn/linear_1", "mlp.2"),
    (r"encoder/layer_norm", "encoder.ln_post"),
    (r"decoder/layer_norm", "decoder.ln"),
    (r"position_encodings/encodings", "positional_embedding"),
    (r"embeddings/", "token_embedding."),
    (r"\.q/", ".query."),
    (r"\.k/", ".key."),
    (r"\.v/", ".value."),
    (r"\.o/", ".out."),
    (r"gamma$", "weight"),
    (r"beta$", "bias"),
    (r"/", "."),
)
_TRANSFORMERS = (
    (r"^(\w+)/layer_(\d+)/", r"model.\1.layers.\2."),
    (r"^(encoder|decoder)/", r"model.\1."),
    (r"self_attention/layer_norm", "self_attn_layer_norm"),
    (r"(?<=\.)attention/layer_norm", "encoder_attn_layer_norm"),
    (r"self_attention/", "self_attn."),
    (r"(?<=\.)attention/", "encoder_attn."),
    (r"ffn/layer_norm", "final_layer_norm"),
    (r"ffn/linear_0", "fc1"),
    (r"ffn/linear_1", "fc2"),
    (r"position_encodings/encodings", "embed_positions.weight"),
    (r"embeddings/", "embed_tokens."),
    (r"\.([qkv])/", r".\1_proj."),
    (r"\.o/", ".out_proj."),
    (r"gamma$", "weight"),
    (r"beta$", "bias"),
    (r"/", "."),
)


def openai_checkpoint(model: Path, path: Path) -> Path:
    """Save a CTranslate2 folder as openai-whisper's ``.pt``.

    The library knows by the file's name which heads follow the speech: "tiny.en.pt".
    """
    arrays = _unfused(read_arrays(model / "model.bin"))
    dims = _sizes(arrays)
    state = _state(arrays, _OPENAI)
    torch.save({"dims": dims, "model_state_dict": state}, path)
    return path


def transformers_folder(model: Path, folder: Path) -> Path:
    """Save a CTranslate2 folder as transformers has it, tokenizer and all."""
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    arrays = _unfused(read_arrays(model / "model.bin"))
    whisper = WhisperForConditionalGeneration(WhisperConfig(**_transformers_config(arrays)))
    state = _state(arrays, _TRANSFORMERS)
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    whisper.load_state_dict(state)
    whisper.generation_config = _generation_config(model)
    whisper.save_pretrained(folder)
    _save_processor(model, folder, n_mels=whisper.config.num_mel_bins)
    return folder


def read_arrays(path: Path) -> Arrays:
    """The arrays of a ``model.bin`` by name."""
    with path.open("rb") as file:
        (version,) = struct.unpack("<I", file.read(4))
        spec = _text(file)
        _, n_arrays = struct.unpack("<II", file.read(8))
        if (version, spec) != (6, "WhisperSpec"):
            raise ValueError(f"{path} is {spec} {version}, expected WhisperSpec 6")
        return dict(_array(file) for _ in range(n_arrays))


def _text(file: IO[bytes]) -> str:
    (n_bytes,) = struct.unpack("<H", file.read(2))
    return file.read(n_bytes).rstrip(b"\0").decode()


def _array(file: IO[bytes]) -> tuple[str, NDArray[Any]]:
    name = _text(file)
    (rank,) = struct.unpack("<B", file.read(1))
    shape = struct.unpack(f"<{rank}I", file.read(4 * rank))
    kind, n_bytes = struct.unpack("<BI", file.read(5))
    return name, np.frombuffer(file.read(n_bytes), _TYPES[kind]).reshape(shape)


def _unfused(arrays: Arrays) -> Arrays:
    """The weights alone, as float32; queries, keys and values each by themselves."""
    return {
        name: part.astype(np.float32)
        for fused, array in arrays.items()
        if array.ndim and "alignment" not in fused
        for name, part in _apart(fused, array)
    }


def _apart(name: str, array: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    *before, block, linear, what = ["", "", *name.split("/")]
    letters = _PARTS.get((block, linear))
    if letters is None:
        yield name, array
        return
    for letter, part in zip(letters, np.split(array, len(letters)), strict=True):
        if (letter, what) != ("k", "bias"):  # Whisper's keys have none; CTranslate2 writes zeros
            yield "/".join([*before[2:], block, letter, what]), part


def _state(arrays: Arrays, names: tuple[tuple[str, str], ...]) -> dict[str, torch.Tensor]:
    return {_renamed(name, names): torch.from_numpy(array) for name, array in arrays.items()}


def _renamed(name: str, names: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in names:
        name = re.sub(pattern, replacement, name)
    return name


def _sizes(arrays: Arrays) -> dict[str, int]:
    """openai-whisper's ModelDimensions."""
    n_vocab, width = arrays["decoder/embeddings/weight"].shape
    n_layers = {kind: _n_layers(arrays, kind) for kind in ("encoder", "decoder")}
    return {
        "n_mels": arrays["encoder/conv1/weight"].shape[1],
        "n_audio_ctx": len(arrays["encoder/position_encodings/encodings"]),
        "n_audio_state": width,
        "n_audio_head": width // 64,
        "n_audio_layer": n_layers["encoder"],
        "n_vocab": n_vocab,
        "n_text_ctx": len(arrays["decoder/position_encodings/encodings"]),
        "n_text_state": width,
        "n_text_head": width // 64,
        "n_text_layer": n_layers["decoder"],
    }


def _n_layers(arrays: Arrays, kind: str) -> int:
    return len(
        {name.split("/")[1] for name in arrays if name.startswith(f"{kind}/layer_")}
        - {"layer_norm"}
    )


def _transformers_config(arrays: Arrays) -> dict[str, Any]:
    sizes = _sizes(arrays)
    is_english = sizes["n_vocab"] == 51864
    end = 50256 if is_english else 50257
    return {
        "vocab_size": sizes["n_vocab"],
        "num_mel_bins": sizes["n_mels"],
        "d_model": sizes["n_text_state"],
        "encoder_layers": sizes["n_audio_layer"],
        "encoder_attention_heads": sizes["n_audio_head"],
        "decoder_layers": sizes["n_text_layer"],
        "decoder_attention_heads": sizes["n_text_head"],
        "encoder_ffn_dim": 4 * sizes["n_audio_state"],
        "decoder_ffn_dim": 4 * sizes["n_text_state"],
        "max_source_positions": sizes["n_audio_ctx"],
        "max_target_positions": sizes["n_text_ctx"],
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": end + 1,
    }


def _generation_config(model: Path) -> Any:
    from transformers import GenerationConfig

    told, tokens = _read(model / "config.json"), _special_tokens(model)
    end = tokens["<|endoftext|>"]
    is_multilingual = end == 50257
    many = {
        "lang_to_id": {t: i for t, i in tokens.items() if i in told["lang_ids"] and len(t) < 9},
        "task_to_id": {task: tokens[f"<|{task}|>"] for task in ("transcribe", "translate")},
    }
    return GenerationConfig(
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=tokens["<|startoftranscript|>"],
        prev_sot_token_id=tokens["<|startofprev|>"],
        no_timestamps_token_id=tokens["<|notimestamps|>"],
        suppress_tokens=told["suppress_ids"],
        begin_suppress_tokens=told["suppress_ids_begin"],
        alignment_heads=told["alignment_heads"],
        is_multilingual=is_multilingual,
        max_length=448,
        **(many if is_multilingual else {}),
    )


def _save_processor(model: Path, folder: Path, *, n_mels: int) -> None:
    """The packaged tokenizer, under a hub's file names."""
    from transformers import WhisperFeatureExtractor

    WhisperFeatureExtractor(feature_size=n_mels).save_pretrained(folder)
    shutil.copy(model / "tokenizer.json", folder)
    end = "<|endoftext|>"
    settings = {"tokenizer_class": "WhisperTokenizer", "bos_token": end, "eos_token": end}
    settings |= {"unk_token": end, "pad_token": end, "model_max_length": 1024}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def _special_tokens(model: Path) -> dict[str, int]:
    added = _read(model / "tokenizer.json")["added_tokens"]
    return {token["content"]: token["id"] for token in added}


def _read(path: Path) -> Mapping[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return read


def ctc_folder(folder: Path) -> Path:
    """A small wav2vec 2.0 with an alphabet and weights of chance."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ'"]
    (folder / "vocab.json").write_text(json.dumps({x: i for i, x in enumerate(letters)}))
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(letters),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder
