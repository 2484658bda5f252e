"""Titles of chapters, from their own evidence."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from scenelake.workers.chapters import Section
from scenelake.workers.evidence import MIN_LABEL_SCORE
from scenelake.workers.grounding import content_keys, sentences
from scenelake.workers.phrases import Phrase, Vocabulary, phrases

MAX_TITLE_CHARS = 60
FEW_SENTENCES = 3
MAX_PHRASES = 3
MIN_PHRASE_SHARE = 0.45
"""Of the first phrase's score: what says less is left out."""
OFTEN = 3
"""A word by itself is a title if it comes so often."""
MAX_HEADING_WORDS = 8
SURE_LABEL_SCORE = 0.5
LITTLE = 0.2
_EVERYWHERE = 0.3
_NUMBERED = re.compile(
    r"(?:chapter|part|lesson|lecture|section|episode|act|unit|module|step|day|week|kapitel|teil"
    r"|chapitre|partie|cap[ií]tulo|parte)\s+(?:\d+|[ivxlc]+|one|two|three|four|five|six|seven|eight"
    r"|nine|ten)\b.*|\d{1,2}[.:)]\s+\S.*",
    re.IGNORECASE,
)


def titles(parts: Sequence[Section], vocabulary: Vocabulary) -> list[str]:
    """A title for each chapter, one line each; "Part 3" where nothing is known of it."""
    shown = _Shown(parts)
    told: list[str] = []
    for number, part in enumerate(parts, start=1):
        options = _options(part, vocabulary, shown)
        new = (title for title in options if title and title not in told)
        told.append(next(new, f"Part {number}"))
    return told


def _options(part: Section, vocabulary: Vocabulary, shown: _Shown) -> Iterator[str]:
    """Titles that would do, the best first."""
    yield shown.heading(part, vocabulary)
    title = _scene_title(part)
    if len(sentences(part.speech)) <= FEW_SENTENCES and not title.endswith("…"):
        yield title
    yield _phrased(part, vocabulary)
    yield title
    yield _capital(", ".join(most_seen([part])[:MAX_PHRASES]))
    yield next(shown.lines(part), "")


class _Shown:
    """What is on screen, and in how many chapters: a channel's name titles none."""

    def __init__(self, parts: Sequence[Section]) -> None:
        own = [{line.casefold() for line in _lines(part)} for part in parts]
        self._counts = Counter(line for lines in own for line in lines)
        self._most = max(1, int(len(parts) * _EVERYWHERE))

    def lines(self, part: Section) -> Iterator[str]:
        """Lines that are this chapter's own, in order."""
        for line in dict.fromkeys(_lines(part)):
            if self._counts[line.casefold()] <= self._most and _is_heading(line):
                yield line

    def heading(self, part: Section, vocabulary: Vocabulary) -> str:
        """A line that numbers the chapter, or names what is spoken of most in it; or ""."""
        weights = vocabulary.weights(part.speech)
        best = max(weights.values(), default=0.0)
        for line in self.lines(part):
            if _NUMBERED.fullmatch(line):
                return line
            keys = content_keys(line)
            is_spoken_of = keys and all(key in weights for key in keys)
            if is_spoken_of and max(weights[key] for key in keys) >= best * MIN_PHRASE_SHARE:
                return line
        return ""


def _lines(part: Section) -> list[str]:
    return [" ".join(line.split()) for scene in part.scenes for line in scene.lines]


def _is_heading(line: str) -> bool:
    """Whether a line looks like one: short, mostly letters, its words apart, no sentence."""
    words = line.split()
    n_letters = sum(sign.isalpha() for sign in line)
    return (
        1 <= len(words) <= MAX_HEADING_WORDS
        and len(line) <= MAX_TITLE_CHARS
        and n_letters >= max(3, len(line) // 2)
        and max(map(len, words)) <= 16
        and not line[0].islower()
        and line[-1] not in ".,;"
    )


def _scene_title(part: Section) -> str:
    """Of the scene that is most like all of them, a whole one before a broken one."""
    centrality = part.centrality
    titled = [i for i, scene in enumerate(part.scenes) if scene.title.strip()]
    if not titled:
        return ""
    best = max(titled, key=lambda i: (not part.scenes[i].title.endswith("…"), centrality[i]))
    return _capital(" ".join(part.scenes[best].title.split()))


def _phrased(part: Section, vocabulary: Vocabulary) -> str:
    """The few phrases that tell a chapter from the others."""
    ranked = phrases(part.speech, vocabulary)[:MAX_PHRASES]
    enough = [p for p in ranked if p.score >= ranked[0].score * MIN_PHRASE_SHARE]
    if not any(_recurs(phrase, among=enough) for phrase in enough):
        return ""
    title = ""
    for phrase in enough:
        longer = f"{title}, {phrase.text}" if title else phrase.text
        if len(longer) <= MAX_TITLE_CHARS:
            title = longer
    return _capital(title)


def _recurs(phrase: Phrase, *, among: Sequence[Phrase]) -> bool:
    """Whether it comes often enough to be what a chapter is about."""
    is_alone = len(among) == 1 and len(phrase.keys) == 1
    return phrase.count >= (OFTEN if is_alone else 2)


def telling_lines(parts: Sequence[Section]) -> list[str]:
    """Lines on screen that look like headings or names, each chapter's first ones first."""
    shown = _Shown(parts)
    own = [list(shown.lines(part)) for part in parts]
    ranked = (line for row in zip_longest(*own) for line in row if line)
    return list(dict.fromkeys(ranked))


def most_seen(parts: Sequence[Section]) -> list[str]:
    """Names of what is to be seen, by how long and how surely.

    What is unsure and seen once is left out, and what is little beside the first.
    """
    weights: defaultdict[str, float] = defaultdict(float)
    told = [(s, label) for part in parts for s in part.scenes for label in s.labels]
    counts = Counter(label.name for _, label in told if label.score >= MIN_LABEL_SCORE)
    for scene, label in told:
        if label.score >= (MIN_LABEL_SCORE if counts[label.name] > 1 else SURE_LABEL_SCORE):
            weights[label.name] += scene.length_s * label.score
    least = LITTLE * max(weights.values(), default=0.0)
    return sorted((n for n in weights if weights[n] >= least), key=lambda name: -weights[name])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
