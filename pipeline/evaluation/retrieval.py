"""Rankings against what should be found, by trec_eval's own code (pytrec_eval)."""

from __future__ import annotations

from collections.abc import Sequence

from scenelake.pipeline.evaluation.bootstrap import Sums, mean
from scenelake.pipeline.evaluation.libraries import library
from scenelake.pipeline.evaluation.records import Search

_CUTS = (1, 3, 5, 10)
_NAMES = {
    **{f"recall_{k}": f"recall@{k}" for k in _CUTS},
    **{f"success_{k}": f"hit@{k}" for k in _CUTS},
    "recip_rank": "mrr",
    "ndcg_cut_10": "ndcg@10",
}


def score(truth: Sequence[Search], found: Sequence[Sequence[str]]) -> dict[str, Sums]:
    """`recall@k`, `hit@k` (any of them among the first k), `mrr` and `ndcg@10`.

    Args:
        found: ids for each query, best first; a query for which nothing was found counts 0.
    """
    cuts = ",".join(map(str, _CUTS))
    measures = {f"recall.{cuts}", f"success.{cuts}", "recip_rank", "ndcg_cut.10"}
    names = [str(i) for i in range(len(truth))]
    wanted = {
        name: dict.fromkeys(search.relevant, 1) for name, search in zip(names, truth, strict=True)
    }
    run = {name: _scores(ids) for name, ids in zip(names, found, strict=True) if ids}
    by_query = library("pytrec_eval").RelevanceEvaluator(wanted, measures).evaluate(run)
    return {
        ours: mean([by_query.get(name, {}).get(theirs, 0.0) for name in names])
        for theirs, ours in _NAMES.items()
    }


def _scores(ids: Sequence[str]) -> dict[str, float]:
    """trec_eval sorts by score; an id that comes again counts where it came first."""
    unique = list(dict.fromkeys(ids))
    return {name: float(len(unique) - place) for place, name in enumerate(unique)}
