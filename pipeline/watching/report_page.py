"""The report's page: one HTML file that needs nothing else, made of the document alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from scenelake.pipeline.names import printable
from scenelake.pipeline.watching.report_plots import COLOURS, bars, lines

_MAX_ROWS = 100
_MIB, _GIB = 2**20, 2**30

_CSS = """
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5d6570; --page: #fbfbfa; --card: #fff;
  --line: #e2e4e7; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ec; --soft: #9aa3ae; --page: #14161a;
  --card: #1c1f24; --line: #31363d; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 16px; max-width: 1120px; background: var(--page);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 28px 0 10px; }
.soft, figcaption { color: var(--soft); font-size: .87rem; }
.numbers { display: grid; grid-template-columns: repeat(auto-fill, minmax(108px, 1fr)); gap: 8px;
  margin: 16px 0; padding: 0; }
.numbers div, figure, .failure { background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: 9px 11px; }
.numbers dt { color: var(--soft); font-size: .8rem; }
.numbers dd { margin: 0; font-size: 1.05rem; font-variant-numeric: tabular-nums; }
.plots { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px),
  1fr)); align-items: start; }
figure { margin: 0; }
figure h3 { font-size: .95rem; margin: 0 0 6px; }
svg { display: block; width: 100%; height: auto; }
svg * { stroke-linejoin: round; stroke-linecap: butt; }
.key { white-space: nowrap; margin-right: 10px; }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 4px;
  vertical-align: -1px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; }
