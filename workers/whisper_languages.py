"""Which languages a Whisper model knows: the size of its vocabulary tells."""

from __future__ import annotations

from scenelake.schemas.config import SpeechConfig
from scenelake.schemas.errors import UsageError

LANGUAGES: tuple[str, ...] = tuple(
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no "
    "th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw "
    "gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl "
    "mg as tt haw ln ha ba jw su yue".split()
)
"""Whisper's codes, in the order of its tokens: a model knows the first ones."""
ISO_639_1 = {"jw": "jv", "yue": "zh"}
"""Whisper's own codes that ISO 639-1 writes otherwise."""
_N_ENGLISH = 51_864
"""Entries in the vocabulary of the models that know English only."""
_N_OTHERS = 51_766
"""Entries in the other models' vocabulary that are not languages."""


def languages_of(n_vocabulary: int) -> tuple[str, ...]:
    """Codes of the languages of a model with so many entries in its vocabulary."""
    if n_vocabulary <= _N_ENGLISH:
        return ("en",)
    return LANGUAGES[: n_vocabulary - _N_OTHERS]


def whispers_own(language: str) -> str:
    """Whisper's code for an ISO 639-1 one."""
    return "jw" if language == "jv" else language


def check(config: SpeechConfig, known: tuple[str, ...]) -> None:
    """Whether a model that knows these languages can do what a configuration asks.

    Errors:
        UsageError: it cannot.
    """
    language = config.language
    if language is not None and whispers_own(language) not in known:
        raise UsageError(
            f"speech.language: {config.model} does not know {language!r}; it knows "
            f"{', '.join(known[:8])}{' and others' if len(known) > 8 else ''}"
        )
    if config.translate and known == ("en",):
        raise UsageError(
            f"speech.translate: {config.model} knows English only; choose a multilingual model"
        )
