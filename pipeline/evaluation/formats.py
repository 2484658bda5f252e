"""Which published format an annotation file is in, told by the fields of its first entry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scenelake.pipeline.evaluation.reading import document, rows
from scenelake.schemas.errors import UsageError

FIELDS: Mapping[str, tuple[str, ...]] = {
    "NExT-QA": ("video", "qid", "question", "answer", "a0", "a1"),
    "EgoSchema": ("q_uid", "question", "option 0", "option 1"),
    "Video-MME": ("videoID", "question_id", "question", "options", "answer"),
    "LongVideoBench": ("id", "video_id", "question", "candidates", "correct_choice"),
    "ActivityNet-QA": ("video_name", "question_id", "question"),
    "QVHighlights": ("qid", "query", "vid", "relevant_windows"),
    "ActivityNet-Captions": ("timestamps", "sentences"),
    "scenelake questions": ("question_id", "question"),
    "scenelake queries": ("query_id", "query"),
    "scenelake captions": ("video_id", "text"),
    "scenelake cuts": ("video_id", "cuts_s"),
}
"""Format -> fields by which it is known; the first that fits is taken."""

MSR_VTT = "MSR-VTT"


def format_of(path: Path) -> str:
    """The format of a file.

    Errors:
        UsageError: no such file, an empty one, or of a format that is not known.
    """
    if path.suffix.lower() == ".json" and _is_msr_vtt(path):
        return MSR_VTT
    first = next(rows(path), None)
    if first is None:
        raise UsageError(f"{path.name}: holds nothing")
    fits = [name for name, fields in FIELDS.items() if first.has(*fields)]
    if not fits:
        there = ", ".join(list(first.values)[:12])
        known = ", ".join((MSR_VTT, *FIELDS))
        raise UsageError(f"{first.where}: fields {there} are of no known format: {known}")
    return fits[0]


def _is_msr_vtt(path: Path) -> bool:
    if not path.exists():
        return False
    found: Any = document(path)
    return isinstance(found, dict) and isinstance(found.get("sentences"), list)
