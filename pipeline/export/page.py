"""A film as one HTML file that needs nothing else: no script, no network, no other file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from scenelake.pipeline.export.chapters import chapters_of
from scenelake.pipeline.export.film import Film
from scenelake.pipeline.export.outline import Outline, outline
from scenelake.pipeline.export.page_scene import scene_card
from scenelake.pipeline.export.page_text import (
    PAGE_END,
    encoded,
    numbers,
    page_start,
    section,
    text,
)
from scenelake.pipeline.export.pictures import data_url
from scenelake.pipeline.export.timeline import scene_at, seen_bars, timeline
from scenelake.pipeline.watching.progress import clock
from scenelake.schemas.rows import Chapter

_COLUMNS = (
    *("index", "start_s", "end_s", "title", "description", "mood", "labels", "ocr", "words"),
    *("translation", "audio_events", "language", "grounded"),
    *("keyframes.list.element.time_s", "keyframes.list.element.jpeg"),
)
_MANY_SCENES = 300
_COVER_WIDTH = 300


def write_page(film: Film, file: BinaryIO) -> str | None:
    """Write a film's page; gives a small picture of it as a data URL, if there is any.

    Scenes go out as they are read. Of films with many scenes each shows one picture, smaller.

    Errors:
        LakeError: the film cannot be read.
    """
    told = outline(film)
    file.write(encoded(page_start(film.name) + _top(film, told)))
    many, cover = len(told.scenes) > _MANY_SCENES, None
    for scene in film.scenes(_COLUMNS):
        file.write(encoded(scene_card(scene, few_pictures=many)))
        if cover is None and scene["keyframes"]:
            cover = data_url(scene["keyframes"][0]["jpeg"], max_width=_COVER_WIDTH)
    file.write(encoded(section("Where this comes from", _origins(film.row, told)) + PAGE_END))
    return cover


def film_title(row: Mapping[str, Any]) -> str:
    return PurePosixPath(row["uri"]).name


def _top(film: Film, told: Outline) -> str:
    row = film.row
    own = chapters_of(row, ()) if row["chapters"] else []
    lanes = timeline(told, chapters=own, cuts_s=row["cuts_s"] or ())
    parts = [
        f"<h1>{text(film_title(row))}</h1>\n",
        numbers(_facts(row, told)),
        _warnings(row["warnings"] or ()),
        f'<p dir="auto">{text(row["summary"])}</p>\n' if row["summary"] else "",
        section("Timeline", f'<div class="card">{lanes}</div>' if lanes else ""),
        section("Chapters", _chapters(own, told)),
        section("Seen most", seen_bars(told.most_seen())),
        "<h2>Scenes</h2>\n",
    ]
    return "".join(parts)


def _facts(row: Mapping[str, Any], told: Outline) -> Iterator[tuple[str, str]]:
    yield "long", clock(row["duration_s"])
    yield "scenes", f"{row['n_scenes']:,}"
    if told.word_times_s:
        yield "words", f"{len(told.word_times_s):,}"
    if row["language"]:
        yield "language", row["language"]
    if row["has_video"]:
        yield "picture", f"{row['width']}x{row['height']}"
    if row["fps"]:
        yield "fps", f"{row['fps']:.5g}"
    yield "coded as", ", ".join(filter(None, (row["video_codec"], row["audio_codec"])))
    yield "file", f"{row['n_bytes'] / 1e6:,.1f} MB"


def _warnings(warnings: Sequence[str]) -> str:
    listed = "".join(f"<li>{text(warning)}</li>" for warning in warnings)
    return f'<ul class="warnings">{listed}</ul>\n' if listed else ""


def _chapters(chapters: Sequence[Chapter], told: Outline) -> str:
    listed = "".join(
        f'<li><time>{clock(chapter.start_s)}</time><a dir="auto" '
        f'href="#scene-{scene_at(told, chapter.start_s)}">{text(chapter.title)}</a></li>'
        for chapter in chapters
    )
    return f'<ol class="chapters">{listed}</ol>' if listed else ""


def _origins(row: Mapping[str, Any], told: Outline) -> str:
    """Who wrote what is on the page: models, their revisions, the run."""
    by = row["provenance"]
    described = f"{told.n_told} of {len(told.scenes)} written by a model and checked against "
    rows = [
        ("film", row["uri"]),
        ("video id", row["video_id"]),
        ("written by", f"scenelake {by['version']}, {by['created_at']:%Y-%m-%d %H:%M} UTC"),
        ("run", by["run_id"]),
        ("descriptions", described + "the scene; the others are what was recognised"),
        *((f"model: {step}", model) for step, model in by["models"]),
        *((f"configuration: {family}", digest) for family, digest in by["configs"]),
    ]
    if by["prompt_hash"]:
        rows.append(("prompt", by["prompt_hash"]))
    lines = "".join(f"<tr><th>{text(a)}</th><td>{text(b)}</td></tr>" for a, b in rows)
    return f"<table><tbody>{lines}</tbody></table>"
