"""What a film's page tells of the whole film: gathered from its scenes before any is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from scenelake.pipeline.export.film import Film
from scenelake.pipeline.export.typeset import ends_sentence, join
from scenelake.schemas.rows import Chapter, Word

_COLUMNS = ("index", "start_s", "end_s", "title", "labels", "words", "grounded")
_SAME_SPEECH_S = 0.5
_TURN_PAUSE_S = 0.8
_TURN_CHARS = 90
_N_LABELS = 8


@dataclass(slots=True)
class Outline:
    """Scenes without their pictures, and what they add up to.

    Attributes:
        scenes: start_s, end_s, title of each, as a chapter.
        word_times_s: middle of each word.
        spoken: spans of speech.
        seen_s: label -> seconds of scenes that show it.
        n_told: scenes whose description is a model's, checked.
    """

    duration_s: float
    scenes: list[Chapter] = field(default_factory=list)
    word_times_s: list[float] = field(default_factory=list)
    spoken: list[tuple[float, float]] = field(default_factory=list)
    seen_s: dict[str, float] = field(default_factory=dict)
    n_told: int = 0

    def add(self, scene: dict[str, Any]) -> None:
        """Take the next scene, a row of the columns in use."""
        self.scenes.append(Chapter(scene["start_s"], scene["end_s"], scene["title"] or ""))
        self.n_told += bool(scene["grounded"])
        for label in scene["labels"] or ():
            seen_s = self.seen_s.get(label["name"], 0.0)
            self.seen_s[label["name"]] = seen_s + scene["end_s"] - scene["start_s"]
        for word in scene["words"] or ():
            self.word_times_s.append((word["start_s"] + word["end_s"]) / 2)
            self._speak(word["start_s"], word["end_s"])

    def most_seen(self) -> list[tuple[str, float]]:
        """Labels and their seconds, most first."""
        return sorted(self.seen_s.items(), key=lambda item: -item[1])[:_N_LABELS]

    def a_minute(self, times_s: Sequence[float], n_bins: int) -> list[float]:
        """How often a minute something is, in each of `n_bins` equal parts of the film."""
        counts = [0] * n_bins
        for time_s in times_s:
            counts[max(0, min(n_bins - 1, int(time_s / self.duration_s * n_bins)))] += 1
        return [count * n_bins * 60 / self.duration_s for count in counts]

    def _speak(self, start_s: float, end_s: float) -> None:
        if self.spoken and start_s - self.spoken[-1][1] < _SAME_SPEECH_S:
            start_s, last_s = self.spoken.pop()
            end_s = max(end_s, last_s)
        self.spoken.append((start_s, end_s))


def outline(film: Film) -> Outline:
    """Read a film's outline; its pictures stay where they are."""
    told = Outline(float(film.row["duration_s"]))
    for scene in film.scenes(_COLUMNS):
        told.add(scene)
    return told


def turns(words: Sequence[Word]) -> Iterator[tuple[Word, str]]:
    """What is said in a scene, in parts to be read: the first word of each, and its text.

    A part ends at a pause, with a speaker's turn, and at a sentence's end once it is long.
    """
    part: list[Word] = []
    for word, following in pairwise([*words, None]):
        if word is None:
            continue
        part.append(word)
        if following is None or _part_ends(part, following):
            yield part[0], join(spoken.text for spoken in part)
            part = []


def _part_ends(part: Sequence[Word], following: Word) -> bool:
    if following.speaker != part[-1].speaker:
        return True
    if following.start_s - part[-1].end_s > _TURN_PAUSE_S:
        return True
    return ends_sentence(part[-1].text) and sum(len(w.text) + 1 for w in part) > _TURN_CHARS
