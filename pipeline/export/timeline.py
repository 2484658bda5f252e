"""A film at one glance, as inline SVG: chapters, scenes, cuts and speech over its time.

The drawings are stretched to the page's width, so they hold no text: names and times stand
beside them. Scenes and chapters are links to their places on the page.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from scenelake.pipeline.export.outline import Outline
from scenelake.pipeline.export.page_text import counted, text
from scenelake.pipeline.watching.progress import clock
from scenelake.pipeline.watching.report_plots import COLOURS
from scenelake.schemas.rows import Chapter

_WIDTH = 1000
_MAX_BINS = 120
_MAX_MARKS = 300
"""More cuts than that would run together."""
_LEAST_BIN_S = 5.0
_SCENE, _CUT, _SPEECH, _CHAPTER, _SEEN = COLOURS[0], COLOURS[9], COLOURS[2], COLOURS[3], COLOURS[1]
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_MAX_TICKS = 6


def timeline(told: Outline, *, chapters: Sequence[Chapter], cuts_s: Sequence[float]) -> str:
    """Lanes over the film's time, as HTML; lanes with nothing in them are left out."""
    if not told.duration_s:
        return ""
    lanes = list(_lanes(told, chapters, cuts_s))
    lanes.append(f'<div class="lane"><span></span>{_ticks(told.duration_s)}</div>')
    return "\n".join(lanes)


def seen_bars(seen_s: Iterable[tuple[str, float]]) -> str:
    """A bar for each label, as long as it is seen."""
    rows = list(seen_s)
    longest_s = max((seconds for _, seconds in rows), default=0.0) or 1.0
    cells = (
        f"<span>{text(name)}</span>{_bar(seconds / longest_s)}"
        f'<span class="soft">{clock(seconds)}</span>'
        for name, seconds in rows
    )
    return f'<div class="seen">{"".join(cells)}</div>' if rows else ""


def _lanes(told: Outline, chapters: Sequence[Chapter], cuts_s: Sequence[float]) -> Iterator[str]:
    scale = _WIDTH / told.duration_s
    if chapters:
        targets = [scene_at(told, chapter.start_s) for chapter in chapters]
        yield _lane("chapters", _blocks(chapters, targets, scale, _CHAPTER))
    yield _lane("scenes", _blocks(told.scenes, range(len(told.scenes)), scale, _SCENE))
    if len(cuts_s) > _MAX_MARKS:
        yield _rate_lane("cuts", told, cuts_s, _CUT)
    elif cuts_s:
        yield _lane(counted(len(cuts_s), "cut"), _marks(cuts_s, scale))
    if told.spoken:
        spans = "".join(
            f"M{start * scale:.1f} 3h{max((end - start) * scale, 0.5):.1f}v14H{start * scale:.1f}z"
            for start, end in told.spoken
        )
        yield _lane("speech", f'<path d="{spans}" fill="{_SPEECH}"></path>')
        yield _rate_lane("words", told, told.word_times_s, _SPEECH)


def scene_at(told: Outline, time_s: float) -> int:
    """Index of the scene at a time."""
    starts_s = [scene.start_s for scene in told.scenes]
    return max(0, bisect_right(starts_s, time_s + 1e-3) - 1)


def _blocks(chapters: Sequence[Chapter], targets: Iterable[int], scale: float, colour: str) -> str:
    """Blocks that link to scenes, every other one lighter."""
    return "".join(
        f'<a href="#scene-{target}"><rect x="{chapter.start_s * scale:.1f}" y="0" height="20" '
        f'width="{max((chapter.end_s - chapter.start_s) * scale, 0.5):.1f}" fill="{colour}" '
        f'fill-opacity="{0.55 if number % 2 else 0.9}">'
        f"<title>{clock(chapter.start_s)} {text(chapter.title)}</title></rect></a>"
        for number, (chapter, target) in enumerate(zip(chapters, targets, strict=True))
    )


def _marks(times_s: Sequence[float], scale: float) -> str:
    marks = "".join(f"M{time_s * scale:.1f} 0v20" for time_s in times_s)
    style = f'stroke="{_CUT}" stroke-width="1.5" vector-effect="non-scaling-stroke"'
    return f'<path d="{marks}" {style}></path>'


def _rate_lane(what: str, told: Outline, times_s: Sequence[float], colour: str) -> str:
    """How often something is, as steps over the film's time."""
    n_bins = max(1, min(_MAX_BINS, int(told.duration_s / _LEAST_BIN_S)))
    rates = told.a_minute(times_s, n_bins)
    top, step = max(rates), _WIDTH / n_bins
    steps = "".join(
        f"V{56 - rate / top * 54:.1f}H{(n + 1) * step:.1f}" for n, rate in enumerate(rates)
    )
    drawn = f'<path d="M0 56{steps}V56z" fill="{colour}"></path>'
    return _lane(f"{what} a minute, up to {top:.0f}", drawn, height=56)


def _lane(name: str, drawn: str, *, height: int = 20) -> str:
    """A drawing of 1000 units, its name beside it."""
    kind = "lane" if height == 20 else "lane high"
    return (
        f'<div class="{kind}"><span>{text(name)}</span><svg viewBox="0 0 {_WIDTH} {height}" '
        f'preserveAspectRatio="none" role="img" aria-label="{text(name)}">{drawn}</svg></div>'
    )


def _ticks(duration_s: float) -> str:
    step_s = next((s for s in _STEPS_S if duration_s / s <= _MAX_TICKS), _STEPS_S[-1])
    times_s = [n * step_s for n in range(int(duration_s / step_s) + 1)]
    if len(times_s) > 1 and duration_s - times_s[-1] < 0.6 * step_s:
        times_s.pop()
    marks = "".join(
        f'<span style="left:{100 * time_s / duration_s:.2f}%">{clock(time_s)}</span>'
        for time_s in [*times_s, duration_s]
    )
    return f'<div class="ticks">{marks}</div>'


def _bar(share: float) -> str:
    return (
        f'<svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{100 * share:.1f}" height="1" fill="{_SEEN}"></rect></svg>'
    )
