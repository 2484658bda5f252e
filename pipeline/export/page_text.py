"""What the pages' parts share: text made safe, sections, the page around them."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from scenelake.pipeline.export.page_style import CSS
from scenelake.pipeline.names import printable


def text(value: Any) -> str:
    """Anything as text and nothing else, fit for an attribute too."""
    return escape(printable(" ".join(str(value).split())))


def page_start(title: str) -> str:
    """All before the body's content; `title` is not escaped yet."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{text(title)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{CSS}</style></head>\n<body>\n"
    )


PAGE_END = "</body></html>\n"


def section(title: str, content: str) -> str:
    """A heading and what is under it, if anything is; `content` is HTML already."""
    return f"<h2>{text(title)}</h2>\n{content}\n" if content else ""


def numbers(named: Iterable[tuple[str, str]]) -> str:
    """Facts side by side: names and values."""
    cells = (f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in named)
    return f'<dl class="numbers">{"".join(cells)}</dl>\n'


def counted(n: int, what: str) -> str:
    """``1 scene``, ``2 scenes``."""
    return f"{n:,} {what}{'s' * (n != 1)}"


def encoded(html: str) -> bytes:
    return html.encode(errors="replace")
