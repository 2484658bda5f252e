"""Rows of a lake of which a test says only what is at stake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from scenelake.schemas.rows import Provenance, Video

BY = Provenance("run-1", "0", datetime(2026, 11, 22, 1, 40, tzinfo=UTC), {}, {"cut": "cutter@1"})


def video_row(video_id: str, **columns: Any) -> Video:
    """A film of two scenes with a picture and no sound."""
    usual: dict[str, Any] = {
        "uri": f"/films/{video_id}.mp4",
        "container": "mp4",
        "duration_s": 4.0,
        "width": 64,
        "height": 48,
        "fps": 25.0,
        "rotation": 0,
        "video_codec": "h264",
        "audio_codec": None,
        "language": None,
        "n_scenes": 2,
        "n_bytes": 10,
        "provenance": BY,
    }
    return Video(video_id=video_id, **(usual | columns))
