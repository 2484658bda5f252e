"""A lake to stage clips in, and films made up of shots, words and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from scenelake.pipeline.storing.folder_local import LocalFolder
from scenelake.pipeline.storing.lake_access import LakeAccess, RunInfo
from scenelake.schemas.clips import Clip, Heard, Piece, Track
from scenelake.schemas.film import Source, Stream
from scenelake.schemas.rows import Keyframe, Label, ScreenText, Shot, Word
from tests.media.timelines import random_shots, random_words

CONFIGS = {
    "cut": "c1",
    "visual": "v1",
    "ocr": "o1",
    "speech": "s1",
    "describe": "d1",
    "summary": "m1",
}
DIM = 4


def lake_access(
    root: Path, *, run_id: str = "run-1", clip_s: float = 300.0, **configs: str
) -> LakeAccess:
    """A lake as a run sees it; `configs` are families that differ from `CONFIGS`."""
    run = RunInfo(run_id, "0", CONFIGS | configs, {"cut": "cutter@1"}, None)
    return LakeAccess(LocalFolder(root), run, clip_s)


def source(duration_s: float, *, video_id: str = "film") -> Source:
    video = Stream(0, "video", "h264", 0.0, duration_s, 100, 25.0, 320, 180)
    audio = Stream(1, "audio", "aac", 0.0, duration_s, 100, 48_000.0)
    return Source(video_id, "film.mp4", "mp4", duration_s, 0.0, (video, audio), 1000)


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A film as it would be known if read whole.

    Attributes:
        shots: they tile the film.
        words, times_s: of what is said, and of the keyframes; in time order.
    """

    shots: tuple[Shot, ...]
    words: tuple[Word, ...] = ()
    times_s: tuple[float, ...] = ()
    texts: tuple[ScreenText, ...] = ()
    language: str = "en"
    notes: tuple[str, ...] = ()
    source: Source = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", source(self.shots[-1].end_s))

    @property
    def cuts_s(self) -> tuple[float, ...]:
        return tuple(shot.start_s for shot in self.shots[1:])

    @property
    def translation(self) -> tuple[Word, ...]:
        """A word for each word, said when it is."""
        return tuple(replace(word, text=f"{word.text} in English") for word in self.words)

    @property
    def keyframes(self) -> tuple[Keyframe, ...]:
        """Each with a vector, a label and a line of text of its own."""
        rng = np.random.default_rng(0)
        vectors = rng.normal(size=(len(self.times_s), DIM)).astype(np.float32)
        return tuple(
            Keyframe(
                time_s=time_s,
                jpeg=f"jpeg {time_s}".encode(),
                vector=vector / np.linalg.norm(vector),
                labels=(Label(f"thing{i % 7}", 0.125 * (1 + i % 5)),),
                ocr=self._texts_at(time_s),
            )
            for i, (time_s, vector) in enumerate(zip(self.times_s, vectors, strict=True))
        )

    def clips(self, edges_s: Sequence[float] = ()) -> list[Heard]:
        """The film as clips that meet at `edges_s`, as the steps before would give them.

        Pictures meet at the first cut after an edge, where there is one before the next.
        """
        bounds_s = [0.0, *edges_s, self.source.duration_s]
        moved_s = [0.0, *(self._moved(a, b) for a, b in pairwise(bounds_s[1:])), bounds_s[-1]]
        spans = zip(pairwise(bounds_s), pairwise(moved_s), strict=True)
        return [
            Heard(
                Clip(self.source, index, len(bounds_s) - 1, *span_s),
                self._piece(span_s, pictures_s, is_first=index == 0),
            )
            for index, (span_s, pictures_s) in enumerate(spans)
        ]

    def _moved(self, edge_s: float, next_s: float) -> float:
        return next((c for c in self.cuts_s if edge_s <= c < next_s), edge_s)

    def _piece(
        self, span_s: tuple[float, float], pictures_s: tuple[float, float], *, is_first: bool
    ) -> Piece:
        start_s, end_s = pictures_s
        return Piece(
            *span_s,
            *pictures_s,
            cuts_s=tuple(c for c in self.cuts_s if start_s <= c < end_s),
            keyframes=tuple(k for k in self.keyframes if start_s <= k.time_s < end_s),
            words=tuple(w for w in self.words if w.end_s > span_s[0] and w.start_s < span_s[1]),
            language=self.language,
            tracks=(
                Track("video", n_frames=10, last_s=end_s, notes=self.notes if is_first else ()),
            ),
            translation=tuple(
                w for w in self.translation if w.end_s > span_s[0] and w.start_s < span_s[1]
            ),
        )

    def _texts_at(self, time_s: float) -> tuple[ScreenText, ...]:
        if self.texts:
            return tuple(text for text in self.texts if text.time_s == time_s)
        return (ScreenText(f"line {time_s}", 0.5, time_s),)


def random_film(seed: int, *, longest_s: float = 400.0) -> MadeUp:
    rng = np.random.default_rng(seed)
    duration_s = float(rng.uniform(1.0, longest_s))
    shots, words = random_shots(rng, duration_s), random_words(rng, duration_s)
    times_s = np.sort(rng.uniform(0, duration_s, size=rng.integers(0, 40)))
    return MadeUp(shots, words, tuple(float(t) for t in times_s))
