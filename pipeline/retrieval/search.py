"""Finds scenes by a text, a picture or another scene."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from scenelake.pipeline.retrieval.choice import choice
from scenelake.pipeline.retrieval.collapse import Group, collapse
from scenelake.pipeline.retrieval.encoders import Encoders
from scenelake.pipeline.retrieval.evidence import Evidence
from scenelake.pipeline.retrieval.explain import reasons, snippet
from scenelake.pipeline.retrieval.filters import EVERYTHING, Filters
from scenelake.pipeline.retrieval.fuse import Ranking, fuse
from scenelake.pipeline.retrieval.hits import Found, Hit
from scenelake.pipeline.retrieval.index import Index
from scenelake.pipeline.retrieval.keeper import Note
from scenelake.pipeline.retrieval.places import CurrentIndex
from scenelake.pipeline.retrieval.wanted import Wanted, wanted
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError
from scenelake.workers.blas import one_thread

if TYPE_CHECKING:
    from scenelake.pipeline.lake import Lake

logger = logging.getLogger(__name__)

__all__ = ["Found", "Hit", "Query", "Searcher", "search"]


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; what is given beside a text narrows nothing, it is one more ranking.

    Attributes:
        text: words, or a description; what is in quotation marks must be there as it stands.
        image: a picture file.
        like: the id of a scene, which is not found itself.
    """

    text: str = ""
    image: Path | None = None
    like: str | None = None

    def __post_init__(self) -> None:
        if not (self.text.strip() or self.image or self.like):
            raise UsageError("search: the text is empty")


def search(
    lake: Lake,
    text: str,
    *,
    k: int,
    config: Config,
    filters: Filters = EVERYTHING,
) -> list[Hit]:
    """The `k` best scenes for a text, best first; see :class:`Searcher` for more."""
    return Searcher(lake, config=config).search(Query(text), k=k, filters=filters)


class Searcher:
    """Searches a lake, again and again: index and models stay open.

    It may be used by several threads. Every search sees all films that are whole in the lake
    when it begins.

    Args:
        note: is given a sentence when a search takes long or must leave something out.
    """

    def __init__(
        self, lake: Lake, *, config: Config | None = None, note: Note | None = None
    ) -> None:
        self._lake = lake
        self._config = config or Config()
        self._note = note or logger.warning
        self._encoders = Encoders(self._config)
        self._current = CurrentIndex(lake.folder, note=self._note)

    def search(self, query: Query, *, k: int = 10, filters: Filters = EVERYTHING) -> list[Hit]:
        """The `k` best scenes, best first; fewer where fewer fit.

        Errors:
            UsageError: an empty lake, no such picture or scene, or a lake that was made by
                other models altogether.
        """
        index = self._index()
        with one_thread():
            return self._found(index, query, k=k, filters=filters)

    def video_id(self, name: str) -> str:
        """The one film whose id begins with `name`, or whose file has that name.

        As :meth:`scenelake.pipeline.lake.Lake.find_video`, without reading every film.

        Errors:
            UsageError: none, or more than one.
        """
        films = list(self._index().films())
        exact = [f for f in films if name in (f.video_id, f.uri, PurePosixPath(f.uri).name)]
        found = exact or [f for f in films if f.video_id.startswith(name)]
        if len(found) != 1:
            count = "no film" if not found else f"{len(found)} films"
            where = self._lake.folder.uri
            raise UsageError(f"{where}: {count} named {name!r}; `scenelake show` lists them")
        return found[0].video_id

    def _found(self, index: Index, query: Query, *, k: int, filters: Filters) -> list[Hit]:
        asked, settings = wanted(query.text), self._config.search
        evidence = Evidence(
            index=index,
            encoders=self._encoders,
            config=settings,
            chosen=choice(filters, index.segments),
            depth=max(k, settings.depth),
            note=self._note,
        )
        rankings = _rankings(evidence, query, asked)
        fused = fuse(rankings, offset=settings.rank_offset, order=index.order)
        groups = collapse(
            fused, index, k=k, within_s=settings.fold_within_s, alike=settings.fold_alike
        )
        return [_hit(index, group, asked) for group in groups]

    def _index(self) -> Index:
        index = self._current.get()
        if not index.segments:
            self._lake.check()
            raise UsageError(f"{self._lake.folder.uri}: holds no film yet")
        return index


def _rankings(evidence: Evidence, query: Query, asked: Wanted) -> Iterator[Ranking]:
    if query.text.strip():
        yield from evidence.of_text(query.text, asked)
    if query.image is not None:
        yield from evidence.of_image(query.image)
    if query.like is not None:
        yield from evidence.of_scene(query.like)


def _hit(index: Index, group: Group, asked: Wanted) -> Hit:
    best = group.best
    row, member = index.row(best.place), index.member(best.place)
    return Hit(
        video_id=member.video_id,
        uri=member.uri,
        scene_id=row["scene_id"],
        start_s=row["start_s"],
        end_s=row["end_s"],
        score=best.score,
        title=row["title"],
        description=row["description"],
        snippet=snippet(row, asked),
        folded=tuple(index.row(other.place)["scene_id"] for other in group.others),
        why=reasons(best.entries, row, asked),
    )
