"""Questions about a film as a whole, answered from all its scenes without a language model.

Map: of each stretch of scenes, the sentences nearest to what the whole film says. Reduce: of
those, a few that say much and repeat little (maximal marginal relevance, Carbonell and
Goldstein 1998), told in time order. Memory and work grow with the film's length, not more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from scenelake.schemas.arrays import Float32
from scenelake.schemas.rows import Citation, Word
from scenelake.workers.candidates import Candidate, candidates, cite_scene
from scenelake.workers.engines import Passage, Query, Reply
from scenelake.workers.grounding import content_keys, sentences, tokens
from scenelake.workers.kinds import names_place
from scenelake.workers.questions import Question, read_question
from scenelake.workers.telling import not_told
from scenelake.workers.vectors import Vectors

SCENES_A_STRETCH = 20
KEPT_A_STRETCH = 6
MAX_TOLD = 4
NOVELTY = 0.5
"""What likeness to a sentence already taken costs, against likeness to the whole."""
BRIEF_WORDS = 25
"""Of an answer to what a film is about; a summary may be longer."""
OPENING, N_OPENING, TOPIC = 0.15, 1, 0.3
N_SETTING, N_LEADING = 5, 4
RESTING = 0.3
"""Of the first sentences, which often say what a film is about; and of "she has worked ..."."""
MIN_WORDS = 3
MIN_SUMMARY_LIKENESS = 0.6

_AT_LENGTH = re.compile(r"\b(?:summar\w+|sum up|overview|outline|synopsis|in detail|describe)\b")
_TOPIC = re.compile(
    r"\b(?:this|our|the|my|today's) (?:film|video|talk|lecture|lesson|story|programme|program|tour|"
    r"documentary|episode|report|speech)\b|\bwelcome to\b|\b(?:we|i)(?:'ll| will| want to)? "
    r"(?:look at|talk about|tell|learn|visit|show you)\b|\b(?:next|today's) (?:subject|topic)\b",
    re.IGNORECASE,
)
"""How speakers say what they are going to speak about."""
_REFERRING = frozenset("he she it they him her his its their them".split())
_SPEAKERS = re.compile(r"\bhow many (?:\w+ )?(?:people|persons|speakers|voices|men|women)\b")


def tell_whole(query: Query, vectors: Vectors) -> Reply:
    """What a film tells as a whole, with the sentences that say so."""
    if _SPEAKERS.search(query.text.lower()):
        return _speakers(query.passages)
    asked = read_question(query.text)
    if asked.is_of_setting:
        return _setting(asked, query.passages)
    is_brief = not _AT_LENGTH.search(query.text.lower())
    if query.summary and not is_brief:
        summed = _by_summary(query, vectors)
        if summed is not None:
            return summed
    told = _reduce(_map(query.passages, vectors), vectors)
    told = _in_brief(told) if is_brief else sorted(told, key=_place)
    if told:
        answer = " ".join(_finished(c.text) for c in told)
        return _reply(answer, [q for c in told for q in c.citations])
    return _by_labels(query.passages)


def _map(passages: Sequence[Passage], vectors: Vectors) -> list[Candidate]:
    """The most telling sentences of each stretch of scenes."""
    kept: list[Candidate] = []
    for stretch in _stretches(passages):
        found = [c for c in candidates(stretch) if _says_something(c.text)]
        if found:
            held = vectors.of([c.text for c in found])
            worth = _centrality(held) + _standing(found)
            nearest = np.argsort(-worth, kind="stable")[:KEPT_A_STRETCH]
            kept += [found[i] for i in sorted(nearest)]
    return kept


def _reduce(found: Sequence[Candidate], vectors: Vectors) -> list[Candidate]:
    """A few of them, the most telling first, none saying what another has said."""
    if not found:
        return []
    held = vectors.of([c.text for c in found])
    worth = _centrality(held) + _standing(found)
    taken: list[int] = []
    while len(taken) < min(MAX_TOLD, len(found)):
        repeated = (held @ held[taken].T).max(axis=1) if taken else np.zeros(len(found))
        gain = worth - NOVELTY * repeated
        gain[taken] = -np.inf
        taken.append(int(np.argmax(gain)))
    return [found[i] for i in taken]


def _in_brief(told: Sequence[Candidate]) -> list[Candidate]:
    """The first, and as many more as stay within `BRIEF_WORDS`, in time order."""
    kept = list(told[:1])
    for found in told[1:]:
        if sum(len(c.text.split()) for c in (*kept, found)) <= BRIEF_WORDS:
            kept.append(found)
    return sorted(kept, key=_place)


def _place(found: Candidate) -> float:
    return found.citations[0].start_s


def _centrality(held: Float32) -> Float32:
    """(N,) likeness of each of (N, D) vectors to their mean."""
    whole = held.mean(axis=0)
    return np.asarray(held @ (whole / max(float(np.linalg.norm(whole)), 1e-6)), np.float32)


def _standing(found: Sequence[Candidate]) -> Float32:
    """(N,) what a sentence gains by opening the film, or loses by resting on one before it."""
    opening = [OPENING if i < N_OPENING else 0.0 for i in range(len(found))]
    topical = [TOPIC if _TOPIC.search(c.text) else 0.0 for c in found]
    resting = [-RESTING if _rests_on_another(c.text) else 0.0 for c in found]
    return np.asarray(np.array([opening, topical, resting], np.float32).sum(axis=0), np.float32)


def _rests_on_another(text: str) -> bool:
    """Whether a pronoun near its beginning stands for something said before."""
    return any(t.text.lower() in _REFERRING for t in tokens(text)[:N_LEADING])


def _stretches(passages: Sequence[Passage]) -> Iterator[tuple[Passage, ...]]:
    left = iter(passages)
    while stretch := tuple(islice(left, SCENES_A_STRETCH)):
        yield stretch


def _by_summary(query: Query, vectors: Vectors) -> Reply | None:
    """The film's own summary, where scenes say what it says; None where none does."""
    found = candidates(query.passages)
    if not found:
        return None
    held = vectors.of([c.text for c in found])
    cited: list[Citation] = []
    for vector in vectors.of(sentences(query.summary)):
        likeness = held @ vector
        best = int(np.argmax(likeness))
        if likeness[best] >= MIN_SUMMARY_LIKENESS:
            cited += found[best].citations
    return _reply(query.summary, list(dict.fromkeys(cited))) if cited else None


