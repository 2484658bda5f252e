"""What a transcriber writes although nobody said it: which of it the model itself doubts.

Whisper completes silence, noise and music with words of its training: "You", "Thank you
for watching", a phrase over and over. Its own numbers give these away. The limits are
those of the Whisper paper (Radford et al. 2022, arXiv:2212.04356, section 4.5) and two
measured here: on sound without speech, words pile up on one instant, and a first word
is as good as drawn by lot.
"""

from __future__ import annotations

from collections.abc import Iterable

from scenelake.schemas.config import SpeechConfig
from scenelake.workers.spoken import Segment, SpokenWord

MIN_SCORE = 0.3
"""Mean probability of words below which a likely silence is believed to be one."""
INSTANT_S = 0.03
"""Nobody says a word in less: one and a half steps of the model's clock."""
MAX_INSTANT = 0.5
"""Share of such words from which on a segment was not heard but made up."""


def believed(
    segments: Iterable[Segment], config: SpeechConfig, *, is_translated: bool = False
) -> list[SpokenWord]:
    """Words of the segments that the model believes itself, none without a letter or digit.

    Args:
        is_translated: then times tell nothing: translated words need no sound of their own.
    """
    return [
        word
        for segment in segments
        if not _is_phantom(segment, _spoken(segment), config)
        and (is_translated or not _is_piled(_spoken(segment)))
        for word in _spoken(segment)
    ]


def _spoken(segment: Segment) -> list[SpokenWord]:
    return [w for w in segment.words if any(c.isalnum() for c in w.text)]


def _is_phantom(segment: Segment, words: list[SpokenWord], config: SpeechConfig) -> bool:
    return bool(
        not words
        or segment.avg_logprob < config.min_avg_logprob
        or segment.compression_ratio > config.max_compression_ratio
        or _is_silence(segment, words, config)
    )


def _is_silence(segment: Segment, words: list[SpokenWord], config: SpeechConfig) -> bool:
    """The model expected no speech, and is not sure of the words it wrote."""
    score = sum(word.probability for word in words) / len(words)
    return bool(segment.no_speech_prob > config.max_no_speech and score < MIN_SCORE)


def _is_piled(words: list[SpokenWord]) -> bool:
    """Most words take no time: the model found no sound to put them on."""
    n_instant = sum(word.end_s - word.start_s < INSTANT_S for word in words)
    return bool(n_instant > MAX_INSTANT * len(words))
