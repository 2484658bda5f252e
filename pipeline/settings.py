"""From a profile, a file and `--set` to one checked configuration."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError

_PROFILES = files("scenelake.pipeline") / "profiles"


def profiles() -> list[str]:
    """Names of the profiles that ship with scenelake."""
    return sorted(f.name.removesuffix(".yaml") for f in _PROFILES.iterdir())


def load_config(
    *,
    profile: str = "embedded",
    path: Path | None = None,
    settings: Iterable[str] = (),
    strict: bool = False,
) -> Config:
    """The profile, overlaid by a YAML file, overlaid by ``section.key=value`` settings.

    Errors:
        UsageError: names the file or setting, the key and what was expected.
    """
    values = _profile(profile)
    if path is not None:
        _overlay(values, _yaml(_text(path), str(path)))
    for setting in settings:
        _overlay(values, _parse(setting))
    if strict:
        values["strict"] = True
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UsageError(_explain(error)) from None


def _profile(name: str) -> dict[str, Any]:
    if name not in profiles():
        raise UsageError(f"--profile: no profile is named {name!r}; known: {', '.join(profiles())}")
    return _yaml((_PROFILES / f"{name}.yaml").read_text(encoding="utf-8"), name)


def _text(path: Path) -> str:
    if not path.is_file():
        raise UsageError(f"--config {path}: no such file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"--config {path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--config {path}: is not a text in UTF-8 (byte {error.start})") from error


def _yaml(text: str, name: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise UsageError(f"{name}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UsageError(f"{name}: expected sections with keys, got {type(values).__name__}")
    return values


def _parse(setting: str) -> dict[str, Any]:
    """``speech.beam_size=1`` as ``{"speech": {"beam_size": 1}}``."""
    key, separator, text = setting.partition("=")
    if not separator or not key.strip():
        raise UsageError(f"--set {setting}: expected section.key=value")
    try:
        values: Any = yaml.safe_load(text) if text else None
    except yaml.YAMLError:
        raise UsageError(f"--set {setting}: {text!r} is not a YAML value") from None
    for name in reversed(key.strip().split(".")):
        values = {name: values}
    return dict(values)


def _overlay(base: dict[str, Any], top: dict[str, Any]) -> None:
    for key, value in top.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _overlay(base[key], value)
        else:
            base[key] = value


def _explain(error: ValidationError) -> str:
    """The first thing that is wrong, on one line."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "configuration"
    if first["type"] == "extra_forbidden":
        return f"configuration: there is no key {place!r}"
    return f"configuration: {place}={first['input']!r}: {first['msg'].lower()}"
