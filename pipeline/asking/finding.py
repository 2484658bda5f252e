"""The one door from asking to searching."""

from __future__ import annotations

from collections.abc import Sequence

from scenelake.pipeline.lake import Lake
from scenelake.pipeline.retrieval.filters import Filters
from scenelake.pipeline.retrieval.search import Query, Searcher
from scenelake.schemas.config import Config


class Finder:
    """Finds scenes for questions; index and models stay open between them."""

    def __init__(self, lake: Lake, *, config: Config) -> None:
        self._searcher = Searcher(lake, config=config)
        self._k = config.answer.n_scenes

    def find(self, text: str, *, video_id: str | None) -> Sequence[tuple[str, str, float]]:
        """Film, scene and score of the scenes that fit a text best, best first.

        What a question quotes need not stand in a scene as it is: quotation marks go.

        Errors:
            UsageError: an empty text, an empty lake, or a lake of other models' vectors.
        """
        filters = Filters(video_ids=(video_id,) if video_id else ())
        bare = text.translate(_NO_QUOTES)
        hits = self._searcher.search(Query(bare), k=self._k, filters=filters)
        return [(hit.video_id, hit.scene_id, hit.score) for hit in hits]


_NO_QUOTES = str.maketrans(dict.fromkeys('"\u201c\u201d\u201e\u00ab\u00bb', " "))
