"""How wide text is on a screen, how words become text, and where a line may be broken."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Iterator

_SPACELESS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3000, 0x312F),  # CJK punctuation, kana, bopomofo
    (0x31C0, 0x9FFF),  # kana extensions, ideographs
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFF00, 0xFFEF),  # full-width forms
    (0x20000, 0x3FFFF),  # further ideographs
)
"""Scripts that set no space between words; Hangul does."""
_CLOSING = "\"'”’»)]}」』）】"  # noqa: RUF001
_SENTENCE_ENDS = ".!?…。！？｡．؟۔।॥։።"  # noqa: RUF001
_CLAUSE_ENDS = ",;:–—，；：、､،؛·"  # noqa: RUF001
_NO_ENDS = frozenset("mr. mrs. ms. dr. st. prof. vs. no. e.g. i.e. z.b. sr. sra. mme.".split())


def width(text: str) -> int:
    """Columns of a text: 2 for a wide character, 0 for a mark on another, 1 else.

    Source: Unicode Standard Annex 11, East Asian Width.
    """
    return sum(map(_char_width, text))


def join(texts: Iterable[str]) -> str:
    """Words as text, with spaces between them where their script sets any."""
    joined = ""
    for text in texts:
        joined += " " * spaces_between(joined, text) + text
    return joined


def spaces_between(left: str, right: str) -> int:
    """How many spaces go between two words: 1, or 0."""
    if not left or not right:
        return 0
    return int(not (_is_spaceless(left[-1]) and _is_spaceless(right[0])))


def slices(text: str, *, max_width: int) -> Iterator[str]:
    """A text in pieces of at most that width; a mark stays with its letter."""
    piece, piece_width = "", 0
    for char in text:
        char_width = _char_width(char)
        if piece and piece_width + char_width > max_width:
            yield piece
            piece, piece_width = "", 0
        piece, piece_width = piece + char, piece_width + char_width
    if piece:
        yield piece


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with a word: ``him.”`` does, ``Mr.`` does not."""
    bare = word.rstrip(_CLOSING)
    return bare.endswith(tuple(_SENTENCE_ENDS)) and bare.casefold() not in _NO_ENDS


def ends_clause(word: str) -> bool:
    """Whether a part of a sentence ends with a word: at a comma, a colon, a dash."""
    return word.rstrip(_CLOSING).endswith(tuple(_CLAUSE_ENDS))


@functools.lru_cache(maxsize=1 << 14)
def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _is_spaceless(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _SPACELESS)
