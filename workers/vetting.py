"""What of a model's reply may be said of a scene, checked against the scene's own evidence.

A reply is checked sentence by sentence, and what does not pass is left out. The evidence
is what is said in the scene, what is on its screen and what was recognised in it. What
neighbouring scenes say is none, though the model was told of it.

A model that has seen no picture of the scene is held to the whole rule of
`scenelake.workers.grounding`. Of one that has, the rule cannot ask that its words occur
anywhere: what it sees, nobody has written down. It is held to this:

* names, numbers and quotations must occur in the evidence, a count of people too;
* a sentence that reports what is said must do so, by half, in words that were said;
* a sentence that neighbours say, or a name that only they have, is left out.

So a wrong thing or colour in a picture passes: no text can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from scenelake.schemas.rows import Scene
from scenelake.workers.evidence import surest, title
from scenelake.workers.grounding import (
    Token,
    content_keys,
    is_grounded,
    sentences,
    share,
    tokens,
    unsupported,
)
from scenelake.workers.moments import told_texts
from scenelake.workers.readings import confirmed
from scenelake.workers.reply import (
    MAX_LABEL_CHARS,
    MAX_LABELS,
    MAX_MOOD_CHARS,
    MIN_DESCRIPTION_CHARS,
    Reply,
)
from scenelake.workers.wordforms import STOP_WORDS, fold, stem

MIN_REPORTED_SHARE = 0.5
MIN_MOOD_CHARS, MAX_MOOD_WORDS = 3, 2

COMMON = frozenset(
    stem(word)
    for word in """people person man woman men women boy girl child children baby crowd group
    couple audience speaker narrator player worker driver hands face animal animals dog cat bird
    car cars vehicle building buildings house room street road city tree trees water sea sky
    light lights text title scene film video picture image camera close-up view shot black white
    red green blue yellow brown grey gray young old large small bright dark tv suv led""".split()
)
"""With a capital at the start of a sentence these are still no names."""

_REPORTS = re.compile(
    r"\b(?:says?|said|saying|tells?|told|telling|explain\w*|describ\w*|discuss\w*|mention\w*"
    r"|announc\w*|asks?|asked|asking|claim\w*|(?:talk|speak)\w*\s+(?:about|of))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Vetted:
    """What is left of a reply; `labels` and `lines` hold what `description` does not."""

    title: str
    description: str
    labels: tuple[str, ...]
    lines: tuple[str, ...]
    mood: str


def vet(reply: Reply, scene: Scene, *, foreign: Sequence[str], saw: bool) -> Vetted | None:
    """What may be said of a scene; None where no sentence of the description may.

    Args:
        foreign: what neighbouring scenes say and have on screen.
        saw: whether the model was shown pictures of this scene.
    """
    lines = confirmed(reply.visible_text, scene.ocr, exactly=not saw)
    recognised = surest(scene.labels) + surest(scene.audio_events)
    judge = _Judge((*told_texts(scene), *recognised, *lines), tuple(foreign), saw=saw)
    description = " ".join(_new(s for s in _finished(reply.description) if judge.passes(s)))
    if not description:
        return None
    told = set(content_keys(description))
    return Vetted(
        title=title(reply.title if judge.passes(reply.title) else description),
        description=description,
        labels=tuple(label for label in judge.labels(reply.labels) if not _is_told(label, told)),
        lines=tuple(line for line in lines if fold(line) not in fold(description)),
        mood=judge.mood(reply.mood),
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    """The rule, for one scene.

    Attributes:
        evidence: texts of the scene itself.
        foreign: texts of its neighbours.
    """

    evidence: tuple[str, ...]
    foreign: tuple[str, ...]
    saw: bool

    def passes(self, text: str) -> bool:
        """Whether a sentence, a title or a label may be said of the scene."""
        if not content_keys(text) or self._is_foreign(text):
            return False
        if is_grounded(text, self.evidence):
            return True
        if not self.saw or unsupported(text, self.evidence, common=COMMON):
            return False
        return self._reports_truly(text)

    def labels(self, labels: Sequence[str]) -> Iterator[str]:
        for label in dict.fromkeys(labels[:MAX_LABELS]):
            if len(label) <= MAX_LABEL_CHARS and self.passes(label):
                yield label

    def mood(self, mood: str) -> str:
        """A word or two in lower case that tell no facts, or "". No more can be checked."""
        told = mood.casefold().rstrip(".")
        words = told.split()
        fits = MIN_MOOD_CHARS <= len(told) <= MAX_MOOD_CHARS and len(words) <= MAX_MOOD_WORDS
        is_mood = fits and words[0] not in STOP_WORDS and not unsupported(told, ())
        return told if is_mood and not self._is_foreign(told) else ""

    def _is_foreign(self, text: str) -> bool:
        """Whether neighbours say it, or have a name in it, and the scene does not."""
        own = {key for piece in self.evidence for key in content_keys(piece)}
        names = {key for piece in self.foreign for key in _names_in(piece)}
        if (names - own) & set(content_keys(text)):
            return True
        return is_grounded(text, self.foreign) and not is_grounded(text, self.evidence)

    def _reports_truly(self, sentence: str) -> bool:
        reported = [k for k in content_keys(_REPORTS.sub(" ", sentence)) if k not in COMMON]
        if not _REPORTS.search(sentence) or not reported:
            return True
        said = {key for piece in self.evidence for key in content_keys(piece)}
        return share(reported, said) >= MIN_REPORTED_SHARE


def _new(told: Iterable[str]) -> Iterator[str]:
    """Sentences that add a word to those before: a small model repeats itself for ever."""
    known: set[str] = set()
    for sentence in told:
        keys = {t.key for t in tokens(sentence) if t.is_content or t.is_number}
        if not keys <= known:
            yield sentence
        known |= keys


def _names_in(piece: str) -> list[str]:
    """Stems of words with a capital within a sentence; a headline has no sentences."""
    words = [t for t in tokens(piece) if not t.is_number]
    n_capital = sum(t.text[0].isupper() for t in words)
    is_prose = n_capital * 2 <= len(words)
    return [t.key for t in words if is_prose and _is_within(t) and t.is_name]


def _is_within(token: Token) -> bool:
    return not token.is_first and not token.text.isupper()


def _is_told(label: str, told: set[str]) -> bool:
    return set(content_keys(label)) <= told


def _finished(description: str) -> list[str]:
    """The sentences of a description; one broken off at the bound of its length is dropped.

    If it is the only one, "…" shows that it breaks off.
    """
    parts = sentences(description)
    if not parts or parts[-1][-1] in '.!?"…' or len(description) < MIN_DESCRIPTION_CHARS:
        return parts
    return parts[:-1] or [f"{parts[0].rpartition(' ')[0]}…"]
