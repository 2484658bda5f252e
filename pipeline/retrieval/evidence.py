"""The rankings that a query asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scenelake.pipeline.retrieval import rankings
from scenelake.pipeline.retrieval.choice import Choice
from scenelake.pipeline.retrieval.encoders import Encoders
from scenelake.pipeline.retrieval.fuse import Ranking
from scenelake.pipeline.retrieval.index import Index, Place
from scenelake.pipeline.retrieval.keeper import Note
from scenelake.pipeline.retrieval.rankings import Allowed
from scenelake.pipeline.retrieval.segment import VECTOR_STEPS
from scenelake.pipeline.retrieval.wanted import Wanted
from scenelake.schemas.arrays import Float32
from scenelake.schemas.config import SearchConfig
from scenelake.schemas.errors import UsageError

_LEAST_OPEN = 0.2
"""Likeness still decides among scenes that have all the words."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One search's view of an index.

    Attributes:
        chosen: what the filters leave.
        depth: places of each ranking.
    """

    index: Index
    encoders: Encoders
    config: SearchConfig
    chosen: Choice
    depth: int
    note: Note

    def of_text(self, text: str, asked: Wanted) -> Iterator[Ranking]:
        """Words, and what is told and seen; a quoted phrase leaves only scenes that have it.

        Likeness counts for what words leave open: where a scene has all that is asked for, one
        that is only like it is not what was meant.
        """
        words = self._words(asked)
        yield words
        allowed = rankings.only(self.index, words) if asked.phrases else self._allowed()
        open_share = max(_LEAST_OPEN, 1.0 - words.most_trusted)
        for kind in VECTOR_STEPS:
            if self._weight(kind) > 0 and (kind != "seen" or self.encoders.reads_text):
                self._check_models(kind)
                vector = self.encoders.text(text, kind=kind)
                alike = self._alike(kind, kind, vector, self.encoders.models[kind], allowed)
                yield replace(alike, weight=alike.weight * open_share)

    def of_image(self, path: Path) -> Iterator[Ranking]:
        """What looks like a picture."""
        self._check_models("seen")
        vector = self.encoders.picture(path)
        yield self._alike("image", "seen", vector, self.encoders.models["seen"], self._allowed())

    def of_scene(self, scene_id: str) -> Iterator[Ranking]:
        """What looks like a scene, and what tells the same; not the scene itself."""
        place = _place_of(self.index, scene_id)
        segment = self.index.segments[place.segment]
        others = rankings.but(self.index, place, self._allowed())
        for kind, vectors in segment.vectors.items():
            vector = np.asarray(vectors.matrix[place.row], np.float32)
            yield self._alike(f"like-{kind}", kind, vector, segment.models[kind], others)

    def _words(self, asked: Wanted) -> Ranking:
        return rankings.by_words(
            self.index,
            asked,
            weight=self._weight("words"),
            weights=self.config.word_weights.model_dump(),
            choice=self.chosen,
            depth=self.depth,
        )

    def _alike(self, name: str, kind: str, query: Float32, model: str, allowed: Allowed) -> Ranking:
        ranking = Ranking(name, self._weight(kind), ())
        if not query.any():
            return ranking
        return rankings.by_likeness(
            self.index, query, ranking=ranking, kind=kind, model=model, allowed=allowed,
            depth=self.depth,
        )  # fmt: skip

    def _allowed(self) -> Allowed:
        return rankings.allowed_rows(self.index, self.chosen)

    def _weight(self, kind: str) -> float:
        return float(getattr(self.config.weights, kind))

    def _check_models(self, kind: str) -> None:
        """Vectors of one model cannot be compared with those of another.

        Errors:
            UsageError: no film's are of ours: the configuration is another one's.
        """
        ours = self.encoders.models[kind]
        others = [s for s in self.index.segments if s.models[kind] != ours]
        if not others:
            return
        told = (
            f"{VECTOR_STEPS[kind]} vectors come from {others[0].models[kind]}, "
            f"the query's would from {ours}"
        )
        if len(others) == len(self.index.segments):
            raise UsageError(
                f"this lake's {told}: give the configuration of the run with --profile or "
                f"--config, or leave them out with --set search.weights.{kind}=0"
            )
        self._tell_left_out(sum(len(s.members) for s in others), kind, told)

    def _tell_left_out(self, n_films: int, kind: str, told: str) -> None:
        films = "1 film is" if n_films == 1 else f"{n_films} films are"
        self.note(
            f"{films} not searched by what is {kind}: {told}; `scenelake run` with one "
            "configuration makes them alike"
        )


def _place_of(index: Index, scene_id: str) -> Place:
    """Where a scene is.

    Errors:
        UsageError: no film of the lake has it.
    """
    for number, segment in enumerate(index.segments):
        for member in segment.members:
            if scene_id.startswith(f"{member.video_id}-"):
                ids = segment.rows["scene_id"].slice(member.first, member.n_rows).to_pylist()
                if scene_id in ids:
                    return Place(number, member.first + ids.index(scene_id))
    raise UsageError(f"no scene {scene_id!r} in this lake; `scenelake search --json` tells ids")
