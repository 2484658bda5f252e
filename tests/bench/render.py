"""Writes what was measured into RESULTS.md, between markers, and draws the plots.

python tests/bench/render.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import choices
import efficiency
import memory
import overhead
import plots
import scaling
import throughput
from common import HERE, saved

SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "throughput": throughput.shown,
    "efficiency": efficiency.shown,
    "memory": memory.shown,
    "scaling": scaling.shown,
    "overhead": overhead.shown,
    "choices": choices.shown,
}


def main() -> None:
    page = HERE / "RESULTS.md"
    text = page.read_text("utf-8")
    for name, shown in SECTIONS.items():
        document = saved(name)
        if document is not None:
            plot = f"![{name}]({name}.svg)\n\n" if name in plots.DRAWN else ""
            text = with_section(text, name, f"{on(document)}\n\n{plot}{shown(document)}")
    page.write_text(text, "utf-8")
    plots.draw_all()


def with_section(text: str, name: str, section: str) -> str:
    """The page with another text between the markers of a section.

    Errors:
        ValueError: the page has no such markers.
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"RESULTS.md lacks {begin} ... {end}")
    return f"{before}{begin}\n{section}\n{end}{after}"


def on(document: dict[str, Any]) -> str:
    """The machine, in a line."""
    machine = document["machine"]
    libraries = ", ".join(f"{name} {number}" for name, number in machine["libraries"].items())
    return (
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, "
        f"Python {machine['python']}; {libraries}."
    )


if __name__ == "__main__":
    main()
