"""What sections of a configuration have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Dtype = Literal["auto", "float32", "float16", "bfloat16"]


class Section(BaseModel):
    """Frozen, and strict about names: a misspelt key is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineSection(Section):
    """A section that names its step's engine.

    `options` are for engines of other packages; the built-in ones take none.
    """

    engine: str
    options: Mapping[str, Any] = {}
