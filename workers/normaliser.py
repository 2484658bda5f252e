"""Texts as Whisper's authors compare them: case, punctuation, spelling and numbers aside.

Radford et al. 2022, arXiv:2212.04356, appendix C.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

_NO_SPACES = frozenset("zh ja th lo my".split())
"""Written without spaces: error rates count their characters as words."""


@cache
def normaliser(language: str) -> Callable[[str], str]:
    """English has a normaliser of its own; all other languages share one."""
    from whisper.normalizers import BasicTextNormalizer, EnglishTextNormalizer

    made: Callable[[str], str]
    if language == "en":
        made = EnglishTextNormalizer()
    else:
        made = BasicTextNormalizer(split_letters=language in _NO_SPACES)
    return made
