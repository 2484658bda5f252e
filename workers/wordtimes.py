"""Puts a transcriber's words on the film's clock, each where its sound is.

Whisper lets a word reach over the silence around it: the first word of an utterance
begins with the utterance, one before a pause ends with the pause. Such ends are moved
to where the utterance is louder than its own quiet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scenelake.schemas.media import Utterance
from scenelake.schemas.rows import Word
from scenelake.workers.spoken import SpokenWord

FRAME_S = 0.01
"""Loudness is measured this often."""
QUIET_DB = 35.0
"""Sound this far below the loud parts of its utterance carries no word."""
WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "km", "bo", "yue"})
"""Languages that Whisper writes without spaces; in others, what no space precedes
belongs to the word before it."""


def on_film_clock(
    heard: Sequence[SpokenWord], utterance: Utterance, *, language: str
) -> Iterator[Word]:
    """Words in time order, all within the utterance, text without outer spaces.

    Args:
        heard: words in time order, in seconds from the utterance's start.
        language: Whisper's code, for how words are parted.
    """
    loud = _loud_frames(utterance)
    last_s = 0.0
    for word in heard if language in WITHOUT_SPACES else _glued(heard):
        start_s, end_s = _tightened(word.start_s, word.end_s, loud)
        start_s = min(max(start_s, last_s), _length_s(utterance))
        end_s = min(max(end_s, start_s), _length_s(utterance))
        last_s = start_s
        yield Word(
            text=word.text.strip(),
            start_s=utterance.start_s + start_s,
            end_s=utterance.start_s + end_s,
            score=word.probability,
        )


def _glued(heard: Iterable[SpokenWord]) -> Iterator[SpokenWord]:
    """Join "self" and "-reliance": one word, as probable as its least probable part."""
    word: SpokenWord | None = None
    for part in heard:
        if word is None:
            word = part
        elif part.text.startswith(" "):
            yield word
            word = part
        else:
            score = min(word.probability, part.probability)
            word = replace(word, text=word.text + part.text, end_s=part.end_s, probability=score)
    if word is not None:
        yield word


def _tightened(start_s: float, end_s: float, loud: NDArray[np.bool_]) -> tuple[float, float]:
    """The span without the quiet at its ends; as it was where all of it is quiet."""
    first = round(start_s / FRAME_S)
    sounding = np.flatnonzero(loud[first : round(end_s / FRAME_S)])
    if not len(sounding):
        return start_s, end_s
    begin_s = (first + int(sounding[0])) * FRAME_S
    finish_s = (first + int(sounding[-1]) + 1) * FRAME_S
    return max(start_s, begin_s), min(end_s, finish_s)


def _loud_frames(utterance: Utterance) -> NDArray[np.bool_]:
    """(T,) whether each frame of `FRAME_S` is loud enough to carry speech."""
    n = round(FRAME_S * utterance.sample_rate)
    whole = utterance.samples[: len(utterance.samples) // n * n]
    power = np.square(whole.reshape(-1, n).astype(np.float64)).mean(axis=1)
    if not len(power):
        return np.zeros(0, np.bool_)
    loudest = np.percentile(power, 95)
    return np.asarray(power > loudest * 10 ** (-QUIET_DB / 10), np.bool_)


def _length_s(utterance: Utterance) -> float:
    return len(utterance.samples) / utterance.sample_rate
