"""Long utterances in windows of Whisper's 30 s, many windows to a batch.

Whisper marks with time stamps where its segments begin and end. A window whose text ends
with a lone stamp is written down to its end; after another, listening goes on where its
last word ended (Radford et al. 2022, arXiv:2212.04356, section 3.8).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scenelake.schemas.arrays import Float32
from scenelake.workers.attention_times import TokenWord
from scenelake.workers.spoken import Segment, SpokenWord, compression_ratio

WINDOW_S = 30.0
_LEAST_S = 0.2
"""What is left of an utterance is listened to if it is longer than this."""
_SILENT, _UNSURE = 0.6, -1.0
"""A window is silence to a model that expects no speech and doubts its text (ibid., 4.5)."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """The tokens that a model writes of one window: those from `first_stamp` on are times."""

    tokens: tuple[int, ...]
    first_stamp: int

    @property
    def parts(self) -> list[list[int]]:
        """The text tokens of each segment; what follows the last pair of stamps is left out."""
        stamped = [token >= self.first_stamp for token in self.tokens]
        ends = [i for i in range(1, len(stamped)) if stamped[i] and stamped[i - 1]]
        if not ends or self.is_whole:
            ends.append(len(self.tokens))
        return [
            [token for token in self.tokens[start:end] if token < self.first_stamp]
            for start, end in pairwise([0, *ends])
        ]

    @property
    def text_tokens(self) -> list[int]:
        return [token for part in self.parts for token in part]

    @property
    def is_whole(self) -> bool:
        """Whether nothing more is said in the window."""
        return len(self.tokens) >= 2 and self.tokens[-2] < self.first_stamp <= self.tokens[-1]


@dataclass(frozen=True, slots=True)
class Listened:
    """A window's segments, and how much of it they tell; None: all."""

    segments: tuple[Segment, ...]
    until_s: float | None = None


def listened(
    written: Stamped, words: Sequence[TokenWord], *, avg_logprob: float, no_speech_prob: float
) -> Listened:
    """A window's segments, of the words of all its text tokens."""
    if no_speech_prob > _SILENT and avg_logprob < _UNSURE:
        return Listened(())
    ratio = compression_ratio("".join(word.spoken.text for word in words))
    segments = tuple(
        Segment(spoken, avg_logprob, no_speech_prob, ratio) for spoken in _dealt(written, words)
    )
    until_s = words[-1].spoken.end_s if words and not written.is_whole else None
    return Listened(segments, until_s)


def _dealt(written: Stamped, words: Sequence[TokenWord]) -> Iterator[tuple[SpokenWord, ...]]:
    """The words of each segment."""
    waiting = deque(words)
    for part in written.parts:
        ours, n_tokens = list[SpokenWord](), 0
        while waiting and n_tokens < len(part):
            ours.append(waiting[0].spoken)
            n_tokens += waiting.popleft().n_tokens
        yield tuple(ours)


def in_windows(
    sounds: Sequence[Float32],
    listen: Callable[[Sequence[Float32]], Sequence[Listened]],
    *,
    batch_size: int,
    rate: int,
) -> list[list[Segment]]:
    """The segments of each sound (T,), in seconds from its start.

    Args:
        listen: gives for each window, at most 30 s, what is said in it.
    """
    heard: list[list[Segment]] = [[] for _ in sounds]
    waiting = deque((index, 0.0) for index in range(len(sounds)))
    while waiting:
        batch = [waiting.popleft() for _ in range(min(batch_size, len(waiting)))]
        windows = [_window(sounds[index], start_s, rate) for index, start_s in batch]
        for (index, start_s), window, found in zip(batch, windows, listen(windows), strict=True):
            heard[index] += [segment.later(start_s) for segment in found.segments]
            read_s = len(window) / rate if found.until_s is None else found.until_s
            is_done = len(sounds[index]) / rate - start_s - read_s < _LEAST_S
            if read_s >= _LEAST_S and not is_done:
                waiting.append((index, start_s + read_s))
    return heard


def _window(sound: Float32, start_s: float, rate: int) -> Float32:
    start = round(start_s * rate)
    return sound[start : start + round(WINDOW_S * rate)]
