"""What a trial gave, as a table for a terminal: a line for each metric."""

from __future__ import annotations

from rich.table import Table

from scenelake.pipeline.evaluation.results import Group, Result

_WORDS = {
    "wer": "words heard wrong (WER)",
    "cuts_f1": "cuts, F1",
    "hit@1": "right scene first",
    "hit@3": "among the first 3",
    "hit@10": "among the first 10",
    "mrr": "mean reciprocal rank",
    "right": "right",
    "exact": "exactly right",
    "token_f1": "F1 of its words",
    "topics": "share of its topics",
    "answers": "answers heard right",
    "hold": "all in their scenes",
    "point": "one tells the answer",
}


def table(name: str, result: Result) -> Table:
    """The metrics of a profile, by parts, with their intervals."""
    shown = Table(title=name, title_justify="left")
    for heading in ("part", "n", "metric", "value", "95 % interval"):
        shown.add_column(heading, justify="right" if heading in ("n", "value") else "left")
    for part, group in result.by["part"].items():
        for row in _rows(part, group):
            shown.add_row(*row)
        shown.add_section()
    return shown


def _rows(part: str, group: Group) -> list[tuple[str, ...]]:
    rows = []
    for metric, found in group.metrics.items():
        between = f"{found.low:.3f} to {found.high:.3f}"
        rows.append((_WORDS[metric], f"{found.value:.3f}", between))
    first = (part.replace("_", " "), str(group.n))
    return [(*(("", "") if at else first), *row) for at, row in enumerate(rows)]
