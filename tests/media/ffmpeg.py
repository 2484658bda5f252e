"""Films as ffmpeg's own commands see them: a second opinion, none of our code."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def ffprobe(path: Path, *what: str) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", *what, "-of", "json", str(path)]
    return dict(json.loads(subprocess.check_output(command)))


def streams(path: Path) -> dict[str, dict[str, Any]]:
    """Streams by kind, "video" or "audio"."""
    return {s["codec_type"]: s for s in ffprobe(path, "-show_streams")["streams"]}


def packet_span_s(path: Path) -> float:
    """From the earliest stream start to the end of the last packet, the cover art left out."""
    shown = ("-show_entries", "packet=stream_index,pts_time,dts_time,duration_time")
    found = ffprobe(path, "-show_streams", *shown)
    starts = {
        s["index"]: float(s["start_time"]) if "start_time" in s else 0.0
        for s in found["streams"]
        if s.get("disposition", {}).get("attached_pic") != 1
    }
    ends = []
    for packet in found["packets"]:
        stamp = packet.get("pts_time", packet.get("dts_time"))
        if packet["stream_index"] in starts and stamp is not None:
            ends.append(float(stamp) + float(packet.get("duration_time", 0.0)))
    return max(ends) - min(starts.values())


@dataclass(frozen=True, slots=True)
class Timeline:
    """When decoded frames are shown and heard, on the film's clock.

    Attributes:
        zero_s: the earliest stream start, in the file's own time.
    """

    zero_s: float
    video_s: NDArray[np.float64]
    audio_s: NDArray[np.float64]


def timeline(path: Path) -> Timeline:
    shown = ("-show_entries", "frame=media_type,best_effort_timestamp_time")
    found = ffprobe(path, "-show_streams", *shown)
    zero_s = min(float(s["start_time"]) for s in found["streams"])
    video_s, audio_s = (
        [float(f["best_effort_timestamp_time"]) for f in found["frames"] if f["media_type"] == kind]
        for kind in ("video", "audio")
    )
    return Timeline(zero_s, np.array(video_s) - zero_s, np.array(audio_s) - zero_s)


def pictures(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(N, H, W, 3) RGB, upright, every frame once."""
    raw = _decoded(
        path, "-map", "0:v", "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24"
    )
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0], 3)


def sound(path: Path, *, rate: int = 48_000) -> NDArray[np.float32]:
    """(T,) mono."""
    raw = _decoded(path, "-map", "0:a", "-f", "f32le", "-ac", "1", "-ar", str(rate))
    return np.frombuffer(raw, np.float32)


def can_decode(path: Path) -> bool:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _decoded(path: Path, *options: str) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", str(path), *options, "-"]
    return subprocess.check_output(command)
