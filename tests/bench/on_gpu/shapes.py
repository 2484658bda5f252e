"""Models, and their floating-point operations: two for a multiplication and its addition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import transformers


@dataclass(frozen=True, slots=True)
class Vit:
    """A vision tower. SigLIP pools its patches by attention; DINOv2 has a class token."""

    name: str
    width: int
    n_layers: int
    n_heads: int
    mlp: int
    side_px: int
    patch_px: int
    has_class_token: bool

    @property
    def n_patches(self) -> int:
        return (self.side_px // self.patch_px) ** 2

    @property
    def n_tokens(self) -> int:
        return self.n_patches + self.has_class_token

    @property
    def flop(self) -> float:
        """Of one picture: patch embedding, layers, and the pooling by one probe."""
        n, d = self.n_tokens, self.width
        embedding = 2 * self.n_patches * 3 * self.patch_px**2 * d
        layers = self.n_layers * layer_flop(n=n, width=d, mlp=self.mlp)
        pooling = 0 if self.has_class_token else 4 * n * d**2 + 4 * d**2 + 4 * n * d
        pooling_mlp = 0 if self.has_class_token else 4 * d * self.mlp
        return embedding + layers + pooling + pooling_mlp

    def config(self) -> Any:
        shared = {
            "hidden_size": self.width,
            "num_hidden_layers": self.n_layers,
            "num_attention_heads": self.n_heads,
            "image_size": self.side_px,
            "patch_size": self.patch_px,
        }
        if self.has_class_token:
            return transformers.Dinov2Config(**shared, mlp_ratio=self.mlp // self.width)
        return transformers.SiglipVisionConfig(**shared, intermediate_size=self.mlp)


@dataclass(frozen=True, slots=True)
class Whisper:
    """Listens to windows of `window_s`, and writes `n_written` tokens for each."""

    name: str
    width: int
    n_layers: int
    n_written_layers: int
    n_heads: int
    mlp: int
    n_mels: int
    n_vocabulary: int
    window_s: int
    n_written: int

    @property
    def n_heard(self) -> int:
        return 50 * self.window_s

    @property
    def flop(self) -> float:
        """Of one window: two convolutions, the encoder, and the decoder token by token."""
        n, d = self.n_heard, self.width
        ears = 2 * 2 * n * 3 * self.n_mels * d + 2 * n * 3 * d * d
        encoder = self.n_layers * layer_flop(n=n, width=d, mlp=self.mlp)
        once = self.n_written_layers * 4 * n * d**2
        each = self.n_written_layers * (12 * d**2 + 4 * n * d + 4 * d * self.mlp)
        before = self.n_written_layers * 4 * d * sum(range(1, self.n_written + 1))
        return ears + encoder + once + before + self.n_written * (each + 2 * d * self.n_vocabulary)

    def config(self) -> Any:
        last = self.n_vocabulary - 1
        return transformers.WhisperConfig(
            d_model=self.width,
            encoder_layers=self.n_layers,
            decoder_layers=self.n_written_layers,
            encoder_attention_heads=self.n_heads,
            decoder_attention_heads=self.n_heads,
            encoder_ffn_dim=self.mlp,
            decoder_ffn_dim=self.mlp,
            num_mel_bins=self.n_mels,
            vocab_size=self.n_vocabulary,
            max_source_positions=self.n_heard,
            decoder_start_token_id=last,
            pad_token_id=last,
            bos_token_id=last,
            eos_token_id=last,
        )


@dataclass(frozen=True, slots=True)
class Qwen:
    """A language model with eyes; a prompt is `n_pictures` and `n_words` tokens of text."""

    name: str
    width: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    head: int
    mlp: int
    n_vocabulary: int
    eye: Vit
    deepstack: tuple[int, ...]
    mrope: tuple[int, int, int]
    n_pictures: int
    n_words: int

    @property
    def picture_tokens(self) -> int:
        return self.eye.n_patches // 4

    @property
    def prompt_tokens(self) -> int:
        return self.n_pictures * (self.picture_tokens + 2) + self.n_words

    @property
    def layer_weights(self) -> int:
        """Of one layer's matrices."""
        attention = self.width * self.head * 2 * (self.n_heads + self.n_kv_heads)
        return attention + 3 * self.width * self.mlp

    @property
    def text_flop(self) -> float:
        """Of one prompt: attention counted as causal, the vocabulary for the last token."""
        n = self.prompt_tokens
        attention = 2 * n * n * self.n_heads * self.head
        layers = self.n_layers * (2 * n * self.layer_weights + attention)
        return layers + 2 * self.width * self.n_vocabulary

    @property
    def flop(self) -> float:
        """Of one prompt with its pictures: the text's, and the eyes'."""
        n, d, joined = self.eye.n_patches, self.eye.width, 4 * self.eye.width
        embedding = 2 * n * 2 * 3 * self.eye.patch_px**2 * d
        layers = self.eye.n_layers * layer_flop(n=n, width=d, mlp=self.eye.mlp)
        merger = 2 * (n // 4) * joined * (joined + self.width)
        picture = embedding + layers + merger * (1 + len(self.deepstack))
        return self.text_flop + self.n_pictures * picture

    def step_bytes(self, *, batch: int, item_bytes: int) -> float:
        """Read for one more token of each prompt: all weights once, and the prompts' keys
        and values."""
        weights = self.n_layers * self.layer_weights + self.width * self.n_vocabulary
        cached = 2 * self.n_layers * self.n_kv_heads * self.head * self.prompt_tokens
        return float(item_bytes * (weights + batch * cached))

    def config(self) -> Any:
        ids = ("vision_start", "vision_end", "image", "video")
        return transformers.Qwen3VLConfig(
            text_config={
                "hidden_size": self.width,
                "num_hidden_layers": self.n_layers,
                "num_attention_heads": self.n_heads,
                "num_key_value_heads": self.n_kv_heads,
                "head_dim": self.head,
                "intermediate_size": self.mlp,
                "vocab_size": self.n_vocabulary,
                "rope_parameters": {
                    "rope_type": "default",
                    "rope_theta": 5_000_000.0,
                    "mrope_section": list(self.mrope),
                    "mrope_interleaved": True,
                },
            },
            vision_config={
                "depth": self.eye.n_layers,
                "hidden_size": self.eye.width,
                "num_heads": self.eye.n_heads,
                "intermediate_size": self.eye.mlp,
                "patch_size": self.eye.patch_px,
                "out_hidden_size": self.width,
                "deepstack_visual_indexes": list(self.deepstack),
            },
            tie_word_embeddings=True,
            **{f"{n}_token_id": self.n_vocabulary - 4 + i for i, n in enumerate(ids)},
        )


def layer_flop(*, n: int, width: int, mlp: int) -> float:
    """Of a layer over n tokens that all see each other: queries, keys, values and output;
    attention; the two products of the MLP."""
    return 8.0 * n * width**2 + 4.0 * n * n * width + 4.0 * n * width * mlp


@dataclass(frozen=True, slots=True)
class Shapes:
    """The models of a run, and how much of each it is given."""

    siglip: Vit
    dino: Vit
    whisper: Whisper
    qwen: Qwen
    square: int
    copy_bytes: int
    picture_batches: tuple[int, ...]
    way_batch: int
    window_batches: tuple[int, ...]
    prefill_batches: tuple[int, ...]
    decode_batches: tuple[int, ...]


_EYE = Vit("eyes", 1024, 24, 16, 4096, 448, 16, has_class_token=True)
_REAL = {
    "siglip": Vit("SigLIP so400m/14 384 px", 1152, 27, 16, 4304, 384, 14, has_class_token=False),
    "dino": Vit("DINOv2 large/14 224 px", 1024, 24, 16, 4096, 224, 14, has_class_token=True),
    "whisper": Whisper("Whisper large-v3-turbo", 1280, 32, 4, 20, 5120, 128, 51866, 30, 100),
    "square": 8192,
    "copy_bytes": 4 << 30,
    "picture_batches": (1, 8, 32, 128),
    "way_batch": 64,
    "window_batches": (1, 8, 32),
    "prefill_batches": (1, 8),
    "decode_batches": (1, 8, 32),
}
_2B = Qwen(
    "Qwen3-VL 2B", 2048, 28, 16, 8, 128, 6144, 151936, _EYE, (5, 11, 17), (24, 20, 20), 8, 256
)
_4B = Qwen(
    "Qwen3-VL 4B", 2560, 36, 32, 8, 128, 9728, 151936, _EYE, (5, 11, 17), (24, 20, 20), 8, 256
)
_SMALL = Shapes(
    siglip=Vit("SigLIP, small", 64, 2, 4, 128, 56, 14, has_class_token=False),
    dino=Vit("DINOv2, small", 64, 2, 4, 256, 56, 14, has_class_token=True),
    whisper=Whisper("Whisper, small", 64, 2, 2, 4, 128, 80, 512, 2, 8),
    qwen=Qwen(
        *("Qwen3-VL, small", 64, 2, 4, 2, 16, 128, 512),
        *(Vit("eyes", 32, 2, 2, 64, 64, 16, has_class_token=True), (0,), (4, 2, 2), 2, 8),
    ),
    square=512,
    copy_bytes=32 << 20,
    picture_batches=(1, 4),
    way_batch=4,
    window_batches=(1, 2),
    prefill_batches=(1, 2),
    decode_batches=(1, 2),
)


def shapes(size: str) -> Shapes:
    """Of "2b", "4b" or "small"."""
    return _SMALL if size == "small" else Shapes(**_REAL, qwen={"2b": _2B, "4b": _4B}[size])
