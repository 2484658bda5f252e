"""Predictions from a lake: what it says, cuts, tells, answers and finds.

The truth names films its own way: a film of the lake goes by its id, by its file's name, and
by that without its ending ("v_" before it aside, as ActivityNet's files have).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from scenelake.pipeline.evaluation.answers import Reply
from scenelake.pipeline.evaluation.grounding import Told
from scenelake.pipeline.evaluation.predictions import Telling
from scenelake.pipeline.evaluation.records import Moment, Search, Span
from scenelake.pipeline.lake import Lake
from scenelake.schemas.config import Config

SEARCH_DEPTH = 100
_EVIDENCE = ("scene_id", "transcript", "translation", "ocr", "labels", "audio_events")


def films(lake: Lake) -> dict[str, str]:
    """Each name that a film goes by -> its id; a name of several films is nobody's."""
    owners: dict[str, set[str]] = {}
    for row in lake.videos().select(["video_id", "uri"]).to_pylist():
        file = PurePosixPath(row["uri"])
        names = row["video_id"], file.name, file.stem, file.stem.removeprefix("v_")
        for name in names:
            owners.setdefault(name, set()).add(row["video_id"])
    return {name: next(iter(ids)) for name, ids in owners.items() if len(ids) == 1}


def texts(lake: Lake, wanted: Iterable[str]) -> dict[str, str]:
    """What is said in each wanted film that is there."""
    scenes = _scenes(lake, wanted, columns=["transcript"])
    return {
        name: " ".join(row["transcript"] for row in rows if row["transcript"])
        for name, rows in scenes
    }


def cuts(lake: Lake, wanted: Iterable[str]) -> dict[str, tuple[float, ...]]:
    """When each wanted film that is there cuts."""
    names = films(lake)
    videos = lake.videos().select(["video_id", "cuts_s"]).to_pylist()
    known = {row["video_id"]: tuple(row["cuts_s"]) for row in videos}
    return {name: known[names[name]] for name in wanted if name in names}


def tellings(lake: Lake, wanted: Iterable[str]) -> dict[str, list[Telling]]:
    """Each wanted film's summary, where it has one, and descriptions of its scenes."""
    names = films(lake)
    videos = lake.videos().select(["video_id", "summary"]).to_pylist()
    summaries = {row["video_id"]: row["summary"] for row in videos}
    found: dict[str, list[Telling]] = {}
    for name, rows in _scenes(lake, wanted, columns=["start_s", "end_s", "description"]):
        summary = summaries[names[name]]
        whole: list[Telling] = [(None, summary)] if summary else []
        found[name] = whole + [((r["start_s"], r["end_s"]), r["description"]) for r in rows]
    return found


def replies(lake: Lake) -> dict[str, Reply]:
    """The answers table, by question; of several answers to one the last."""
    return {
        row["question_id"]: Reply(answer=row["answer"] or "", choice=row["choice"])
        for row in answers(lake)
    }


def answers(lake: Lake) -> list[dict[str, Any]]:
    """Rows of the answers table in the order in which they were made."""
    found: list[dict[str, Any]] = []
    for name in lake.folder.names("answers"):
        with lake.folder.parquet(f"answers/{name}") as file:
            found += file.read().to_pylist()
    return sorted(found, key=lambda row: row["provenance"]["created_at"])


def rankings(
    lake: Lake, wanted: Sequence[Search], config: Config
) -> tuple[list[Search], dict[str, list[str]]]:
    """The same searches for what the lake calls films and scenes, and what it finds.

    Of a search with spans, a scene is right that shares at least half of itself or of a span;
    of one without, the film.
    """
    names = films(lake)
    here = [search for search in wanted if search.relevant & names.keys()]
    ours = {search.query_id: _in_lake(lake, search, names) for search in here}
    found = {
        query_id: [
            hit.scene_id if search.spans else hit.video_id
            for hit in lake.search(search.query, k=SEARCH_DEPTH, config=config)
        ]
        for query_id, search in ours.items()
    }
    return [ours.get(search.query_id, search) for search in wanted], found


def spans(lake: Lake, wanted: Sequence[Moment], config: Config) -> dict[str, list[Span]]:
    """Scenes of the moment's own film that a search for it finds, best first."""
    names = films(lake)
    n_scenes = sum(lake.videos()["n_scenes"].to_pylist())
    found: dict[str, list[Span]] = {}
    for moment in wanted:
        if moment.video_id in names:
            hits = lake.search(moment.query, k=max(1, n_scenes), config=config)
            own = [hit for hit in hits if hit.video_id == names[moment.video_id]]
            found[moment.query_id] = [(hit.start_s, hit.end_s) for hit in own]
    return found


def told(lake: Lake) -> list[Told]:
    """All descriptions and answers of a lake, with the evidence of their scenes."""
    found: list[Told] = []
    evidence: dict[str, tuple[str, ...]] = {}
    cited = {c["scene_id"] for row in answers(lake) for c in row["citations"] or ()}
    columns = [*_EVIDENCE, "description", "grounded"]
    for video_id in lake.videos()["video_id"].to_pylist():
        for scene in lake.scenes(columns=columns, video_id=video_id).to_pylist():
            pieces = _evidence(scene)
            if scene["scene_id"] in cited:
                evidence[scene["scene_id"]] = pieces
            found.append(Told(scene["description"] or "", pieces, "description", scene["grounded"]))
    return found + [_told_answer(row, evidence) for row in answers(lake)]


def _scenes(
    lake: Lake, wanted: Iterable[str], *, columns: list[str]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of each wanted film that is there, one film at a time."""
    names = films(lake)
    for name in wanted:
        if name in names:
            yield name, lake.scenes(columns=columns, video_id=names[name]).to_pylist()


def _in_lake(lake: Lake, search: Search, names: Mapping[str, str]) -> Search:
    ids = frozenset(names[name] for name in search.relevant if name in names)
    if not search.spans:
        return replace(search, relevant=ids)
    columns = ["scene_id", "start_s", "end_s"]
    scenes = [r for v in ids for r in lake.scenes(columns=columns, video_id=v).to_pylist()]
    right = [
        row["scene_id"]
        for row in scenes
        if any(_shares_half((row["start_s"], row["end_s"]), span) for span in search.spans)
    ]
    return replace(search, relevant=frozenset(right) or ids)


def _shares_half(a: Span, b: Span) -> bool:
    shared_s = min(a[1], b[1]) - max(a[0], b[0])
    return shared_s >= 0 and shared_s >= min(a[1] - a[0], b[1] - b[0]) / 2


def _evidence(scene: Mapping[str, Any]) -> tuple[str, ...]:
    lines = [line["text"] for line in scene["ocr"]]
    names = [label["name"] for label in (*scene["labels"], *scene["audio_events"])]
    pieces = scene["transcript"], scene["translation"], *lines, *names
    return tuple(piece for piece in pieces if piece)


def _told_answer(row: Mapping[str, Any], evidence: Mapping[str, tuple[str, ...]]) -> Told:
    citations = row["citations"] or ()
    quoted = tuple((c["quote"], evidence.get(c["scene_id"], ())) for c in citations)
    pieces = tuple(piece for _, scene in quoted for piece in scene)
    return Told(row["answer"] or "", pieces, "answer", bool(row["grounded"]), quoted)
