"""Texts to search a lake for, and the scenes that should be found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from scenelake.pipeline.evaluation.own.script import Script, written
from scenelake.pipeline.evaluation.own.truth import FilmTruth
from scenelake.pipeline.evaluation.records import Span

QueryKind = Literal["said", "seen", "written"]
QUERY_KINDS: tuple[QueryKind, ...] = ("said", "seen", "written")


@dataclass(frozen=True, slots=True)
class Target:
    """A part of a film that should be found."""

    video: str
    start_s: float
    end_s: float

    @property
    def span(self) -> Span:
        return self.start_s, self.end_s


@dataclass(frozen=True, slots=True)
class Query:
    """A text to search for: about what is said, seen or written on the screen."""

    query_id: str
    kind: QueryKind
    query: str
    targets: tuple[Target, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"relevant": sorted({target.video for target in self.targets})}


def queries(scripts: Sequence[Script], films: Sequence[FilmTruth]) -> list[Query]:
    """All queries of all films; a text that fits several scenes has all of them as targets."""
    targets: dict[tuple[QueryKind, str], list[Target]] = {}
    for script, film in zip(scripts, films, strict=True):
        for kind, text, target in _of_film(script, film):
            targets.setdefault((kind, text), []).append(target)
    return [
        Query(f"{films[0].name.rpartition('-')[0]}-{kind}-{number:03}", kind, text, tuple(found))
        for number, ((kind, text), found) in enumerate(sorted(targets.items(), key=_order))
    ]


def write(asked: Iterable[Query], path: Path) -> None:
    lines = [json.dumps(one.to_json(), ensure_ascii=False) for one in asked]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _of_film(script: Script, film: FilmTruth) -> Iterator[tuple[QueryKind, str, Target]]:
    for scene, known in zip(script.scenes, film.scenes, strict=True):
        target = Target(film.file, known.start_s, known.end_s)
        for text in scene.passage.search:
            yield "said", written(text, scene.values), target
        for text in scene.picture.search:
            yield "seen", text, target
        if known.screen_text:
            yield "written", known.screen_text, target


def _order(item: tuple[tuple[QueryKind, str], list[Target]]) -> int:
    """By kind; in a kind, as the films tell it."""
    return QUERY_KINDS.index(item[0][0])
