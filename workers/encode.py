"""The steps that show footage to models: pictures to vectors, to text, speech to words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from scenelake.schemas.config import Config
from scenelake.schemas.flow import Footage, FrameBatch, Heard, Picture, Read, Seen, VisualEncoding
from scenelake.schemas.rows import ScreenText
from scenelake.workers import registry
from scenelake.workers.engines import TextReader, Transcriber, VisualEncoder
from scenelake.workers.keyframes import from_jpeg
from scenelake.workers.stage import Resources


class See:
    """Footage to vectors and labels of its pictures."""

    resources = Resources(cpus=1.0)

    def __init__(self, config: Config) -> None:
        self._batch_size = config.visual.batch_size
        self._encoder: VisualEncoder = registry.make("visual", config.visual)

    @property
    def models(self) -> dict[str, str]:
        return {"visual": self._encoder.model}

    @property
    def dim(self) -> int:
        return self._encoder.dim

    def setup(self) -> None:
        """Load the visual encoder."""
        self._encoder.setup()

    def process(self, item: Footage) -> Iterator[Seen]:
        """Encode a film's pictures, a batch at a time."""
        batches = _batches(item.pictures, self._batch_size)
        yield Seen(item, _joined([self._encoder.encode(batch) for batch in batches]))


class ReadScreen:
    """Seen footage to the text that its pictures show."""

    resources = Resources(cpus=1.0)

    def __init__(self, config: Config) -> None:
        self._reader: TextReader = registry.make("ocr", config.ocr)

    @property
    def models(self) -> dict[str, str]:
        return {"ocr": self._reader.model}

    def setup(self) -> None:
        """Load the text reader."""
        self._reader.setup()

    def process(self, item: Seen) -> Iterator[Read]:
        """Read a film's pictures one by one."""
        texts: list[ScreenText] = []
        for batch in _batches(item.footage.pictures, 1):
            for lines in self._reader.read(batch):
                texts.extend(lines)
        yield Read(item, tuple(texts))


class Listen:
    """Footage to its spoken words; the samples go no further."""

    resources = Resources(cpus=2.0)

    def __init__(self, config: Config) -> None:
        self._transcriber: Transcriber = registry.make("speech", config.speech)

    @property
    def models(self) -> dict[str, str]:
        return {"speech": self._transcriber.model}

    def setup(self) -> None:
        """Load the speech model."""
        self._transcriber.setup()

    def process(self, item: Read) -> Iterator[Heard]:
        """Write a film's speech down."""
        transcript = self._transcriber.transcribe(item.seen.footage.utterances)
        silent = replace(item.seen.footage, utterances=())
        yield Heard(
            read=replace(item, seen=replace(item.seen, footage=silent)),
            words=transcript.words,
            language=transcript.language,
        )


def _batches(pictures: Sequence[Picture], size: int) -> Iterator[FrameBatch]:
    """Pictures of one film as frames; an empty film gives one empty batch."""
    if not pictures:
        yield FrameBatch(np.zeros((0, 2, 2, 3), dtype=np.uint8), np.zeros(0))
    for start in range(0, len(pictures), size):
        part = pictures[start : start + size]
        yield FrameBatch(
            np.stack([from_jpeg(p.jpeg) for p in part]), np.array([p.time_s for p in part])
        )


def _joined(encodings: Sequence[VisualEncoding]) -> VisualEncoding:
    return VisualEncoding(
        vectors=np.concatenate([e.vectors for e in encodings]),
        time_s=np.concatenate([e.time_s for e in encodings]),
        labels=tuple(labels for e in encodings for labels in e.labels),
        model=encodings[0].model,
    )
