"""Captions and moments as their data sets publish them.

MSR-VTT (Xu et al. 2016), ActivityNet-Captions (Krishna et al. 2017), QVHighlights (Lei et
al. 2021), and scenelake's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scenelake.pipeline.evaluation.reading import Row, document, entry, rows
from scenelake.pipeline.evaluation.records import Caption, Moment, Span


def msr_vtt(path: Path) -> Iterator[Caption]:
    """One JSON object; its `sentences` are about whole films."""
    for index, values in enumerate(document(path)["sentences"]):
        row = entry(path, index, values, of="sentence")
        yield Caption(
            caption_id=row.text("sen_id"), video_id=row.text("video_id"), text=row.text("caption")
        )


def activitynet_captions(path: Path) -> Iterator[Caption]:
    """One JSON object: film -> `timestamps` and `sentences` of one length."""
    for row in rows(path):
        spans, sentences = row.spans("timestamps"), row.texts("sentences")
        if len(spans) != len(sentences):
            what = f"{len(spans)}, but sentences are {len(sentences)}"
            raise row.wrong("timestamps", what)
        for index, (span, text) in enumerate(zip(spans, sentences, strict=True)):
            video_id = row.text("id")
            yield _spanned(row, f"{video_id}#{index}", video_id, text, span)


def own_captions(path: Path) -> Iterator[Caption]:
    """Rows with `video_id` and `text`; `start_s` and `end_s` where it is of a span."""
    for index, row in enumerate(rows(path)):
        name = row.text("caption_id") if "caption_id" in row else str(index)
        has_span = "start_s" in row or "end_s" in row
        span = (row.seconds("start_s"), row.seconds("end_s")) if has_span else None
        yield _spanned(row, name, row.text("video_id"), row.text("text"), span)


def qv_highlights(path: Path) -> Iterator[Moment]:
    """JSON lines with a query each."""
    for row in rows(path):
        yield _moment(row, row.text("qid"), row.text("vid"), row.spans("relevant_windows"))


def own_moments(path: Path) -> Iterator[Moment]:
    """Rows with `query_id`, `query`, `video_id` and `spans`."""
    for row in rows(path):
        yield _moment(row, row.text("query_id"), row.text("video_id"), row.spans("spans"))


CAPTION_READERS: Mapping[str, Callable[[Path], Iterator[Caption]]] = {
    "MSR-VTT": msr_vtt,
    "ActivityNet-Captions": activitynet_captions,
    "scenelake captions": own_captions,
}
MOMENT_READERS: Mapping[str, Callable[[Path], Iterator[Moment]]] = {
    "QVHighlights": qv_highlights,
    "scenelake queries": own_moments,
}


def _spanned(row: Row, caption_id: str, video_id: str, text: str, span: Span | None) -> Caption:
    return row.build(lambda: Caption(caption_id, video_id, text, span))


def _moment(row: Row, query_id: str, video_id: str, spans: tuple[Span, ...]) -> Moment:
    return row.build(lambda: Moment(query_id, row.text("query"), video_id, spans))
