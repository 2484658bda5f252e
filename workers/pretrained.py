"""Loads what transformers keeps in a folder: without a network, whole, and in silence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenelake.schemas.errors import MissingWeightsError

if TYPE_CHECKING:
    import torch


def load(auto: Any, folder: Path, **options: Any) -> Any:
    """What `auto`, one of transformers' Auto classes, makes of a folder.

    Code that lies in the folder is never run.

    Errors:
        MissingWeightsError: the folder does not hold what `auto` makes.
    """
    try:
        with _no_progress_bars():
            return auto.from_pretrained(str(folder), local_files_only=True, **options)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise MissingWeightsError(f"{folder} is not for {auto.__name__}: {reason}") from error


def load_model(auto: Any, folder: Path, *, dtype: torch.dtype) -> Any:
    """A model for use, not for training.

    Errors:
        MissingWeightsError: the folder holds another model, or not all of its weights;
            transformers would fill up with random ones.
    """
    model, told = load(auto, folder, dtype=dtype, output_loading_info=True)
    missing = sorted(told["missing_keys"])
    if missing:
        raise MissingWeightsError(
            f"{folder} lacks {len(missing)} weights of {type(model).__name__}: {missing[0]}, ..."
        )
    return model.eval()


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    from transformers.utils import logging

    bars: Any = logging
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()
