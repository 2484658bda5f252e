"""A film's chapters: runs of its scenes, and what each of them says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenelake.schemas.rows import Chapter
from scenelake.schemas.story import Story, Told
from scenelake.workers.phrases import Vocabulary
from scenelake.workers.sections import divide

RECOGNISED = re.compile(r"\s*(?:Seen: |On screen: ).*", re.DOTALL)
"""What was recognised, at a description's end: it is told apart."""


@dataclass(frozen=True, slots=True)
class Section:
    """Some scenes in a row that belong together."""

    scenes: tuple[Told, ...]

    @property
    def start_s(self) -> float:
        return self.scenes[0].start_s

    @property
    def end_s(self) -> float:
        return self.scenes[-1].end_s

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    @property
    def speech(self) -> str:
        """What is said; a sentence may begin in one scene and end in the next."""
        return " ".join(scene.speech for scene in self.scenes if scene.speech)

    @property
    def text(self) -> str:
        """All words of it, for counting."""
        lines = [line for scene in self.scenes for line in scene.lines]
        return "\n".join([self.speech, *map(told_of, self.scenes), *lines])

    @property
    def centrality(self) -> NDArray[np.float64]:
        """(N,) likeness, -1 to 1, of each scene's text to the mean of all; 0 without text.

        Rounded: of two scenes each is as near to the mean, and noise is not to decide.
        """
        known = [scene.text_embedding for scene in self.scenes if scene.text_embedding.any()]
        if not known:
            return np.zeros(len(self.scenes))
        mean = np.asarray(known, np.float64).mean(axis=0)
        mean /= max(float(np.linalg.norm(mean)), 1e-12)
        own = [scene.text_embedding for scene in self.scenes]
        return np.array([round(float(v @ mean), 3) if v.any() else 0.0 for v in own])

    def titled(self, title: str) -> Chapter:
        return Chapter(self.start_s, self.end_s, title)


def told_of(scene: Told) -> str:
    """What a model has told of a scene in which nothing is said, and was found true; or ""."""
    is_told = scene.grounded and not scene.speech
    return RECOGNISED.sub("", scene.description) if is_told else ""


def sections(story: Story, *, max_chapters: int) -> list[Section]:
    """A film divided by what it is about."""
    runs = divide(story.scenes, max_parts=max_chapters)
    return [Section(story.scenes[run.start : run.stop]) for run in runs]


def vocabulary(parts: Sequence[Section], *, language: str | None) -> Vocabulary:
    """The words of a film, chapter by chapter."""
    return Vocabulary.of([part.text for part in parts], language=language)
