"""When each token was said, by where the model looked as it wrote it; and tokens as words.

Some heads of Whisper's decoder follow the speech. The path through their attention, token
by token and frame by frame, that gathers most of it tells the times (dynamic time warping;
openai-whisper, whisper/timing.py). Tokens become words as there, so that engines agree.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scenelake.schemas.arrays import Float32, Float64
from scenelake.workers.spoken import SpokenWord

if TYPE_CHECKING:
    import torch

FRAME_S = 0.02
"""What one position of the encoder covers."""
_MEDIAN_FRAMES = 7
_BROKEN = "\ufffd"
"""What bytes that are no whole character decode to."""
_OPENING = "\"'“¿([{-"
_CLOSING = "\"'.。,\uff0c!\uff01?\uff1f:\uff1a”)]}、"


@dataclass(frozen=True, slots=True)
class TokenWord:
    """A word, and how many tokens it took."""

    n_tokens: int
    spoken: SpokenWord


def token_times(attention: torch.Tensor) -> Float64:
    """(N,) seconds at which each of N tokens begins.

    Args:
        attention: (heads, N, frames), adding up to 1 over the frames; one frame is 0.02 s.
    """
    import torch

    std, mean = torch.std_mean(attention, dim=-2, keepdim=True, unbiased=False)
    smooth = _median((attention - mean) / std.clamp_min(torch.finfo(std.dtype).tiny))
    return first_frames(-smooth.mean(dim=0).double().cpu().numpy()) * FRAME_S


def first_frames(cost: NDArray[np.float64]) -> Float64:
    """(N,) the first frame of each row on the cheapest monotone path through (N, frames)."""
    trace = _traced(np.asarray(cost, np.float64))
    row, frame = cost.shape
    firsts = np.zeros(row, np.float64)
    while row > 0 and frame > 0:
        firsts[row - 1] = frame - 1
        step = trace[row, frame]
        row -= step != _ALONG
        frame -= step != _DOWN
    return firsts


_DIAGONAL, _DOWN, _ALONG = 0, 1, 2


def _traced(cost: NDArray[np.float64]) -> NDArray[np.int8]:
    """(N + 1, frames + 1) the step by which the cheapest path comes to each place.

    Goes by anti-diagonals, whose places do not depend on each other.
    """
    n_rows, n_frames = cost.shape
    total = np.full((n_rows + 1, n_frames + 1), np.inf)
    total[0, 0] = 0
    trace = np.full(total.shape, _ALONG, np.int8)
    trace[1:, 0] = _DOWN
    for diagonal in range(2, n_rows + n_frames + 1):
        rows = np.arange(max(1, diagonal - n_frames), min(n_rows, diagonal - 1) + 1)
        frames = diagonal - rows
        across, down = total[rows - 1, frames - 1], total[rows - 1, frames]
        along = total[rows, frames - 1]
        step = np.where((across < down) & (across < along), _DIAGONAL, _ALONG)
        step[(down < across) & (down < along)] = _DOWN
        trace[rows, frames] = step
        before = np.choose(step, (across, down, along))
        total[rows, frames] = cost[rows - 1, frames - 1] + before
    return trace


def _median(weights: torch.Tensor) -> torch.Tensor:
    """The median of each seven frames in a row, the ends mirrored."""
    import torch

    pad = _MEDIAN_FRAMES // 2
    if weights.shape[-1] <= pad:
        return weights
    padded = torch.nn.functional.pad(weights, (pad, pad), mode="reflect")
    return padded.unfold(-1, _MEDIAN_FRAMES, 1).median(dim=-1).values


def as_words(
    tokens: Sequence[int],
    times_s: Float64,
    probabilities: Float32,
    *,
    decode: Callable[[list[int]], str],
    spaced: bool,
) -> list[TokenWord]:
    """Words of N text tokens, punctuation joined to them.

    Args:
        times_s: (N + 1,) where each token begins, and the last ends.
        probabilities: (N,) of the tokens.
        decode: tokens to text.
        spaced: whether the language parts words by spaces.
    """
    words, begin = [], 0
    for text, n_tokens in _texts(tokens, decode, spaced):
        end = begin + n_tokens
        spoken = SpokenWord(
            start_s=float(times_s[begin]),
            end_s=float(times_s[end]),
            text=text,
            probability=float(np.mean(probabilities[begin:end])),
        )
        words.append(TokenWord(n_tokens, spoken))
        begin = end
    return with_punctuation(words)


def _texts(
    tokens: Sequence[int], decode: Callable[[list[int]], str], spaced: bool
) -> list[tuple[str, int]]:
    """Text of each word and its number of tokens."""
    texts: list[tuple[str, int]] = []
    for text, n_tokens in _characters(tokens, decode):
        is_new = not spaced or text.startswith(" ") or text.strip() in string.punctuation
        if texts and not is_new:
            texts[-1] = (texts[-1][0] + text, texts[-1][1] + n_tokens)
        else:
            texts.append((text, n_tokens))
    return texts


def _characters(tokens: Sequence[int], decode: Callable[[list[int]], str]) -> list[tuple[str, int]]:
    """The smallest runs of tokens that decode to whole characters."""
    texts, run = [], list[int]()
    for token in tokens:
        run.append(token)
        text = decode(run)
        if _BROKEN not in text:
            texts.append((text, len(run)))
            run = []
    if run:
        texts.append((decode(run), len(run)))
    return texts


def with_punctuation(words: Sequence[TokenWord]) -> list[TokenWord]:
    """Words with the marks that open and close them; a mark's times do not count."""
    opened: list[TokenWord] = []
    for word in reversed(words):
        text = word.spoken.text
        if opened and text.startswith(" ") and text.strip() in _OPENING:
            opened[-1] = _joined(opened[-1], word, text + opened[-1].spoken.text)
        else:
            opened.append(word)
    closed: list[TokenWord] = []
    for word in reversed(opened):
        text = word.spoken.text
        if closed and not closed[-1].spoken.text.endswith(" ") and text in _CLOSING:
            closed[-1] = _joined(closed[-1], word, closed[-1].spoken.text + text)
        else:
            closed.append(word)
    return closed


def _joined(word: TokenWord, mark: TokenWord, text: str) -> TokenWord:
    return TokenWord(word.n_tokens + mark.n_tokens, replace(word.spoken, text=text))
