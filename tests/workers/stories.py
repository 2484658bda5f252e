"""Films in words, without a film: scenes that say and show what a test wants."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from scenelake.schemas.rows import Label
from scenelake.schemas.story import Story, Told
from scenelake.workers import evidence
from tests.media.topics import TOPICS, Topic

WORDS_PER_S = 2.5
NO_VECTOR = np.zeros(0, np.float32)

Encode = Callable[[Sequence[str]], np.ndarray]


def told(
    start_s: float,
    end_s: float,
    speech: str = "",
    *,
    title: str | None = None,
    description: str = "",
    grounded: bool = False,
    lines: Sequence[str] = (),
    labels: Sequence[str] = (),
    seen: Sequence[float] = (),
    vector: Sequence[float] = (),
    scores: Sequence[float] = (),
) -> Told:
    """A scene; `seen` and `vector` are those of its pictures and of its words."""
    return Told(
        start_s=start_s,
        end_s=end_s,
        title=(evidence.title(speech) if speech else "") if title is None else title,
        description=description,
        grounded=grounded,
        speech=speech,
        translation="",
        scores=tuple(scores) or (0.9,) * len(speech.split()),
        lines=tuple(lines),
        labels=tuple(Label(name, 0.8) for name in labels),
        embedding=np.asarray(seen, np.float32) if seen else NO_VECTOR,
        text_embedding=np.asarray(vector, np.float32) if len(vector) else NO_VECTOR,
    )


def story(scenes: Sequence[Told], *, language: str | None = "en") -> Story:
    return Story("film", scenes[-1].end_s if scenes else 1.0, language, tuple(scenes))


def talk(
    encode: Encode,
    topics: Sequence[Topic] = TOPICS,
    *,
    per_scene: int = 2,
    repeats: int = 1,
) -> tuple[Story, list[float]]:
    """Topics spoken one after the other, some sentences a scene; and when each begins.

    `repeats`: how often each topic's sentences are said before the next topic comes.
    """
    vector_of = functools.cache(lambda speech: encode([speech])[0])
    scenes, starts_s, at_s = list[Told](), list[float](), 0.0
    for topic in topics:
        starts_s.append(at_s)
        sentences = list(topic.sentences) * repeats
        for first in range(0, len(sentences), per_scene):
            speech = " ".join(sentences[first : first + per_scene])
            end_s = at_s + len(speech.split()) / WORDS_PER_S
            scenes.append(told(at_s, end_s, speech, vector=vector_of(speech)))
            at_s = end_s
    return story(scenes), starts_s
