"""The steps that show footage to models: pictures to vectors, to text, speech to words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from scenelake.schemas.clips import EVERYTHING, Clip, Footage, Heard, Piece, Read, Seen
from scenelake.schemas.config import Config
from scenelake.schemas.media import FrameBatch, Picture, Utterance, VisualEncoding
from scenelake.schemas.rows import Keyframe, ScreenText
from scenelake.workers import registry
from scenelake.workers.engines import TextReader, Transcriber, Transcript, VisualEncoder
from scenelake.workers.keyframes import from_jpeg
from scenelake.workers.stage import Resources


class See:
    """Footage to vectors and labels of its pictures."""

    resources = Resources(cpus=1.0)
    families = frozenset({"visual"})

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
        """Encode a clip's pictures, a batch at a time."""
        batches = _batches(item.pictures, self._batch_size)
        yield Seen(item, _joined([self._encoder.encode(batch) for batch in batches]))

    def process_all(self, items: Sequence[Footage]) -> list[Seen]:
        """Encode the pictures of clips of any films, in batches that hold several clips'."""
        pictures = [picture for item in items for picture in item.pictures]
        batches = _batches(pictures, self._batch_size)
        encoding = _joined([self._encoder.encode(batch) for batch in batches])
        ends = np.cumsum([len(item.pictures) for item in items])
        return [
            Seen(item, _part(encoding, end - len(item.pictures), end))
            for item, end in zip(items, ends.tolist(), strict=True)
        ]

    def skip(self, item: Footage) -> Seen:
        """The clip with the vectors that are known of its pictures."""
        known = _known(item.clip)
        vectors = [keyframe.vector for keyframe in known.keyframes]
        encoding = VisualEncoding(
            vectors=np.stack(vectors) if vectors else np.zeros((0, self.dim), np.float32),
            time_s=np.array([keyframe.time_s for keyframe in known.keyframes]),
            labels=tuple(keyframe.labels for keyframe in known.keyframes),
            model=self._encoder.model,
        )
        return Seen(item, encoding)


class ReadScreen:
    """Seen footage to the text that its pictures show."""

    resources = Resources(cpus=1.0)
    families = frozenset({"ocr"})

    def __init__(self, config: Config) -> None:
        self._reader: TextReader = registry.make("ocr", config.ocr)

    @property
    def models(self) -> dict[str, str]:
        return {"ocr": self._reader.model}

    def setup(self) -> None:
        """Load the text reader."""
        self._reader.setup()

    def process(self, item: Seen) -> Iterator[Read]:
        """Read a clip's pictures one by one."""
        texts: list[ScreenText] = []
        for batch in _batches(item.footage.pictures, 1):
            for lines in self._reader.read(batch):
                texts.extend(lines)
        yield Read(item, tuple(texts))

    def skip(self, item: Seen) -> Read:
        """The clip with the text that is known of its pictures."""
        return Read(item, tuple(text for k in _known(item.clip).keyframes for text in k.ocr))


class Listen:
    """Footage to its spoken words; the samples go no further."""

    resources = Resources(cpus=2.0)
    families = frozenset({"speech"})

    def __init__(self, config: Config) -> None:
        self._transcriber: Transcriber = registry.make("speech", config.speech)

    @property
    def models(self) -> dict[str, str]:
        return {"speech": self._transcriber.model}

    def setup(self) -> None:
        """Load the speech model."""
        self._transcriber.setup()

    def process(self, item: Read) -> Iterator[Heard]:
        """Write a clip's speech down."""
        yield _heard(item, self._transcriber.transcribe(item.seen.footage.utterances))

    def process_all(self, items: Sequence[Read]) -> list[Heard]:
        """Write down the speech of clips of any films, in batches that hold several clips'."""
        utterances = [item.seen.footage.utterances for item in items]
        transcripts = transcribed(self._transcriber, utterances)
        return [_heard(item, told) for item, told in zip(items, transcripts, strict=True)]

    def skip(self, item: Read) -> Heard:
        """The clip with the words that are known of it."""
        known = _known(item.clip)
        return _heard(item, Transcript(known.words, known.language, known.translation))


def _known(clip: Clip) -> Piece:
    assert clip.known is not None, "a clip that does not make everything knows the rest"
    return clip.known


def _heard(item: Read, transcript: Transcript) -> Heard:
    """All that a clip gives, put together."""
    footage, encoding = item.seen.footage, item.seen.encoding
    texts: dict[float, list[ScreenText]] = defaultdict(list)
    for text in item.texts:
        texts[text.time_s].append(text)
    keyframes = tuple(
        Keyframe(picture.time_s, picture.jpeg, vector, labels, tuple(texts[picture.time_s]))
        for picture, vector, labels in zip(
            footage.pictures, encoding.vectors, encoding.labels, strict=True
        )
    )
    piece = Piece(
        start_s=footage.clip.start_s,
        end_s=footage.clip.end_s,
        pictures_start_s=footage.start_s,
        pictures_end_s=footage.end_s,
        cuts_s=footage.cuts_s,
        keyframes=keyframes,
        words=transcript.words,
        language=transcript.language,
        tracks=footage.tracks,
        translation=transcript.translation,
    )
    return Heard(replace(footage.clip, known=None, makes=EVERYTHING), piece)


def transcribed(transcriber: Transcriber, films: Sequence[Sequence[Utterance]]) -> list[Transcript]:
    """Films' speech, together where the engine can."""
    together: Callable[..., list[Transcript]] | None = getattr(transcriber, "transcribe_all", None)
    if together is None:
        return [transcriber.transcribe(utterances) for utterances in films]
    return together(films)


def _batches(pictures: Sequence[Picture], size: int) -> Iterator[FrameBatch]:
    """Pictures as frames; where there are none, one empty batch."""
    if not pictures:
        yield FrameBatch(np.zeros((0, 2, 2, 3), dtype=np.uint8), np.zeros(0))
    for start in range(0, len(pictures), size):
        part = pictures[start : start + size]
        yield FrameBatch(
            np.stack([from_jpeg(p.jpeg) for p in part]), np.array([p.time_s for p in part])
        )


def _part(encoding: VisualEncoding, start: int, end: int) -> VisualEncoding:
    """Some of its pictures."""
    return VisualEncoding(
        vectors=encoding.vectors[start:end],
        time_s=encoding.time_s[start:end],
        labels=encoding.labels[start:end],
        model=encoding.model,
    )


def _joined(encodings: Sequence[VisualEncoding]) -> VisualEncoding:
    return VisualEncoding(
        vectors=np.concatenate([e.vectors for e in encodings]),
        time_s=np.concatenate([e.time_s for e in encodings]),
        labels=tuple(labels for e in encodings for labels in e.labels),
        model=encodings[0].model,
    )
