"""The report of `doctor` for people, by rich."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scenelake.pipeline.machine.doctor_report import Machine, Problem, Report

_GIB = 1 << 30


def render(report: Report) -> RenderableType:
    """Everything found, problems last, so that they are what stays on the screen."""
    return Group(
        Text(f"scenelake {report.version}, {_machine(report.machine)}"),
        _table("devices", [[d.kind, d.name, _memory(d.memory_bytes)] for d in report.devices]),
        _table("libraries", [[x.name, x.version or "not installed"] for x in report.libraries]),
        _table(
            "weights",
            [[w["name"], w["state"], _size(w["n_bytes"]), w["origin"]] for w in report.weights],
        ),
        _table(
            "steps",
            [
                [s.name, s.engine, s.model or ", ".join(s.weights) or "?", _ready(s.ready)]
                for s in report.steps
            ],
        ),
        *_problems(report.problems),
    )


def _table(title: str, rows: list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    for _ in rows[0] if rows else ():
        table.add_column(overflow="fold")  # long names whole: they are to be typed
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _problems(problems: tuple[Problem, ...]) -> list[Text]:
    if not problems:
        return [Text("All well.", style="green")]
    lines = []
    for problem in problems:
        lines += [Text(f"✗ {problem.what}", style="red"), Text(f"  → {problem.remedy}")]
    return lines


def _machine(machine: Machine) -> str:
    return f"Python {machine.python} on {machine.platform}, {machine.n_cores} cores"


def _memory(n_bytes: int | None) -> str:
    return "" if n_bytes is None else f"{n_bytes / _GIB:.1f} GiB"


def _size(n_bytes: int | None) -> str:
    return "size unknown" if n_bytes is None else f"{n_bytes / 1e6:.0f} MB"


def _ready(ready: bool) -> str:
    return "ready" if ready else "not ready"
