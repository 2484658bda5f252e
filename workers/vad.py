"""Finds where people may be speaking, with silero-vad.

The package's "sequence" file takes many windows in one call and gives the same scores
as the one that takes them singly, at twice the speed or more. It is run by onnxruntime
as it lies in the installed package: importing `silero_vad` would import torch and set
the number of its threads for the whole process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scenelake.schemas.arrays import Float32, Int16
from scenelake.schemas.config import VadConfig
from scenelake.schemas.errors import MissingWeightsError
from scenelake.schemas.media import AudioChunk, Utterance
from scenelake.workers.utterances import Window, join

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SAMPLE_RATE = 16_000
WINDOW = 512
"""Samples the model scores at once: 32 ms."""
CONTEXT = 64
"""Samples before a window that the model sees again."""
BLOCK = 32
"""Windows a call, about one second. Always as many, for a score must not depend on
how the sound was chunked, and matrix products differ in the last bit with their shape."""
PERIOD, LEAD = 20, 4
"""Blocks after which the model forgets what it heard, but for the last few. It remembers
for minutes: scores would depend on where in a film listening began."""
JITTER_S = 0.02
"""Containers round presentation times; what is less late or early than this is on time."""
BRIDGE_S = 1.0
"""A gap up to this long is silence within the stream; after a longer one it starts anew."""


class SileroVad:
    """A :class:`~scenelake.workers.engines.VoiceDetector` for 16 kHz mono.

    Source: https://github.com/snakers4/silero-vad
    """

    def __init__(self, config: VadConfig) -> None:
        self._config = config
        self._session: InferenceSession | None = None

    @property
    def model(self) -> str:
        return f"silero-vad@{version('silero-vad')}"

    def setup(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(_weights()), options, providers=["CPUExecutionProvider"]
        )

    def utterances(self, chunks: Iterable[AudioChunk]) -> Iterator[Utterance]:
        """Stretches with speech, at most `max_s` long, samples as int16.

        Errors:
            ValueError: a chunk is not at 16 kHz.
        """
        return join(
            self._windows(chunks),
            self._config,
            window_s=WINDOW / SAMPLE_RATE,
            sample_rate=SAMPLE_RATE,
        )

    def _windows(self, chunks: Iterable[AudioChunk]) -> Iterator[Window]:
        assert self._session is not None, "setup() comes first"
        scorer: _Scorer | None = None
        for chunk in chunks:
            samples = _checked(chunk)
            late_s = 0.0 if scorer is None else chunk.start_s - scorer.end_s
            if scorer is None or late_s > BRIDGE_S:
                yield from () if scorer is None else scorer.finish()
                scorer = _Scorer(self._session, start_s=chunk.start_s)
            elif late_s > JITTER_S:
                yield from scorer.feed(np.zeros(round(late_s * SAMPLE_RATE), np.float32))
            elif late_s < -JITTER_S:
                samples = samples[round(-late_s * SAMPLE_RATE) :]
            yield from scorer.feed(samples)
        yield from () if scorer is None else scorer.finish()


class _Scorer:
    """Scores one unbroken run of samples that begins at `start_s`, block by block.

    Blocks lie on the film's clock, and periods of them, wherever in the film listening begins.
    """

    def __init__(self, session: InferenceSession, *, start_s: float) -> None:
        self._session = session
        self._start_s = start_s
        self._waiting = np.zeros(round(start_s * SAMPLE_RATE) % (BLOCK * WINDOW), np.float32)
        self._origin_s = start_s - len(self._waiting) / SAMPLE_RATE
        self._n_scored = 0
        self._n_blocks = round(self._origin_s * SAMPLE_RATE / (BLOCK * WINDOW))
        self._latest: deque[Float32] = deque(maxlen=LEAD)
        self._forget()

    @property
    def end_s(self) -> float:
        """Where the next sample belongs."""
        return self._origin_s + (self._n_scored + len(self._waiting)) / SAMPLE_RATE

    def feed(self, samples: Float32) -> Iterator[Window]:
        """Windows of the blocks that these samples complete."""
        self._waiting = np.concatenate([self._waiting, samples])
        while len(self._waiting) >= BLOCK * WINDOW:
            block, self._waiting = np.split(self._waiting, [BLOCK * WINDOW])
            yield from self._scored(block)

    def finish(self) -> Iterator[Window]:
        """The windows still waiting for a block; the last one may be shorter."""
        if len(self._waiting):
            yield from self._scored(self._waiting)

    def _scored(self, samples: Float32) -> Iterator[Window]:
        block = np.pad(samples, (0, -len(samples) % (BLOCK * WINDOW)))
        if self._n_blocks % PERIOD == 0:
            self._forget()
        speech = self._score(block)
        self._latest.append(block)
        self._n_blocks += 1
        stored = _int16(samples)
        start_s = self._origin_s + self._n_scored / SAMPLE_RATE
        self._n_scored += len(samples)
        for n in range(0, len(samples), WINDOW):
            window_s = start_s + n / SAMPLE_RATE
            if window_s + WINDOW / SAMPLE_RATE > self._start_s:
                yield Window(stored[n : n + WINDOW], window_s, float(speech[n // WINDOW]))

    def _forget(self) -> None:
        """All but the latest blocks."""
        self._context = np.zeros(CONTEXT, np.float32)
        self._hidden = np.zeros((1, 1, 128), np.float32)
        self._cell = np.zeros((1, 1, 128), np.float32)
        for block in self._latest:
            self._score(block)

    def _score(self, block: Float32) -> Float32:
        """(BLOCK * WINDOW,) samples to (BLOCK,) likelihoods of speech."""
        windows = block.reshape(BLOCK, WINDOW)
        before = np.concatenate([self._context[None], windows[:-1, -CONTEXT:]])
        speech, self._hidden, self._cell = self._session.run(
            ["speech_probs", "hn", "cn"],
            {
                "input": np.concatenate([before, windows], axis=1),
                "h": self._hidden,
                "c": self._cell,
            },
        )
        self._context = windows[-1, -CONTEXT:]
        return np.asarray(speech, np.float32)


def _checked(chunk: AudioChunk) -> Float32:
    """The chunk's samples; what is not a number would stay in the model's memory for good."""
    if chunk.sample_rate != SAMPLE_RATE:
        raise ValueError(f"sound is at {chunk.sample_rate} Hz, silero-vad takes {SAMPLE_RATE} Hz")
    return np.nan_to_num(chunk.data, posinf=0.0, neginf=0.0)


def _int16(samples: Float32) -> Int16:
    return np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def _weights() -> Path:
    """The model file in the installed package, found without importing the package."""
    spec = find_spec("silero_vad")
    if spec is None or spec.origin is None:
        raise MissingWeightsError("silero-vad is not installed; type: pip install silero-vad")
    return Path(spec.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
