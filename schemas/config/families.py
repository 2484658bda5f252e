"""Which sections shape which columns, and hashes by which that is known later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from scenelake.schemas.config.root import Config
from scenelake.schemas.config.section import EngineSection, Section

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "cut": ("decode", "cut", "keyframes", "scene"),
    "visual": ("keyframes", "visual", "text"),
    "ocr": ("keyframes", "ocr"),
    "speech": ("vad", "speech"),
    "describe": ("describe", "text"),
    "summary": ("summarise", "text"),
}
"""Column family -> the sections of the configuration that shape it."""

OF_FILMS = frozenset({"summary"})
"""The families whose columns are in a film's row alone: its scenes know nothing of them."""

_HOW = frozenset(
    "model mmproj align_model device compile batch_size".split()
    + "base_url api_key_env concurrency timeout_s attempts ray".split()
)
"""Keys of an engine's section that say how or where, not what: a lake made on a GPU is not
made again on a laptop. The models themselves count by their revision, not by their place."""


def family_hashes(config: Config, revisions: Mapping[str, str]) -> dict[str, str]:
    """Hash of all that shapes each column family.

    Args:
        revisions: column family -> what else shapes it: model revisions, prompt hash.
    """
    sections = {name: _shaping(section) for name, section in config}
    return {
        family: digest({"sections": [sections[n] for n in names], "by": revisions.get(family, "")})
        for family, names in FAMILIES.items()
    }


def _shaping(section: Any) -> Any:
    """What of a section shapes columns."""
    if not isinstance(section, Section):
        return section
    hidden = _HOW if isinstance(section, EngineSection) else frozenset[str]()
    return section.model_dump(mode="json", exclude=set(hidden))


def section_hash(section: EngineSection, *, by: str) -> str:
    """Hash of what of a section shapes what its engine makes, and of what else does."""
    return digest({"section": _shaping(section), "by": by})


def digest(value: Any) -> str:
    """Hash of a JSON value: 16 hex digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
