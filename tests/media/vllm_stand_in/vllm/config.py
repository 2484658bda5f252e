"""What Ray's stage for pictures asks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ModelConfig:
    model: str
    dtype: str
