"""Puts shots, pictures and words on one time line: the scenes of a film.

A scene is a run of whole shots of at least `min_s`. A shot longer than `max_s` is first
divided at the pauses in speech nearest to its multiples of `max_s`. Scenes tile the film.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

from scenelake.schemas.config import Config, SceneConfig
from scenelake.schemas.flow import Film, Float32, Footage, Heard, VisualEncoding
from scenelake.schemas.rows import Keyframe, Label, Scene, ScreenText, Shot, Vector, Word
from scenelake.workers.stage import Resources

T = TypeVar("T")

_MARGIN_S = 0.02
"""A division keeps this far from a word, where the pause has room for it."""


class Align:
    """The step from what was seen and heard to scenes."""

    resources = Resources(cpus=0.1)

    def __init__(self, config: Config) -> None:
        self._config = config

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: Heard) -> Iterator[Film]:
        """Align a film."""
        footage = item.read.seen.footage
        spans = scene_spans(footage.shots, item.words, self._config.scene)
        edges_s = [span[0].start_s for span in spans]
        words = _by_scene(item.words, [w.middle_s for w in item.words], edges_s)
        texts = _by_scene(item.read.texts, [t.time_s for t in item.read.texts], edges_s)
        pictures = _by_scene(
            range(len(footage.pictures)), [p.time_s for p in footage.pictures], edges_s
        )
        scenes = [
            self._scene(index, span, item, words[index], texts[index], pictures[index])
            for index, span in enumerate(spans)
        ]
        yield Film(
            clip=footage.clip,
            scenes=tuple(scenes),
            language=item.language,
            warnings=footage.warnings,
        )

    def _scene(
        self,
        index: int,
        shots: Sequence[Shot],
        heard: Heard,
        words: Sequence[Word],
        texts: Sequence[ScreenText],
        pictures: Sequence[int],
    ) -> Scene:
        footage, encoding = heard.read.seen.footage, heard.read.seen.encoding
        return Scene(
            video_id=footage.clip.source.video_id,
            index=index,
            start_s=shots[0].start_s,
            end_s=shots[-1].end_s,
            shots=tuple(shots),
            labels=_strongest(encoding, pictures, limit=self._config.visual.max_labels),
            ocr=_distinct(texts),
            words=tuple(words),
            keyframes=_keyframes(footage, encoding, pictures),
            embedding=_mean(encoding.vectors[list(pictures)]),
            language=heard.language if words else None,
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


def _by_scene(
    items: Iterable[T], times_s: Sequence[float], edges_s: Sequence[float]
) -> list[list[T]]:
    """Deal items out to the scenes that hold their times."""
    dealt: list[list[T]] = [[] for _ in edges_s]
    for item, time_s in zip(items, times_s, strict=True):
        dealt[max(0, bisect_right(edges_s, time_s) - 1)].append(item)
    return dealt


def _keyframes(
    footage: Footage, encoding: VisualEncoding, indices: Sequence[int]
) -> tuple[Keyframe, ...]:
    return tuple(
        Keyframe(footage.pictures[i].time_s, footage.pictures[i].jpeg, encoding.vectors[i])
        for i in indices
    )


def _mean(vectors: Float32) -> Vector | None:
    """Mean of (N, D) vectors at length 1; None for N = 0."""
    if len(vectors) == 0:
        return None
    mean = vectors.mean(axis=0)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length else mean, dtype=np.float32)


def _strongest(
    encoding: VisualEncoding, indices: Sequence[int], *, limit: int
) -> tuple[Label, ...]:
    """Each name at its highest score, best first."""
    best: dict[str, float] = {}
    for index in indices:
        for label in encoding.labels[index]:
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
