"""Word and character error rate, of jiwer, over texts as Whisper's normaliser leaves them."""

from __future__ import annotations

from collections.abc import Sequence

from scenelake.pipeline.evaluation.bootstrap import Sums, ratio
from scenelake.pipeline.evaluation.libraries import library
from scenelake.pipeline.evaluation.records import Transcript
from scenelake.workers.normaliser import normaliser


def score(truth: Sequence[Transcript], said: Sequence[str]) -> dict[str, Sums]:
    """`wer` and `cer` over all films together: errors by words, and by characters, of the truth.

    Above 1 where more is made up than was said.
    """
    jiwer = library("jiwer")
    pairs = [
        (normaliser(film.language)(film.text), normaliser(film.language)(heard))
        for film, heard in zip(truth, said, strict=True)
    ]
    return {
        "wer": _rate([jiwer.process_words(*pair) for pair in pairs]),
        "cer": _rate([jiwer.process_characters(*pair) for pair in pairs]),
    }


def _rate(outputs: Sequence[object]) -> Sums:
    """jiwer's counts of each film, to be summed."""
    counts = [
        [getattr(out, what) for what in ("substitutions", "deletions", "insertions", "hits")]
        for out in outputs
    ]
    errors = [s + d + i for s, d, i, _ in counts]
    return ratio(errors, [s + d + h for s, d, _, h in counts])
