"""Shows transformers' Whisper a text once more: how likely each token is, where it looked.

One pass of the decoder over the whole text gives for all its tokens what writing gave one
by one, and each row of a batch is as it would be alone: a token sees only those before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenelake.schemas.arrays import Float32

if TYPE_CHECKING:
    import torch

_SAMPLES_PER_POSITION = 320
"""What one position of the encoder covers: 0.02 s."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the model makes of a text of N tokens.

    Attributes:
        probabilities: (N,) of the tokens.
        attention: (heads, N + 1, positions) where it looked for each token and the end,
            adding up to 1 over the window's positions.
        no_speech_prob: that nobody speaks.
    """

    probabilities: Float32
    attention: torch.Tensor
    no_speech_prob: float


def start_logits(model: Any, encoded: torch.Tensor) -> torch.Tensor:
    """(B, vocabulary) logits of what follows the start of a text: a language, or no speech."""
    import torch

    start = model.generation_config.decoder_start_token_id
    tokens = torch.full((len(encoded), 1), start, device=encoded.device)
    logits: torch.Tensor = _decoded(model, encoded, tokens)[:, -1]
    return logits


def reread(
    model: Any,
    encoded: torch.Tensor,
    texts: Sequence[Sequence[int]],
    *,
    prompt: Sequence[int],
    start: Sequence[int],
    n_samples: Sequence[int],
) -> list[Look]:
    """What the model makes of each text, one for each window.

    Args:
        encoded: (B, positions, width) of the windows.
        prompt: tokens that each text is taken to follow; may be none.
        start: tokens between the two; the first is the start of all texts.
        n_samples: samples of each window without its padding, at 16 kHz.
    """
    import torch

    end = model.config.eos_token_id
    longest = max(len(text) for text in texts)
    before = [*prompt, *start]
    rows = [[*before, *text, *[end] * (longest + 1 - len(text))] for text in texts]
    tokens = torch.tensor(rows, device=encoded.device)
    with _watched(model) as looks:
        logits = _decoded(model, encoded, tokens)
    attention = torch.stack([looks[layer][:, head] for layer, head in _heads(model)], dim=1)
    silence = model.generation_config.no_timestamps_token_id - 1
    no_speech = logits[:, len(prompt)].float().softmax(dim=-1)[:, silence].tolist()
    return [
        _look(
            logits[row, len(before) - 1 :],
            attention[row, :, len(before) - 1 :],
            list(text),
            n_positions=max(1, n_samples[row] // _SAMPLES_PER_POSITION),
            no_speech_prob=no_speech[row],
        )
        for row, text in enumerate(texts)
    ]


def _look(
    logits: torch.Tensor,
    attention: torch.Tensor,
    text: list[int],
    *,
    n_positions: int,
    no_speech_prob: float,
) -> Look:
    n = len(text)
    logprobs = logits[:n].float().log_softmax(dim=-1)[range(n), text]
    within = attention[:, : n + 1, :n_positions].float()
    return Look(
        probabilities=logprobs.exp().cpu().numpy(),
        attention=within / within.sum(dim=-1, keepdim=True),
        no_speech_prob=no_speech_prob,
    )


def avg_logprobs(
    model: Any,
    encoded: torch.Tensor,
    written: Sequence[Sequence[int]],
    *,
    before: Sequence[int],
    first_stamp: int,
) -> list[float]:
    """How sure the model was of each text, its stamps and its end, as Whisper's authors count.

    A stamp is chosen among stamps: only their odds matter then.
    """
    import torch

    end = model.config.eos_token_id
    longest = max(len(tokens) for tokens in written)
    rows = [[*before, *tokens, *[end] * (longest - len(tokens))] for tokens in written]
    logits = _decoded(model, encoded, torch.tensor(rows, device=encoded.device))
    means = []
    for row, tokens in zip(logits[:, len(before) - 1 :].float(), written, strict=True):
        told = torch.tensor([*tokens, end], device=encoded.device)
        odds = row[: len(told)]
        among = torch.where(told < first_stamp, odds.logsumexp(-1), _stamps(odds, first_stamp))
        means.append(float((odds.gather(1, told[:, None])[:, 0] - among).mean()))
    return means


def _stamps(odds: torch.Tensor, first_stamp: int) -> torch.Tensor:
    return odds[:, first_stamp:].logsumexp(-1)


def _decoded(model: Any, encoded: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """(B, N, vocabulary) logits."""
    from transformers.modeling_outputs import BaseModelOutput

    outputs = BaseModelOutput(last_hidden_state=encoded)
    logits: torch.Tensor = model(
        encoder_outputs=outputs, decoder_input_ids=tokens, use_cache=False
    ).logits
    return logits


def _heads(model: Any) -> list[tuple[int, int]]:
    """Layer and head of those that follow the speech; if not told, all of the later half."""
    told = getattr(model.generation_config, "alignment_heads", None)
    if told:
        return [(layer, head) for layer, head in told]
    config = model.config
    layers = range(config.decoder_layers // 2, config.decoder_layers)
    return [(layer, head) for layer in layers for head in range(config.decoder_attention_heads)]


@contextmanager
def _watched(model: Any) -> Iterator[dict[int, torch.Tensor]]:
    """Collect (B, heads, N, positions) of the layers with heads that follow the speech.

    Only the plain implementation of attention tells where it looks; it is used for this
    pass alone.
    """
    looks: dict[int, torch.Tensor] = {}

    def watch(layer: int) -> Any:
        def keep(_module: Any, _inputs: Any, outputs: Any) -> None:
            looks[layer] = outputs[1]

        return model.get_decoder().layers[layer].encoder_attn.register_forward_hook(keep)

    usual = model.config._attn_implementation
    model.set_attn_implementation("eager")
    hooks = [watch(layer) for layer in sorted({layer for layer, _ in _heads(model)})]
    try:
        yield looks
    finally:
        for hook in hooks:
            hook.remove()
        model.set_attn_implementation(usual)