def _by_labels(passages: Sequence[Passage]) -> Reply:
    """Of a film in which nothing is said or written: what is seen, by how often."""
    counts: dict[str, list[Passage]] = {}
    for passage in passages:
        for name in dict.fromkeys(passage.labels):
            counts.setdefault(name, []).append(passage)
    often = sorted(counts, key=lambda name: -len(counts[name]))[:MAX_TOLD]
    if not often:
        return not_told()
    shown = {counts[name][0].scene_id: counts[name][0] for name in often}
    cited = [cite_scene(p) for p in shown.values()]
    return _reply(f"Nothing is said. Seen: {', '.join(often)}.", cited)


def _setting(asked: Question, passages: Sequence[Passage]) -> Reply:
    """The first place that is named where films say where they are: at their beginning."""
    said = [c for c in candidates(passages) if not c.is_shown]
    opening = said[:N_SETTING] + [c for c in said[N_SETTING:] if _TOPIC.search(c.text)]
    found = next((c for c in opening if names_place(asked, c.text)), None)
    return _reply(found.text, found.citations) if found else not_told()


def _speakers(passages: Sequence[Passage]) -> Reply:
    """How many voices are told apart, with the first words of each."""
    first: dict[str, Citation] = {}
    for passage in passages:
        for found in candidates([passage]):
            said = (w for w in passage.words if _is_within(w, found))
            for voice in {w.speaker for w in said if w.speaker} - first.keys():
                first[voice] = found.citations[0]
    if not first:
        return not_told()
    count = "One person speaks" if len(first) == 1 else f"{len(first)} people speak"
    return _reply(f"{count}.", list(first.values()))


def _is_within(word: Word, found: Candidate) -> bool:
    return found.citations[0].start_s <= word.start_s < found.citations[-1].end_s


def _says_something(text: str) -> bool:
    return len(content_keys(text)) >= MIN_WORDS


def _finished(text: str) -> str:
    return text if text[-1] in ".!?\u2026" else f"{text}."


def _reply(answer: str, citations: Sequence[Citation]) -> Reply:
    return Reply(answer=answer, grounded=True, citations=tuple(citations))
