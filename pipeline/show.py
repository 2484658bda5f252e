"""A lake for reading in a terminal: its films, or one film's scenes."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from scenelake.pipeline.lake import Lake
from scenelake.pipeline.watching.progress import clock
from scenelake.schemas.tables import VIDEOS

_SCENE_COLUMNS = (
    "scene_id",
    "index",
    "start_s",
    "end_s",
    "title",
    "description",
    "mood",
    "labels",
    "ocr",
    "transcript",
    "grounded",
    "language",
)
_VIDEO_COLUMNS = tuple(name for name in VIDEOS.names if name != "provenance")


def lake_json(lake: Lake) -> dict[str, Any]:
    """Films and failures of a lake."""
    return {
        "videos": lake.videos().select(_VIDEO_COLUMNS).to_pylist(),
        "failures": [{**row, "at": row["at"].isoformat()} for row in lake.failures().to_pylist()],
    }


def video_json(lake: Lake, name: str) -> dict[str, Any]:
    """One film and its scenes."""
    video = lake.find_video(name)
    provenance = video.pop("provenance")
    return {
        **video,
        "models": dict(provenance["models"]),
        "scenes": lake.scenes(columns=_SCENE_COLUMNS, video_id=video["video_id"]).to_pylist(),
    }


def lake_text(shown: dict[str, Any]) -> str:
    """`lake_json` as lines."""
    lines = [_video_line(video) for video in shown["videos"]]
    lines += [f"failed: {f['uri']} ({f['stage']}, {f['message']})" for f in shown["failures"]]
    return "\n".join(lines) or "The lake is empty."


def video_text(shown: dict[str, Any]) -> str:
    """`video_json` as lines."""
    lines = [_video_line(shown), f"  {shown['uri']}"]
    lines += [f"  warning: {warning}" for warning in shown["warnings"]]
    lines += _summary_lines(shown)
    for scene in shown["scenes"]:
        lines += ["", f"{span(scene['start_s'], scene['end_s'])}  {scene['title']}"]
        labels = ", ".join(f"{x['name']} {x['score']:.2f}" for x in scene["labels"])
        said = {
            "": scene["description"],
            "mood: ": scene["mood"],
            "seen: ": labels,
            "on screen: ": " / ".join(x["text"] for x in scene["ocr"]),
            "said: ": scene["transcript"],
        }
        lines += [f"    {what}{text}" for what, text in said.items() if text]
    return "\n".join(lines)


def _summary_lines(shown: dict[str, Any]) -> list[str]:
    chapters = [f"    {clock(c['start_s'])}  {c['title']}" for c in shown["chapters"] or ()]
    summary = [f"  {shown['summary']}"] if shown["summary"] else []
    return [*summary, *(["  chapters:", *chapters] if chapters else [])]


def span(start_s: float, end_s: float) -> str:
    return f"{clock(start_s)}-{clock(end_s)}"


def _video_line(video: dict[str, Any]) -> str:
    name = PurePosixPath(video["uri"]).name
    facts = [f"{video['n_scenes']} scenes", clock(video["duration_s"])]
    if video["language"]:
        facts.append(video["language"])
    if video["warnings"]:
        facts.append(f"{len(video['warnings'])} warnings")
    return f"{video['video_id']}  {name}  ({', '.join(facts)})"
