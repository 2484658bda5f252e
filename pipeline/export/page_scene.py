"""One scene on a film's page: its pictures, what is seen, shown and said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scenelake.pipeline.export.outline import turns
from scenelake.pipeline.export.page_text import text
from scenelake.pipeline.export.pictures import data_url
from scenelake.pipeline.watching.progress import clock
from scenelake.schemas.rows import Word

_WIDTH, _SMALL_WIDTH = 400, 200
_MAX_PICTURES = 3


def scene_card(scene: Mapping[str, Any], *, few_pictures: bool) -> str:
    """A scene as HTML.

    Args:
        scene: a row of the scenes table.
        few_pictures: one small picture instead of up to three.
    """
    pictures = "".join(_pictures(scene["keyframes"] or (), few=few_pictures))
    shown = f'<div class="pictures">{pictures}</div>' if pictures else ""
    kind = "scene card pictured" if pictures else "scene card"
    return (
        f'<article class="{kind}" id="scene-{scene["index"]}">{shown}<div>'
        f"{''.join(_told(scene))}</div></article>\n"
    )


def _pictures(keyframes: Sequence[Mapping[str, Any]], *, few: bool) -> Iterator[str]:
    """The first one large, others half as wide under it."""
    chosen = keyframes[:1] if few else _spread(keyframes)
    for number, frame in enumerate(chosen):
        url = data_url(frame["jpeg"], max_width=_SMALL_WIDTH if few or number else _WIDTH)
        if url:
            told = f"picture at {clock(frame['time_s'])}"
            yield f'<img loading="lazy" alt="{told}" title="{told}" src="{url}">'


def _spread(keyframes: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """At most three, over the whole scene; not two, which would leave a hole."""
    if len(keyframes) < _MAX_PICTURES:
        return keyframes[:1]
    return keyframes[0], keyframes[len(keyframes) // 2], keyframes[-1]


def _told(scene: Mapping[str, Any]) -> Iterator[str]:
    start, end = clock(scene["start_s"]), clock(scene["end_s"])
    yield f'<p class="soft"><time>{start}</time>\u2013<time>{end}</time></p>'
    if scene["title"]:
        yield f'<h3 dir="auto">{text(scene["title"])}</h3>'
    if scene["description"]:
        yield f'<p dir="auto">{text(scene["description"])}</p>'
    if scene.get("mood"):
        yield f'<p class="soft">mood: {text(scene["mood"])}</p>'
    yield _tags([*(scene["labels"] or ()), *(scene["audio_events"] or ())])
    lines = "<br>".join(text(line) for line in _screen_lines(scene["ocr"] or ()))
    if lines:
        yield f'<p class="shown" dir="auto"><span class="soft">on screen</span><br>{lines}</p>'
    yield _said([Word(**word) for word in scene["words"] or ()], scene["language"])
    if scene.get("translation"):
        told = text(scene["translation"])
        yield f'<p class="shown" lang="en"><span class="soft">in English</span><br>{told}</p>'


def _tags(labels: Sequence[Mapping[str, Any]]) -> str:
    listed = "".join(f"<li>{text(label['name'])} {label['score']:.0%}</li>" for label in labels)
    return f'<ul class="tags">{listed}</ul>' if listed else ""


def _screen_lines(texts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each once: the same line is read from several pictures."""
    return list(dict.fromkeys(line["text"] for line in texts))


def _said(words: Sequence[Word], language: str | None) -> str:
    spoken = f' lang="{text(language)}"' if language else ""
    lines = "".join(
        f'<p><time>{clock(word.start_s)}</time><span dir="auto">'
        f"{f'<b>{text(word.speaker)}:</b> ' if word.speaker else ''}{text(said)}</span></p>"
        for word, said in turns(words)
    )
    return f'<div class="said"{spoken}>{lines}</div>' if lines else ""
