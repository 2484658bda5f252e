"""The tasks: truth and predictions brought to the same items, scored, summed up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from scenelake.pipeline.evaluation import (
    answers,
    cuts,
    data_sets,
    description,
    from_lake,
    grounding,
    moments,
    predictions,
    retrieval,
    transcription,
)
from scenelake.pipeline.evaluation.bootstrap import Sums
from scenelake.pipeline.evaluation.predictions import Telling
from scenelake.pipeline.evaluation.records import Caption, Span
from scenelake.pipeline.evaluation.results import Result, summarise
from scenelake.pipeline.lake import Lake
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError

T = TypeVar("T")
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Request:
    """What is compared with what, and how.

    Attributes:
        predictions, lake: one of the two.
        skip_missing: items without a prediction are left out; else they count as wrong.
        config: of a lake's searches.
    """

    truth: Path | None = None
    predictions: Path | None = None
    lake: Lake | None = None
    skip_missing: bool = False
    language: str = "en"
    tolerance_s: float = cuts.TOLERANCE_S
    config: Config = field(default_factory=Config)
    n_resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Matched(Generic[T, P]):
    """Items and their predictions, one for one."""

    items: list[T]
    found: list[P]
    n_missing: int


def evaluate(task: str, request: Request) -> Result:
    """Score a task.

    Errors:
        UsageError: truth or predictions are missing, wrong or of different films; a library
            is not installed.
    """
    if (request.predictions is None) == (request.lake is None):
        raise UsageError("give either --predictions FILE or --lake LAKE")
    if request.truth is None and task != "grounding":
        raise UsageError("give --truth FILE")
    return TASKS[task](request)


def transcribed(request: Request) -> Result:
    truth = data_sets.transcripts(_truth(request), language=request.language)
    ids = [film.video_id for film in truth]
    lake, file = request.lake, request.predictions
    found = from_lake.texts(lake, ids) if lake else predictions.texts(_given(file))
    matched = _match(truth, ids, found, nothing="", request=request)
    sums = transcription.score(matched.items, matched.found)
    by = {"language": [film.language for film in matched.items]}
    return _result("transcription", sums, matched, request, by=by)


def cut(request: Request) -> Result:
    truth = data_sets.cuts(_truth(request))
    ids = [film.video_id for film in truth]
    lake, file = request.lake, request.predictions
    found = from_lake.cuts(lake, ids) if lake else predictions.cuts(_given(file))
    matched = _match(truth, ids, found, nothing=(), request=request)
    true = [film.cuts_s for film in matched.items]
    sums = cuts.score(true, matched.found, tolerance_s=request.tolerance_s)
    return _result("cuts", sums, matched, request)


def described(request: Request) -> Result:
    wanted = _references(data_sets.captions(_truth(request)))
    films = dict.fromkeys(film for film, _ in wanted)
    lake, file = request.lake, request.predictions
    told = from_lake.tellings(lake, films) if lake else predictions.tellings(_given(file))
    items = list(wanted.items())
    found = {
        str(i): fitting(told[film], span) for i, (film, span) in enumerate(wanted) if film in told
    }
    ids = [str(i) for i in range(len(items))]
    matched = _match(items, ids, found, nothing="", request=request)
    sums = description.score([texts for _, texts in matched.items], matched.found)
    return _result("description", sums, matched, request)


def answered(request: Request) -> Result:
    truth = data_sets.questions(_truth(request))
    ids = [question.question_id for question in truth]
    lake, file = request.lake, request.predictions
    found = from_lake.replies(lake) if lake else predictions.replies(_given(file))
    matched = _match(truth, ids, found, nothing=answers.Reply(), request=request)
    sums = answers.score(matched.items, matched.found)
    by = {"kind": [question.kind for question in matched.items]}
    return _result("answers", sums, matched, request, by=by)


def retrieved(request: Request) -> Result:
    truth = data_sets.searches(_truth(request))
    ids = [search.query_id for search in truth]
    found: Mapping[str, Sequence[str]]
    if request.lake:
        truth, found = from_lake.rankings(request.lake, truth, request.config)
    else:
        found = predictions.rankings(_given(request.predictions))
    matched = _match(truth, ids, found, nothing=(), request=request)
    sums = retrieval.score(matched.items, matched.found)
    return _result("retrieval", sums, matched, request)


def located(request: Request) -> Result:
    truth = data_sets.moments(_truth(request))
    ids = [moment.query_id for moment in truth]
    lake, file = request.lake, request.predictions
    found = (
        from_lake.spans(lake, truth, request.config) if lake else predictions.spans(_given(file))
    )
    matched = _match(truth, ids, found, nothing=[], request=request)
    sums = moments.score([moment.spans for moment in matched.items], matched.found)
    return _result("moments", sums, matched, request)


def grounded(request: Request) -> Result:
    if request.lake is None:
        raise UsageError("grounding looks at the evidence of scenes: give --lake LAKE")
    told = from_lake.told(request.lake)
    if not told:
        raise UsageError("grounding: the lake tells nothing yet")
    matched = Matched(told, told, 0)
    by = {"text": [text.kind for text in told]}
    return _result("grounding", grounding.score(told), matched, request, by=by)


TASKS: Mapping[str, Callable[[Request], Result]] = {
    "transcription": transcribed,
    "cuts": cut,
    "description": described,
    "answers": answered,
    "retrieval": retrieved,
    "moments": located,
    "grounding": grounded,
}


def fitting(told: Sequence[Telling], span: Span | None) -> str:
    """What is told of a span: the telling that overlaps it best; else that of the whole film.

    Of a whole film: what is told of it as a whole, else all that is told, in order.
    """
    whole = [text for where, text in told if where is None]
    if span is not None:
        parts = [(moments.iou(span, where), text) for where, text in told if where is not None]
        overlap, text = max(parts, key=lambda part: part[0], default=(0.0, ""))
        if overlap > 0:
            return text
    return " ".join(whole or [text for _, text in told])


def _match(
    items: Sequence[T],
    ids: Sequence[str],
    found: Mapping[str, P],
    *,
    nothing: P,
    request: Request,
) -> Matched[T, P]:
    """Each item with its prediction; what is predicted of nothing that is known is ignored."""
    there = [name in found for name in ids]
    if not any(there):
        where = request.lake.folder.uri if request.lake else request.predictions
        wanted = ", ".join(ids[:3])
        raise UsageError(f"{where}: nothing in it is about what {request.truth} asks ({wanted}, …)")
    kept = [i for i, is_there in enumerate(there) if is_there or not request.skip_missing]
    return Matched(
        [items[i] for i in kept],
        [found.get(ids[i], nothing) for i in kept],
        there.count(False),
    )


def _result(
    task: str,
    sums: Mapping[str, Sums],
    matched: Matched[T, P],
    request: Request,
    *,
    by: Mapping[str, Sequence[str]] | None = None,
) -> Result:
    return summarise(
        task,
        sums,
        n_missing=matched.n_missing,
        by=by,
        n_resamples=request.n_resamples,
        seed=request.seed,
    )


def _references(captions: Sequence[Caption]) -> dict[tuple[str, Span | None], list[str]]:
    """Sentences about the same film and span belong together."""
    found: dict[tuple[str, Span | None], list[str]] = {}
    for caption in captions:
        found.setdefault((caption.video_id, caption.span), []).append(caption.text)
    return found


def _truth(request: Request) -> Path:
    if request.truth is None:
        raise UsageError("give --truth FILE")
    return request.truth


def _given(path: Path | None) -> Path:
    if path is None:
        raise UsageError("give --predictions FILE")
    return path
