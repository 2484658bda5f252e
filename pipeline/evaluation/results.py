"""What an evaluation found: as a JSON document, as tables, as a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenelake.pipeline.evaluation.bootstrap import Estimate, Sums, estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.console import RenderableType

_FULL_MARKS = {"bleu": 100.0, "cider": 10.0}
"""Metrics that do not end at 1."""

_ROW_IN = 0.32


@dataclass(frozen=True, slots=True)
class Group:
    """Some items, and the metrics over them."""

    n: int
    metrics: Mapping[str, Estimate]

    def to_json(self) -> dict[str, Any]:
        return {"n": self.n, "metrics": {name: m.to_json() for name, m in self.metrics.items()}}


@dataclass(frozen=True, slots=True)
class Result:
    """The metrics of a task over all items, and over classes of them.

    Attributes:
        n_missing: items without a prediction: counted as wrong, or left out where so asked.
        by: what the items are classed by -> class -> its metrics.
    """

    task: str
    whole: Group
    n_missing: int = 0
    by: Mapping[str, Mapping[str, Group]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        by = {
            what: {name: group.to_json() for name, group in groups.items()}
            for what, groups in self.by.items()
        }
        return {"task": self.task, "n_missing": self.n_missing, **self.whole.to_json(), "by": by}


def summarise(
    task: str,
    sums: Mapping[str, Sums],
    *,
    n_missing: int = 0,
    by: Mapping[str, Sequence[str]] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Result:
    """Estimate all metrics that apply, over all items and over each class of them.

    Args:
        by: what the items are classed by -> each item's class.
    """
    n_items = len(next(iter(sums.values())).items)

    def over(indices: Sequence[int]) -> Group:
        some = {name: metric.of(indices) for name, metric in sums.items()}
        return Group(
            len(indices),
            {
                name: estimate(metric, n_resamples=n_resamples, seed=seed)
                for name, metric in some.items()
                if metric.applies
            },
        )

    classed = {what: _indices(classes) for what, classes in (by or {}).items()}
    groups = {
        what: {name: over(indices) for name, indices in found.items()}
        for what, found in classed.items()
        if len(found) > 1
    }
    return Result(task, over(range(n_items)), n_missing, groups)


def tables(result: Result) -> RenderableType:
    """For a terminal: the metrics with their intervals, then one table for each classing."""
    from rich.console import Group as Lines
    from rich.table import Table

    missing = f", {result.n_missing} without a prediction" if result.n_missing else ""
    whole = Table("metric", title=f"{result.task}: {result.whole.n} items{missing}")
    whole.add_column("value", justify="right")
    whole.add_column("95 % interval", justify="right")
    for name, metric in result.whole.metrics.items():
        whole.add_row(name, f"{metric.value:.3f}", f"{metric.low:.3f} to {metric.high:.3f}")
    return Lines(whole, *(_by_table(what, groups) for what, groups in result.by.items()))


def plot(result: Result, path: Path) -> None:
    """Draw the metrics, a bar each with its interval; the file's ending says the format.

    Errors:
        OSError: the file cannot be written.
        ValueError: no format of this ending.
    """
    from matplotlib.figure import Figure

    charts = {f"{result.task} ({result.whole.n})": result.whole}
    for groups in result.by.values():
        charts |= {f"{name or 'other'} ({group.n})": group for name, group in groups.items()}
    n_rows = [len(group.metrics) for group in charts.values()]
    height_in = _ROW_IN * sum(n + 3 for n in n_rows)
    figure = Figure(figsize=(6.4, height_in), layout="constrained")
    axes = figure.subplots(len(charts), 1, squeeze=False, height_ratios=[n + 1 for n in n_rows])
    for place, (title, group) in zip(axes[:, 0], charts.items(), strict=True):
        _draw(place, group, title=title)
    figure.savefig(path)


def _draw(axes: Axes, group: Group, *, title: str) -> None:
    names = list(group.metrics)
    full = [_FULL_MARKS.get(name, 1.0) for name in names]
    metrics = list(zip(group.metrics.values(), full, strict=True))
    values = [m.value / top for m, top in metrics]
    below = [max(0.0, (m.value - m.low) / top) for m, top in metrics]
    above = [max(0.0, (m.high - m.value) / top) for m, top in metrics]
    axes.barh(range(len(names)), values, xerr=(below, above), color="#3d8bfd", capsize=3)
    labels = [n if top == 1.0 else f"{n} / {top:.0f}" for n, top in zip(names, full, strict=True)]
    axes.set_yticks(range(len(names)), labels)
    axes.invert_yaxis()
    axes.set_xlim(0.0, max(1.0, *(v + a for v, a in zip(values, above, strict=True)), 0.0))
    axes.set_title(title, loc="left", fontsize="medium")


def _by_table(what: str, groups: Mapping[str, Group]) -> RenderableType:
    from rich.table import Table

    names = list(dict.fromkeys(name for group in groups.values() for name in group.metrics))
    table = Table(what, title=f"by {what}")
    for name in ("n", *names):
        table.add_column(name, justify="right")
    for label, group in groups.items():
        found = [group.metrics.get(name) for name in names]
        cells = [f"{m.value:.3f}" if m is not None else "" for m in found]
        table.add_row(label or "other", str(group.n), *cells)
    return table


def _indices(classes: Sequence[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, name in enumerate(classes):
        found.setdefault(name, []).append(index)
    return dict(sorted(found.items()))
