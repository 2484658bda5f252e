"""A reply to one question, as Python gets it, as JSON and as lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from scenelake.schemas.rows import Citation, FilmSpan
from scenelake.workers.engines import Reply
from scenelake.workers.film_times import readable


@dataclass(frozen=True, slots=True)
class Asked:
    """A reply, with the address of each film it cites.

    Attributes:
        uris: of the citations' films, one each.
        choice: letter and text of the option that was chosen, "B) red".
        spans: where it happens, of a question that asks when.
        frames_s: times of the pictures that the model was shown.
    """

    answer: str
    grounded: bool
    citations: tuple[Citation, ...]
    uris: tuple[str, ...]
    model: str
    choice: str | None = None
    spans: tuple[FilmSpan, ...] = ()
    question_id: str | None = None
    frames_s: tuple[float, ...] = ()

    @property
    def is_told(self) -> bool:
        """Whether the films tell."""
        return bool(self.citations)

    def to_json(self) -> dict[str, Any]:
        """The document that `scenelake ask --json` prints."""
        uri_of = {c.video_id: uri for c, uri in zip(self.citations, self.uris, strict=True)}
        return {
            "answer": self.answer,
            "grounded": self.grounded,
            "citations": [
                {
                    "video_id": citation.video_id,
                    "uri": uri,
                    "scene_id": citation.scene_id,
                    "start_s": citation.start_s,
                    "end_s": citation.end_s,
                    "quote": citation.quote,
                }
                for citation, uri in zip(self.citations, self.uris, strict=True)
            ],
            "model": self.model,
            "choice": self.choice,
            "spans": [
                {
                    "video_id": span.video_id,
                    "uri": uri_of.get(span.video_id),
                    "start_s": span.start_s,
                    "end_s": span.end_s,
                }
                for span in self.spans
            ],
            "question_id": self.question_id,
        }

    def lines(self) -> Iterator[str]:
        """The answer, and below it where each part of it stands."""
        yield f"{self.choice}" if self.choice else self.answer
        if self.choice and self.citations and not self.citations[0].quote:
            yield f"    {self.answer}"
        for citation, uri in zip(self.citations, self.uris, strict=True):
            where = readable(citation.start_s, citation.end_s)
            yield f"    {PurePosixPath(uri).name} {where}  {citation.quote or '(seen)'}"


def asked_of(reply: Reply, *, uris: Mapping[str, str], model: str) -> Asked:
    """A reply with its films' addresses, by id."""
    return Asked(
        answer=reply.answer,
        grounded=reply.grounded,
        citations=reply.citations,
        uris=tuple(uris.get(c.video_id, c.video_id) for c in reply.citations),
        model=model,
        choice=reply.choice,
        spans=reply.spans,
        frames_s=reply.frames_s,
    )


def together(asked: Sequence[tuple[str, Asked]]) -> Asked:
    """One reply from those for several films: a line each, with the film's name before it."""
    told = [(name, one) for name, one in asked if one.is_told]
    if not told:
        return asked[0][1]
    return replace(
        told[0][1],
        answer="\n".join(f"{name}: {one.answer}" for name, one in told),
        grounded=all(one.grounded for _, one in told),
        citations=tuple(c for _, one in told for c in one.citations),
        uris=tuple(u for _, one in told for u in one.uris),
        spans=tuple(s for _, one in told for s in one.spans),
    )
