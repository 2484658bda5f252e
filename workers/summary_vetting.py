"""What of a model's summary may be said of a film, sentence by sentence.

The rule is that of `scenelake.workers.grounding`, and one more: a long film holds so many
words that untrue things can be put together from them. So the names and numbers that stand
together in a clause must stand together in one scene.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scenelake.schemas.story import Told
from scenelake.workers.evidence import surest
from scenelake.workers.grounding import is_grounded, sentences, tokens

MAX_TITLE_WORDS = 8
MAX_REPEATED = 0.6
"""Of a sentence's words those before may have so many: a small model says all twice."""
MIN_LINE_CHARS = 2
"""A text reader takes rings and edges for letters."""
_CLAUSES = re.compile(r"[,;:]|\band\b", re.IGNORECASE)
_ENDS = (".", "!", "?", '"', "”", "。")


@dataclass(frozen=True, slots=True)
class Judge:
    """The rule, for some scenes.

    Attributes:
        texts: all that is said, written, recognised in them, and told of them and true.
        keys: of each scene, the stems of all its words.
        names: stems of what is written with a capital in mid-sentence.
    """

    texts: tuple[str, ...]
    keys: tuple[frozenset[str], ...]
    names: frozenset[str]

    @classmethod
    def of(cls, scenes: Sequence[Told]) -> Judge:
        told = [tuple(_texts(scene)) for scene in scenes]
        words = [[t for text in texts for t in tokens(text)] for texts in told]
        named = (t for own in words for t in own if t.is_name and not t.is_first)
        return cls(
            tuple(text for texts in told for text in texts),
            tuple(frozenset(t.key for t in own) for own in words),
            frozenset(t.key for t in named),
        )

    def kept(self, summary: str) -> list[str]:
        """The sentences that may be said, each that adds something to those before."""
        told, known = list[str](), set[str]()
        for sentence in sentences(summary):
            keys = {t.key for t in tokens(sentence) if t.is_content or t.is_number}
            is_new = len(keys - known) > len(keys) * (1 - MAX_REPEATED)
            if sentence.endswith(_ENDS) and is_new and self.passes(sentence):
                told.append(sentence)
                known |= keys
        return told

    def title(self, title: str) -> str:
        """A title as one line, or "" where it is too long, or may not be said."""
        line = " ".join(title.split()).rstrip(".,;: ")
        return line if len(line.split()) <= MAX_TITLE_WORDS and self.passes(line) else ""

    def passes(self, text: str) -> bool:
        """Whether a sentence or a title may be said of the scenes."""
        return is_grounded(text, self.texts) and all(map(self._is_of_one_scene, _clauses(text)))

    def _is_of_one_scene(self, clause: str) -> bool:
        claims = {
            t.key for t in tokens(clause) if t.is_number or (t.is_name and t.key in self.names)
        }
        return not claims or any(claims <= keys for keys in self.keys)


def _clauses(text: str) -> Iterator[str]:
    yield from (clause for clause in _CLAUSES.split(text) if clause.strip())


def _texts(scene: Told) -> Iterator[str]:
    told = scene.description if scene.grounded else ""
    yield from (t for t in (scene.speech, scene.translation, told) if t)
    yield from (line for line in scene.lines if len(line.strip()) >= MIN_LINE_CHARS)
    yield from surest(scene.labels)
