"""The report's plots, as SVG to be set into a page.

Text and grid take the page's own colour (`currentColor`), so that they are read on light
and on dark; the series' colours are of middle lightness for the same reason. One plot is
360 units wide: at its own size on a phone, larger elsewhere.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (
    "#3d8bfd",
    "#e8743b",
    "#2fa084",
    "#b366cc",
    "#d4a017",
    "#e0567b",
    "#5fa8b8",
    "#8c8f3c",
    "#9a7b5c",
    "#7d8794",
)
"""Of series by their order; the page's legends use them too."""

_INK = "#0a0b0c"
_WIDTH_IN, _HEIGHT_IN = 5.0, 2.5
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "scenelake",
    "font.size": 11,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _INK,
    "grid.alpha": 0.12,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "figure.constrained_layout.use": True,
}


def bars(seconds: Mapping[str, float], labels: Sequence[str], *, name: str) -> str:
    """A horizontal bar for each time span, its label behind it, the first on top."""
    per_unit, time_unit = time_scale(max(seconds.values(), default=0.0))

    def draw(axes: Axes) -> None:
        rows = list(range(len(seconds)))
        widths = [span_s / per_unit for span_s in seconds.values()]
        drawn = axes.barh(rows, widths, color=COLOURS[0], height=0.68)
        axes.bar_label(drawn, labels=list(labels), padding=4)
        axes.set_yticks(rows, list(seconds))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.22)
        axes.set_xlabel(time_unit)

    return _svg(draw, name=name, height_in=0.8 + 0.26 * len(seconds))


def lines(
    time_s: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    name: str,
    unit: str,
    stacked: bool = False,
) -> str:
    """Values over the time of the run, from zero up; stacked: each upon those before it."""
    per_unit, time_unit = time_scale(time_s[-1] if time_s else 0.0)

    def draw(axes: Axes) -> None:
        top: float
        times = [moment / per_unit for moment in time_s]
        if stacked:
            drawn = list(series.values())
            axes.stackplot(times, *drawn, colors=COLOURS, linewidth=0)
            top = max(sum(values) for values in zip(*drawn, strict=True))
        else:
            axes.set_prop_cycle(color=COLOURS)
            for values in series.values():
                axes.plot(times, values, linewidth=1.6)
            top = max(max(values) for values in series.values())
        axes.set_ylim(0, 1.1 * top or 1.0)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"{time_unit} of run")
        axes.set_ylabel(unit)

    return _svg(draw, name=name, height_in=_HEIGHT_IN)


def time_scale(longest_s: float) -> tuple[float, str]:
    """Seconds in the unit that suits a span, and its name."""
    if longest_s < 180:
        return 1.0, "seconds"
    return (60.0, "minutes") if longest_s < 3 * 3600 else (3600.0, "hours")


def _svg(draw: Any, *, name: str, height_in: float) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH_IN, height_in))
        draw(figure.add_subplot())
        return _inline(figure, name=name)


def _inline(figure: Figure, *, name: str) -> str:
    """SVG as HTML wants it inside: no prologue, no namespaces, names of its own."""
    out = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:xlink)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"(\.\d\d)\d+", r"\1", text)
    text = re.sub(r"font-family: [^;]*; ", "", text)
    text = re.sub(r'<svg width="[^"]*" height="[^"]*"|<svg height="[^"]*" ', "<svg ", text, count=1)
    return text.replace(_INK, "currentColor")
