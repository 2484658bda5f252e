"""Puts shots, pictures and words on one time line: the scenes of a film.

A scene is a run of whole shots of at least `min_s`. A shot longer than `max_s` is first
divided at the pauses in speech nearest to its multiples of `max_s`. Scenes tile the film.

Both need the whole film: a shot, or somebody's speech, may last for hours and through
many clips. So a film's time line is put together from all its pieces, which costs little,
and then its scenes are built a few at a time, which holds few pictures at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from scenelake.schemas.clips import Piece
from scenelake.schemas.config import SceneConfig
from scenelake.schemas.rows import Keyframe, Label, Scene, ScreenText, Shot, Vector, Word
from scenelake.workers.splice import splice

T = TypeVar("T")

_MARGIN_S = 0.02
"""A division keeps this far from a word, where the pause has room for it."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A film's time line: what decides where its scenes are.

    Attributes:
        shots: they tile the film.
        words: in time order.
        languages: ``(start_s, language)`` of each piece, in time order.
        translation: as words in time order; it decides nothing.
    """

    shots: tuple[Shot, ...]
    words: tuple[Word, ...]
    languages: tuple[tuple[float, str | None], ...]
    translation: tuple[Word, ...] = ()

    @property
    def cuts_s(self) -> tuple[float, ...]:
        return tuple(shot.start_s for shot in self.shots[1:])

    @property
    def language(self) -> str | None:
        """The language of most words."""
        starts_s = [start_s for start_s, _ in self.languages]
        spoken = Counter(
            self.languages[max(0, bisect_right(starts_s, word.middle_s) - 1)][1]
            for word in self.words
        )
        return max(spoken.items(), key=lambda pair: pair[1])[0] if spoken else None

    def language_at(self, time_s: float) -> str | None:
        starts_s = [start_s for start_s, _ in self.languages]
        return self.languages[max(0, bisect_right(starts_s, time_s) - 1)][1]


def outline(pieces: Sequence[Piece], *, duration_s: float) -> Outline:
    """The time line of a film whose pieces, in time order, are all there."""
    cuts_s: set[float] = set()
    covered_s = 0.0
    for piece in pieces:
        cuts_s.update(c for c in piece.cuts_s if covered_s <= c)
        covered_s = max(covered_s, piece.pictures_end_s)
    edges_s = [0.0, *sorted(c for c in cuts_s if 0 < c < duration_s), duration_s]
    return Outline(
        shots=tuple(Shot(a, b) for a, b in pairwise(edges_s)),
        words=splice([(piece.start_s, piece.words) for piece in pieces]),
        languages=tuple((piece.start_s, piece.language) for piece in pieces),
        translation=splice([(piece.start_s, piece.translation) for piece in pieces]),
    )


def build_scene(
    index: int,
    span: Sequence[Shot],
    words: Sequence[Word],
    keyframes: Sequence[Keyframe],
    *,
    video_id: str,
    language: str | None,
    max_labels: int,
    translation: Sequence[Word] = (),
) -> Scene:
    """The scene of a run of shots, from the words and keyframes within it."""
    return Scene(
        video_id=video_id,
        index=index,
        start_s=span[0].start_s,
        end_s=span[-1].end_s,
        shots=tuple(span),
        labels=_strongest(keyframes, limit=max_labels),
        ocr=_distinct([text for keyframe in keyframes for text in keyframe.ocr]),
        words=tuple(words),
        keyframes=tuple(keyframes),
        embedding=_mean([keyframe.vector for keyframe in keyframes]),
        language=language if words else None,
        translated_words=tuple(translation),
    )


def scene_spans(
    shots: Sequence[Shot], words: Sequence[Word], config: SceneConfig
) -> list[list[Shot]]:
    """Shots, divided where too long, gathered into scenes: one list of shots a scene."""
    parts = [part for shot in shots for part in divide(shot, words, config)]
    scenes: list[list[Shot]] = [[]]
    for part in parts:
        if scenes[-1] and part.start_s - scenes[-1][0].start_s >= config.min_s:
            scenes.append([])
        scenes[-1].append(part)
    last = scenes[-1]
    if len(scenes) > 1 and last[-1].end_s - last[0].start_s < config.min_s:
        scenes[-2].extend(scenes.pop())
    return scenes


def divide(shot: Shot, words: Sequence[Word], config: SceneConfig) -> list[Shot]:
    """A shot in parts of about `max_s`, divided at pauses in speech."""
    pauses = list(_pauses(shot, words))
    edges_s = [shot.start_s]
    n_steps = int((shot.end_s - shot.start_s) / config.max_s)
    for step in range(1, n_steps + 1):
        edge_s = _nearest(pauses, shot.start_s + step * config.max_s)
        if edge_s - edges_s[-1] >= config.min_s and shot.end_s - edge_s >= config.min_s:
            edges_s.append(edge_s)
    return [Shot(a, b) for a, b in pairwise([*edges_s, shot.end_s])]


def _pauses(shot: Shot, words: Sequence[Word]) -> Iterator[tuple[float, float]]:
    """Stretches of a shot in which nobody speaks, narrowed by a margin where there is room."""
    quiet_from_s = shot.start_s
    for word in words:
        if word.end_s <= shot.start_s or word.start_s >= shot.end_s:
            continue
        if word.start_s > quiet_from_s:
            yield _narrowed(quiet_from_s, word.start_s)
        quiet_from_s = max(quiet_from_s, word.end_s)
    if shot.end_s > quiet_from_s:
        yield _narrowed(quiet_from_s, shot.end_s)


def _narrowed(start_s: float, end_s: float) -> tuple[float, float]:
    margin_s = min(_MARGIN_S, (end_s - start_s) / 2)
    return start_s + margin_s, end_s - margin_s


def _nearest(pauses: Sequence[tuple[float, float]], time_s: float) -> float:
    """The instant inside a pause that is nearest; the time itself where there is none."""
    candidates = [min(max(time_s, start_s), end_s) for start_s, end_s in pauses]
    return min(candidates, key=lambda t: abs(t - time_s), default=time_s)


def by_scene(
    items: Iterable[T], time_of: Callable[[T], float], edges_s: Sequence[float]
) -> list[list[T]]:
    """Deal items out to the scenes, beginning at `edges_s`, that hold their times."""
    dealt: list[list[T]] = [[] for _ in edges_s]
    for item in items:
        dealt[max(0, bisect_right(edges_s, time_of(item)) - 1)].append(item)
    return dealt


def _mean(vectors: Sequence[Vector]) -> Vector | None:
    """Mean of N vectors (D,) at length 1; None for N = 0."""
    if not vectors:
        return None
    mean = np.mean(vectors, axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length else mean, dtype=np.float32)


def _strongest(keyframes: Sequence[Keyframe], *, limit: int) -> tuple[Label, ...]:
    """Each name at its highest score, best first."""
    best: dict[str, float] = {}
    for keyframe in keyframes:
        for label in keyframe.labels:
            best[label.name] = max(label.score, best.get(label.name, 0.0))
    ranked = sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Label(name, score) for name, score in ranked[:limit])


def _distinct(texts: Sequence[ScreenText]) -> tuple[ScreenText, ...]:
    """Each line of text once, where it was read first."""
    seen: set[str] = set()
    distinct = []
    for text in texts:
        key = " ".join(text.text.casefold().split())
        if key not in seen:
            seen.add(key)
            distinct.append(text)
    return tuple(distinct)