th, td { text-align: left; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; min-width: 64px; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.failure { margin: 10px 0; }
.failure h3 { margin: 0; font-size: 1rem; color: var(--bad); }
.failure ul { margin: 6px 0; padding-left: 18px; font-size: .87rem; overflow-wrap: anywhere; }
.failure p { margin: 4px 0; }
code { font: .82rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { margin: 6px 0; padding: 8px; white-space: pre-wrap; border: 1px solid var(--line);
  border-radius: 6px; }
summary { cursor: pointer; }
"""


def page(document: Mapping[str, Any]) -> str:
    """The whole page. Whatever came from files or their names is escaped."""
    title = f"Run {_text(document['run_id'])}"
    body = "\n".join(
        [
            _head(title, document),
            _numbers(document),
            _section("Failures", _failures(document["failures"])),
            _section("How it went", f'<div class="plots">{"".join(_plots(document))}</div>'),
            _section("Steps", _steps_table(document["stages"])),
            _section("Slowest films", _slowest_table(document["slowest"])),
            _section("What it ran with", _origins(document)),
        ]
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_CSS}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _head(title: str, document: Mapping[str, Any]) -> str:
    started = _text(document["started_at"].replace("T", " "))
    return (
        f"<h1>{title}</h1>\n<p class=soft>scenelake {_text(document['version'])}, engine "
        f"{_text(document['engine'])}, started {started}, into {_text(document['lake'])}</p>"
    )


def _numbers(document: Mapping[str, Any]) -> str:
    inputs, usage = document["inputs"], document["usage"]
    numbers = {
        "films": f"{inputs['total']:,}",
        "committed": f"{inputs['committed']:,}",
        "skipped": f"{inputs['skipped']:,}",
        "failed": f"{inputs['failed']:,}",
        "of film": _span(document["media_s"]),
        "of run": _span(document["wall_s"]),
        "x real time": f"{document['realtime_factor']:,.1f}",
        "CPU time": _span(usage["cpu_s"]),
        "memory, peak": _size(usage["peak_memory_bytes"]),
    }
    cells = (f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in numbers.items())
    return f'<dl class="numbers">{"".join(cells)}</dl>'


def _plots(document: Mapping[str, Any]) -> Iterable[str]:
    """Those for which there is something to see."""
    stages, series = document["stages"], document["series"]
    if stages:
        busy = {name: stats["busy_s"] for name, stats in stages.items()}
        plot = bars(busy, [_span(s) for s in busy.values()], name="steps")
        yield _figure("Time by step, all workers together", plot)
    time_s: list[float] = series["time_s"]
    if len(time_s) < 2:
        return
    films = {name: series[name] for name in ("committed", "failed", "skipped")}
    yield _lines("Films that came to their end", time_s, films, name="films", unit="films")
    speed = {"x real time": _rates(time_s, series["media_s"])}
    yield _lines(
        "Seconds of film committed a second", time_s, speed, name="speed", unit="x real time"
    )
    cores = {"cores": _rates(time_s, series["cpu_s"])}
    yield _lines("Cores at work", time_s, cores, name="cpu", unit="cores")
    if any(series["memory_bytes"]):
        per_unit, unit = _size_scale(max(series["memory_bytes"]))
        held = {"memory": [n / per_unit for n in series["memory_bytes"]]}
        yield _lines("Memory of all processes", time_s, held, name="memory", unit=unit)
    for key, title, unit, per_unit in (
        ("n_items", "Items that wait in front of each step", "items", 1),
        ("n_bytes", "Bytes that wait in front of each step", "MiB", _MIB),
    ):
        queues = {step: queue[key] for step, queue in series["queues"].items() if any(queue[key])}
        if queues:
            scaled = {step: [n / per_unit for n in values] for step, values in queues.items()}
            yield _lines(title, time_s, scaled, name=key, unit=unit, stacked=True)


def _lines(
    title: str,
    time_s: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    name: str,
    unit: str,
    stacked: bool = False,
) -> str:
    keys = "".join(
        f'<span class=key><i style="background:{COLOURS[number % len(COLOURS)]}"></i>'
        f"{_text(label)}</span>"
        for number, label in enumerate(series)
    )
    plot = lines(time_s, series, name=name, unit=unit, stacked=stacked)
    return _figure(title, plot, keys if len(series) > 1 else "")


def _figure(title: str, svg: str, keys: str = "") -> str:
    labelled = svg.replace("<svg", f'<svg role="img" aria-label="{_text(title)}"', 1)
    caption = f"<figcaption>{keys}</figcaption>" if keys else ""
    return f"<figure><h3>{_text(title)}</h3>{labelled}{caption}</figure>\n"


def _failures(failures: Mapping[str, Mapping[str, Any]]) -> str:
    if not failures:
        return ""
    return "\n".join(_failure(name, group) for name, group in failures.items())


def _failure(name: str, group: Mapping[str, Any]) -> str:
    rows = group["rows"][:_MAX_ROWS]
    more = group["count"] - len(rows)
    listed = "".join(
        f"<li><b>{_text(row['uri'])}</b><br>{_text(row['stage'])}, attempt {row['attempts']}: "
        f"{_text(row['message'])}</li>"
        for row in rows
    )
    return (
        f"<div class=failure><h3>{_text(name)}: {group['count']:,}</h3><p>"
        f"{_text(group['remedy'])}</p><pre><code>{_text(group['command'])}</code></pre>"
        f"<details{' open' * (len(rows) <= 5)}><summary>which</summary><ul>{listed}</ul>"
        f"{f'<p>and {more:,} more, in the JSON document</p>' if more else ''}</details></div>"
    )


def _steps_table(stages: Mapping[str, Mapping[str, Any]]) -> str:
    total_s = sum(stats["busy_s"] for stats in stages.values()) or 1.0
    rows = [
        (
            _text(name),
            f"{stats['items']:,.0f}",
            f"{stats['busy_s']:,.1f}",
            f"{stats['busy_s'] / total_s:.0%}",
            f"{stats['busy_s'] / stats['items']:,.2f}" if stats["items"] else "",
            _text(_others(stats)),
        )
        for name, stats in stages.items()
    ]
    head = ("step", "items", "busy s", "share", "s an item", "counted too")
    return _table(head, rows, numeric=(1, 2, 3, 4)) if rows else ""


def _others(stats: Mapping[str, Any]) -> str:
    """What a step counted besides: tokens, retries."""
    others = {k: v for k, v in stats.items() if k not in ("items", "busy_s") and v}
    return ", ".join(f"{name.removeprefix('n_')} {value:,.10g}" for name, value in others.items())


def _slowest_table(films: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            _text(film["uri"]),
            _span(film["media_s"]),
            _span(film["wall_s"]),
            f"{film['media_s'] / film['wall_s']:,.1f}" if film["wall_s"] else "",
        )
        for film in films
    ]
    head = ("film", "long", "took", "x real time")
    return _table(head, rows, numeric=(1, 2, 3)) if rows else ""


def _origins(document: Mapping[str, Any]) -> str:
    machine, exact = document["machine"], document["usage"]["memory_exact"]
    memory = "proportional set size" if exact else "resident set size where maps are not readable"
    rows = [
        ("machine", f"{machine['cpus']} CPUs, {_size(machine['memory_bytes'])} of memory"),
        ("system", f"{_text(machine['system'])}, Python {_text(machine['python'])}"),
        ("memory is", f"{memory}, of the run's processes on the machine that led it"),
        *((f"model: {_text(step)}", _text(model)) for step, model in document["models"].items()),
        *((f"config: {_text(k)}", _text(value)) for k, value in document["configs"].items()),
    ]
    return _table(("", ""), rows)


def _section(title: str, content: str) -> str:
    return f"<h2>{_text(title)}</h2>\n{content}\n" if content else ""


def _table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], *, numeric: tuple[int, ...] = ()
) -> str:
    """Rows of cells that are HTML already."""

    def cells(tag: str, values: Sequence[Any]) -> str:
        marks = (' class="n"' if n in numeric else "" for n in range(len(values)))
        return "".join(f"<{tag}{m}>{v}</{tag}>" for m, v in zip(marks, values, strict=True))

    titles = f"<thead><tr>{cells('th', head)}</tr></thead>" if any(head) else ""
    lines = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<div class=wide><table>{titles}<tbody>{lines}</tbody></table></div>"


def _rates(time_s: Sequence[float], totals: Sequence[float]) -> list[float]:
    """Growth a second between points, over a twentieth of the run: commits come in lumps."""
    reach = max(1, len(time_s) // 20)
    rates: list[float] = []
    for end in range(1, len(time_s)):
        start = max(0, end - reach)
        span_s = time_s[end] - time_s[start]
        rates.append((totals[end] - totals[start]) / span_s if span_s > 0 else 0.0)
    return [rates[0], *rates]


def _text(value: Any) -> str:
    return escape(printable(str(value)))


def _span(seconds: float) -> str:
    """``12.3 s``, ``4:05``, ``12:04:05``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"


def _size(n_bytes: float) -> str:
    per_unit, unit = _size_scale(n_bytes)
    return f"{n_bytes / per_unit:,.1f} {unit}"


def _size_scale(largest_bytes: float) -> tuple[int, str]:
    return (_GIB, "GiB") if largest_bytes >= _GIB else (_MIB, "MiB")
