"""What of the retrieved scenes might answer a question: sentences said, lines on screen.

A sentence that goes on over a cut is one sentence, quoted from both scenes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from scenelake.schemas.rows import Citation, Word
from scenelake.workers.engines import Passage

MAX_SENTENCE_WORDS = 40
PAUSE_S, LONG_PAUSE_S = 0.45, 10.0
N_BEFORE = 2
N_AROUND = 4

_SENTENCE_ENDS = (".", "!", "?", "…")
_NOT_ENDS = frozenset("dr. mr. mrs. ms. st. vs. no. e.g. i.e. a.m. p.m.".split())

_GLUED = re.compile(
    r"(?<=[a-z])(?=[A-Z])|(?<=[:;,!?])(?=[^\W\d_])|(?<=[a-z])(?=\d)|(?<=\d)(?=[A-Z])"
)

_Said = tuple[Passage, Word]
"""A word and the scene that it belongs to."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence or screen line.

    Attributes:
        citations: the sentence as it stands in its scene, or in each of two.
        before: what is said in the two sentences before it, which its pronouns stand for.
        around: what is said in a few sentences before and after it.
        is_shown: it is written on screen; words that the reader ran together are parted.
    """

    text: str
    citations: tuple[Citation, ...]
    before: str = ""
    around: str = ""
    is_shown: bool = False

    @property
    def window(self) -> str:
        return f"{self.before} {self.text}".strip()


def candidates(passages: Sequence[Passage]) -> list[Candidate]:
    """All sentences and screen lines of the passages, each once, in order of film and time."""
    in_order = sorted(passages, key=lambda p: (p.video_id, p.start_s))
    return [c for run in _runs(in_order) for c in (*_said(run), *_shown(run))]


def cite(passage: Passage, quote: str, *, start_s: float, end_s: float) -> Citation:
    return Citation(
        video_id=passage.video_id,
        scene_id=passage.scene_id,
        start_s=start_s,
        end_s=end_s,
        quote=quote,
    )


def cite_scene(passage: Passage, quote: str = "") -> Citation:
    """A whole scene; without a quote: what is seen in it."""
    return cite(passage, quote, start_s=passage.start_s, end_s=passage.end_s)


def _runs(in_order: Sequence[Passage]) -> Iterator[list[Passage]]:
    """Passages that follow each other in one film, together."""
    run: list[Passage] = []
    for passage in in_order:
        if run and not _follows(run[-1], passage):
            yield run
            run = []
        run.append(passage)
    if run:
        yield run


def _follows(one: Passage, other: Passage) -> bool:
    same_film = one.video_id == other.video_id
    return same_film and other.scene.index == one.scene.index + 1


def _said(run: Sequence[Passage]) -> Iterator[Candidate]:
    told = list(_sentences([(passage, word) for passage in run for word in passage.words]))
    texts = [_join(said) for said in told]
    for i, said in enumerate(told):
        yield Candidate(
            text=texts[i],
            citations=tuple(_quoted(said)),
            before=" ".join(texts[max(0, i - N_BEFORE) : i]),
            around=" ".join(texts[max(0, i - N_AROUND) : i + N_AROUND + 1]),
        )


def _sentences(words: Sequence[_Said]) -> Iterator[list[_Said]]:
    """Words up to the full stop they carry; at most `MAX_SENTENCE_WORDS` together.

    Speech recognition leaves full stops out: a capital behind a pause begins a sentence too.
    """
    sentence: list[_Said] = []
    for passage, word in words:
        if sentence and _begins_anew(sentence[-1][1], word):
            yield sentence
            sentence = []
        sentence.append((passage, word))
        if _ends_sentence(word.text) or len(sentence) == MAX_SENTENCE_WORDS:
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _quoted(said: Sequence[_Said]) -> Iterator[Citation]:
    for _, part in groupby(said, key=lambda pair: pair[0].scene_id):
        words = list(part)
        passage, first, last = words[0][0], words[0][1], words[-1][1]
        yield cite(passage, _join(words), start_s=first.start_s, end_s=last.end_s)


def _join(said: Sequence[_Said]) -> str:
    return " ".join(word.text.strip() for _, word in said)


def _shown(run: Sequence[Passage]) -> Iterator[Candidate]:
    for passage in run:
        lines = dict.fromkeys(line.strip() for line in passage.screen_text if line.strip())
        around = " ".join([*map(_parted, lines), passage.scene.transcript])
        for line in lines:
            cited = (cite_scene(passage, line),)
            yield Candidate(_parted(line), cited, around=around, is_shown=True)


def _parted(line: str) -> str:
    """ "Camera:LauraBrooks" as "Camera: Laura Brooks", "Platform90" as "Platform 90"."""
    return " ".join(_GLUED.sub(r" ", line).split())


def _begins_anew(last: Word, word: Word) -> bool:
    if last.speaker != word.speaker:
        return True
    pause_s = word.start_s - last.end_s
    bare = word.text.strip()
    is_open = not last.text.strip().endswith((",", ":", ";"))
    return pause_s >= LONG_PAUSE_S or (pause_s >= PAUSE_S and is_open and bare[:1].isupper())


def _ends_sentence(word: str) -> bool:
    bare = word.strip().rstrip("\"'\u201d)")
    is_initial = len(bare) == 2 and bare[0].isupper()
    return bare.endswith(_SENTENCE_ENDS) and bare.lower() not in _NOT_ENDS and not is_initial
