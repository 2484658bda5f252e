"""What came of a trial, against the truth: each metric with its interval of confidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from scenelake.pipeline.evaluation import cuts, transcription
from scenelake.pipeline.evaluation.bootstrap import Estimate, Sums, estimate, mean
from scenelake.pipeline.evaluation.own import judging
from scenelake.pipeline.evaluation.own.judging import Given, overlaps
from scenelake.pipeline.evaluation.own.queries import QUERY_KINDS, Query, Target
from scenelake.pipeline.evaluation.own.questions import KINDS, Asked, Kind
from scenelake.pipeline.evaluation.own.trial import Trial
from scenelake.pipeline.evaluation.own.truth import FilmTruth
from scenelake.pipeline.evaluation.records import Transcript
from scenelake.pipeline.evaluation.results import Group, Result

_PLACES = (1, 3, 10)

HEADLINES = {
    "wer": ("films", "wer"),
    "cuts_f1": ("films", "cuts_f1"),
    "said_first": ("search said", "hit@1"),
    "seen_in_3": ("search seen", "hit@3"),
    "spoken_fact": ("ask spoken_fact", "right"),
    "unanswerable": ("ask unanswerable", "right"),
    "citations_hold": ("quotes", "hold"),
}
"""Metric -> the part and metric that it is taken from."""


def score(
    trial: Trial,
    *,
    films: Sequence[FilmTruth],
    queries: Sequence[Query],
    questions: Sequence[Asked],
    n_resamples: int = 1000,
) -> Result:
    """All metrics, by parts: films, searches and questions by kind, citations."""
    sums: dict[str, Mapping[str, Sums]] = {"films": _of_films(trial, films)}
    for kind in QUERY_KINDS:
        found = [f for q, f in zip(queries, trial.found, strict=True) if q.kind == kind]
        asked = [q for q in queries if q.kind == kind]
        sums[f"search {kind}"] = _of_searches(asked, found)
    pairs = list(zip(questions, trial.given, strict=True))
    for name in KINDS:
        sums[f"ask {name}"] = _of_answers(name, [p for p in pairs if p[0].kind == name])
    sums["facts heard"] = _heard(questions, films, trial.heard)
    sums |= {"quotes": _of_quotes(pairs), "moments": _of_moments(pairs)}
    parts = {name: _group(part, n_resamples) for name, part in sums.items() if _n_items(part)}
    return Result("own", _headlines(parts), 0, {"part": parts})


def place(query: Query, found: Sequence[Target]) -> int | None:
    """At which place, from 1, a right scene is found; None for none."""
    right = (
        number
        for number, hit in enumerate(found, start=1)
        if any(hit.video == t.video and overlaps(hit.span, t.span) for t in query.targets)
    )
    return next(right, None)


def _of_films(trial: Trial, films: Sequence[FilmTruth]) -> Mapping[str, Sums]:
    truth = [Transcript(film.file, film.text) for film in films]
    rates = transcription.score(truth, trial.heard)
    cut = cuts.score([film.cuts_s for film in films], trial.cuts_s)
    return {"wer": rates["wer"], "cuts_f1": cut["f1"]}


def _of_searches(queries: Sequence[Query], found: Sequence[Sequence[Target]]) -> Mapping[str, Sums]:
    places = [place(query, hits) for query, hits in zip(queries, found, strict=True)]
    hits = {f"hit@{k}": mean([float(at is not None and at <= k) for at in places]) for k in _PLACES}
    return hits | {"mrr": mean([1 / at if at else 0.0 for at in places])}


_MORE: Mapping[Kind, Mapping[str, Callable[[Asked, Given], float]]] = {
    "spoken_fact": {"exact": judging.exact, "token_f1": judging.f1},
    "screen_text": {"exact": judging.exact, "token_f1": judging.f1},
    "whole_film": {"topics": judging.topics},
}
"""What else is measured of some kinds of questions."""


def _of_answers(kind: Kind, pairs: Sequence[tuple[Asked, Given]]) -> Mapping[str, Sums]:
    metrics = {"right": judging.is_right, **_MORE.get(kind, {})}
    return {name: _mean(pairs, metric) for name, metric in metrics.items()}


def _heard(
    questions: Sequence[Asked], films: Sequence[FilmTruth], heard: Sequence[str]
) -> Mapping[str, Sums]:
    """Of how many spoken facts the answer was heard right: nobody can tell more than that."""
    texts = {film.file: text for film, text in zip(films, heard, strict=True)}
    facts = [question for question in questions if question.kind == "spoken_fact"]
    return {"answers": mean([_is_heard(fact, texts[fact.video]) for fact in facts])}


def _is_heard(fact: Asked, text: str) -> float:
    return float(any(judging.contains(text, answer) for answer in fact.answers))


def _of_quotes(pairs: Sequence[tuple[Asked, Given]]) -> Mapping[str, Sums]:
    """Over answers that quote, or that cite nothing: whether all quotes stand in their scenes."""
    held = [judging.holds(given) for _, given in pairs if given.is_told]
    return {"hold": mean([float(one) for one in held if one is not None])}


def _of_moments(pairs: Sequence[tuple[Asked, Given]]) -> Mapping[str, Sums]:
    """Over answers to what is told: whether a citation is of a moment that tells it."""
    told = [(asked, given) for asked, given in pairs if given.is_told and asked.spans]
    return {"point": mean([float(any(c.points(q) for c in given.cited)) for q, given in told])}


def _mean(pairs: Sequence[tuple[Asked, Given]], metric: Callable[[Asked, Given], float]) -> Sums:
    return mean([float(metric(asked, given)) for asked, given in pairs])


def _n_items(part: Mapping[str, Sums]) -> int:
    return max(len(metric.items) for metric in part.values())


def _group(part: Mapping[str, Sums], n_resamples: int) -> Group:
    metrics = {name: estimate(metric, n_resamples=n_resamples) for name, metric in part.items()}
    return Group(_n_items(part), metrics)


def _headlines(parts: Mapping[str, Group]) -> Group:
    found: dict[str, Estimate] = {
        name: parts[part].metrics[metric]
        for name, (part, metric) in HEADLINES.items()
        if part in parts
    }
    return Group(sum(group.n for group in parts.values()), found)
