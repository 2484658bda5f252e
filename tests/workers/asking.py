"""Scenes as passages, and questions about them, for tests of answerers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scenelake.schemas.rows import Keyframe, Label
from scenelake.workers.engines import Answerer, Passage, Query, Reply
from scenelake.workers.quoting import holds
from tests.workers.telling import scene


def passage(
    index: int = 0,
    said: str = "",
    *,
    screen: Sequence[str] = (),
    labels: Sequence[str] = (),
    frames: Sequence[Keyframe] = (),
    video_id: str = "film",
    speaker: str | None = None,
) -> Passage:
    """Ten seconds of a film; `said` begins a second after they do."""
    start_s = index * 10.0
    lines = [(start_s + 1, line) for line in screen]
    made = scene(index, said=said, screen=lines, frames=frames, video_id=video_id)
    named = tuple(Label(name, 0.8) for name in labels) or made.labels
    words = tuple(replace(word, speaker=speaker) for word in made.words)
    return Passage(replace(made, labels=named, words=words), f"{video_id}.mp4", 1.0 - index / 100)


def ask(
    answerer: Answerer,
    question: str,
    passages: Sequence[Passage],
    *,
    options: Sequence[str] = (),
    is_whole: bool = False,
    summary: str = "",
) -> Reply:
    """The reply to one question; an error is raised."""
    query = Query(question, tuple(passages), tuple(options), is_whole=is_whole, summary=summary)
    (reply,) = answerer.answer([query])
    if not isinstance(reply, Reply):
        raise reply
    return reply


def assert_citations_hold(reply: Reply, passages: Sequence[Passage]) -> None:
    """Each quote is said or written in the scene it is cited from, at the time cited."""
    scenes = {p.scene_id: p for p in passages}
    for citation in reply.citations:
        there = scenes[citation.scene_id]
        assert there.start_s <= citation.start_s <= citation.end_s <= there.end_s
        if citation.quote:
            assert holds(citation, there), (citation.quote, there.scene.transcript)
    assert bool(reply.citations) == reply.grounded
