"""What Whisper hears in one utterance, whichever library runs it.

Seconds count from the utterance's start, until :mod:`scenelake.workers.wordtimes` puts the
words on the film's clock.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word or a part of one; a space before it tells where a written word begins."""

    start_s: float
    end_s: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """Some words, and what the model thinks of them.

    Attributes:
        avg_logprob: mean logarithm of the tokens' probabilities.
        no_speech_prob: that nobody speaks here.
        compression_ratio: of the text; much above 2 is one phrase over and over.
    """

    words: tuple[SpokenWord, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float

    def later(self, seconds: float) -> Segment:
        """The same, heard so much later."""
        moved = tuple(
            replace(word, start_s=word.start_s + seconds, end_s=word.end_s + seconds)
            for word in self.words
        )
        return replace(self, words=moved)


def compression_ratio(text: str) -> float:
    """How many times smaller zlib makes a text (Whisper paper, section 4.5)."""
    data = text.strip().encode()
    return len(data) / len(zlib.compress(data))
