"""Plots of what was measured, as SVG beside RESULTS.md."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from common import HERE, median, saved
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DRAWN = ("throughput", "memory")
_OURS, _OTHERS = "#2a6f97", "#b0b7bf"


def draw_all() -> None:
    mpl.rcParams["svg.hashsalt"] = "scenelake"  # the same data give the same file
    for name, draw in zip(DRAWN, (_throughput, _memory), strict=True):
        document = saved(name)
        if document is not None:
            figure = Figure(figsize=(6.4, 3.2), layout="constrained")
            draw(document, figure.subplots())
            figure.savefig(HERE / f"{name}.svg", metadata={"Date": None})


def _throughput(document: dict[str, Any], axes: Axes) -> None:
    results = document["results"]
    names = list(results)
    walls = [median(runs, "wall_s") for runs in results.values()]
    starts = [median(runs, "start_up_s") for runs in results.values()]
    colours = [_OURS if name.startswith("scenelake") else _OTHERS for name in names]
    axes.barh(names, walls, color=colours)
    axes.barh(names, starts, left=walls, color="none", edgecolor=colours, label="start-up")
    axes.invert_yaxis()
    axes.set_xlabel(f"seconds for {document['n_films']} films of one minute; outlined: start-up")


def _memory(document: dict[str, Any], axes: Axes) -> None:
    for engine, runs in document["results"].items():
        minutes = [run["minutes"] for run in runs]
        axes.plot(minutes, [run["peak_bytes"] / 2**30 for run in runs], marker="o", label=engine)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"minutes of film, {document['size']}")
    axes.set_ylabel("peak memory, GiB")
    axes.legend()


if __name__ == "__main__":
    draw_all()
