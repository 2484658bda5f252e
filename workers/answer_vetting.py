"""What of a model's answer may stand: only what the scenes that it cites say or show.

* A quote must be said or written in its scene; one that is not is dropped with its citation.
  An empty one stands for what is seen, and counts only if the model has seen pictures there.
* An answer without a citation left is none.
* Names, numbers and quotations of the answer must occur in the cited scenes or in the
  question. Where they do not, the quotes themselves are the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from scenelake.schemas.rows import Citation
from scenelake.workers.answer_prompt import Posed
from scenelake.workers.answer_reply import Cited, Said
from scenelake.workers.candidates import cite_scene
from scenelake.workers.choosing import LETTERS, labelled
from scenelake.workers.engines import Passage, Query, Reply
from scenelake.workers.evidence import surest
from scenelake.workers.grounding import unsupported
from scenelake.workers.moments import told_texts
from scenelake.workers.quoting import locate
from scenelake.workers.telling import NOT_TOLD
from scenelake.workers.vetting import COMMON


def vet_answer(said: Said, query: Query, posed: Posed) -> Reply:
    """The answer as far as it holds, or that the film does not tell."""
    found = [_checked(cited, posed) for cited in said.citations]
    citations = tuple(dict.fromkeys(c for c in found if c is not None))
    if not said.told or not citations:
        return Reply(NOT_TOLD, grounded=False, citations=(), frames_s=posed.frames_s)
    return Reply(
        answer=_supported(said.answer, query, posed, citations),
        grounded=True,
        citations=citations,
        choice=_choice(said.choice, query.options),
        frames_s=posed.frames_s,
    )


def texts_of(passage: Passage) -> tuple[str, ...]:
    """All that may be told of a scene: what is said, written and was recognised in it."""
    scene = passage.scene
    return (*told_texts(scene), *surest(scene.labels), *surest(scene.audio_events))


def _checked(cited: Cited, posed: Posed) -> Citation | None:
    if not 1 <= cited.scene <= len(posed.passages):
        return None
    passage = posed.passages[cited.scene - 1]
    if cited.quote:
        return locate(cited.quote, passage)
    return cite_scene(passage) if _is_shown(passage, posed.frames_s) else None


def _is_shown(passage: Passage, frames_s: Sequence[float]) -> bool:
    return any(frame.time_s in frames_s for frame in passage.scene.keyframes)


def _supported(answer: str, query: Query, posed: Posed, citations: Sequence[Citation]) -> str:
    """The model's wording, or what it quotes where the wording says more than the scenes."""
    cited = {c.scene_id for c in citations}
    evidence = [t for p in posed.passages if p.scene_id in cited for t in texts_of(p)]
    known = [*evidence, query.text, *query.options]
    if answer and not unsupported(answer, known, common=COMMON):
        return answer
    quotes = " ".join(c.quote for c in citations if c.quote)
    return quotes or "It is seen in the pictures."


def _choice(letter: str, options: Sequence[str]) -> str | None:
    place = LETTERS.find(letter) if letter else -1
    return labelled(options, place) if 0 <= place < len(options) else None
