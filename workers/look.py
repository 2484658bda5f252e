"""What is decoded of a clip: cuts and keyframes of its pictures, utterances of its sound.

Runs in a process that may be killed (see `scenelake.workers.decode`). Each frame is decoded
once; full frames never leave this process.

The ends of a clip are moved to cuts, so that keyframes are chosen as if the film were read
whole. Both neighbours look for the same cut: the first at or after the planned end. Where
there is none within the search, the clip ends as planned.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from scenelake.schemas.arrays import UInt8
from scenelake.schemas.clips import Clip, Track
from scenelake.schemas.config import Config
from scenelake.schemas.errors import InputError
from scenelake.schemas.film import Source
from scenelake.schemas.media import Picture, Utterance
from scenelake.workers import registry
from scenelake.workers.audio import open_audio
from scenelake.workers.cut_order import CutOrder, Placed
from scenelake.workers.engines import CutDetector, VoiceDetector
from scenelake.workers.keyframes import KeyframeChooser
from scenelake.workers.packets import DecodeReport
from scenelake.workers.video import VideoFrame, open_video, upright_size

_MIN_LEAD_S = 2.0
"""A cut detector knows its own past: it is shown at least this much before a clip."""

_DEFAULT_RATE = 25.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What the pictures of a clip gave; `gave_up`: the decoder did so before the end."""

    start_s: float
    end_s: float
    cuts_s: tuple[float, ...]
    pictures: tuple[Picture, ...]
    track: Track
    gave_up: bool = False


@dataclass(frozen=True, slots=True)
class Listened:
    """What the sound of a clip gave."""

    utterances: tuple[Utterance, ...]
    track: Track


def look(path: str, clip: Clip, config: Config, backend: str) -> Looked:
    """Read a clip's pictures, once, with one decoder."""
    source = clip.source
    detector: CutDetector = registry.ready("cut", config.cut)
    rate = source.video.rate if source.video else 0.0
    zero_s = source.video.start_s if source.video else 0.0
    order = CutOrder(detector.start(rate=rate, zero_s=zero_s), detector.late_frames)
    gatherer = Gatherer(clip, config)
    small_px = _analysis_size(source, config.decode.analysis_width_px)
    reader = open_video(
        Path(path),
        source,
        backend=backend,
        max_side_px=config.keyframes.max_side_px,
        start_s=_lead_start_s(clip, detector, rate),
    )
    gave_up: list[str] = []
    try:
        for frame in reader.frames():
            gatherer.take(order.push(frame, frame.picture(*small_px)))
            if gatherer.is_done:
                break
    except InputError as error:
        gave_up.append(f"video by {backend}: {error}")
    if not gatherer.is_done:
        gatherer.take(order.finish())
    gatherer.finish()
    return Looked(
        start_s=gatherer.start_s,
        end_s=gatherer.end_s,
        cuts_s=tuple(gatherer.cuts_s),
        pictures=tuple(gatherer.pictures),
        track=_track(
            "video", reader.report, clip, gatherer.n_frames, gatherer.last_s, tuple(gave_up)
        ),
        gave_up=bool(gave_up),
    )


def listen(path: str, clip: Clip, config: Config) -> Listened:
    """Read a clip's sound; utterances that cross its ends are given whole."""
    voices: VoiceDetector = registry.ready("vad", config.vad)
    first, last = clip.index == 0, clip.index == clip.count - 1
    reader = open_audio(
        Path(path),
        clip.source,
        start_s=0.0 if first else max(0.0, clip.start_s - config.clips.listen_back_s),
        end_s=math.inf if last else clip.end_s + 2 * config.vad.max_s,
    )
    ours = (u for u in voices.utterances(reader.chunks()) if first or u.end_s > clip.start_s)
    begun = itertools.takewhile(lambda u: last or u.start_s < clip.end_s, ours)
    utterances = tuple(begun)
    n_frames = reader.report.n_frames
    return Listened(utterances, _track("audio", reader.report, clip, n_frames, 0.0, ()))


@dataclass(slots=True)
class Gatherer:
    """Takes a clip's frames and cuts in time order; gathers cuts and keyframes between its ends.

    Attributes:
        start_s, end_s: the clip's ends, moved to cuts as these come by.
        n_frames, last_s: its frames, before its end is moved, and the time of the last.
    """

    clip: Clip
    config: Config
    start_s: float = 0.0
    end_s: float = 0.0
    cuts_s: list[float] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    is_done: bool = False
    n_frames: int = 0
    last_s: float = 0.0
    _chooser: KeyframeChooser = field(init=False)
    _at_end: tuple[KeyframeChooser, list[Picture]] | None = None
    _has_end: bool = False

    def __post_init__(self) -> None:
        clip, keyframes = self.clip, self.config.keyframes
        self.start_s, self.end_s = clip.start_s, clip.end_s
        size = upright_size(clip.source, max_side_px=keyframes.max_side_px)
        self._chooser = KeyframeChooser(keyframes, size, start_s=clip.start_s)

    def take(self, placed: Iterable[Placed]) -> None:
        """Take frames in order, each after the cuts before it."""
        for each in placed:
            for cut_s in each.cuts_s:
                self.cut(cut_s)
            self.push(each.frame, each.small)
            time_s = each.frame.time_s
            if self.clip.start_s <= time_s < self.clip.end_s or self.clip.count == 1:
                self.n_frames, self.last_s = self.n_frames + 1, time_s

    def push(self, frame: VideoFrame, small: UInt8) -> None:
        """Take a frame; `small` is its picture for the measure of sharpness."""
        if self.is_done or frame.time_s < self.clip.start_s:
            return
        if not self._is_last and frame.time_s >= self.clip.end_s:
            if self._at_end is None:
                self._at_end = self._chooser.copy(), list(self.pictures)
            self.is_done = frame.time_s > self.clip.end_s + self._search_s
        self.pictures.extend(self._chooser.push(frame, small))

    def cut(self, cut_s: float) -> None:
        """Take a cut, which is after the last frame."""
        if self.is_done or cut_s < self.clip.start_s:
            return
        if self._may_start_at(cut_s):
            self.start_s = cut_s
            self.pictures.clear()
            list(self._chooser.cut(cut_s))  # what it gives came before
            self.cuts_s.append(cut_s)
        elif self._is_last or cut_s < self.clip.end_s:
            self.cuts_s.append(cut_s)
            self.pictures.extend(self._chooser.cut(cut_s))
        elif cut_s <= self.clip.end_s + self._search_s:
            self.end_s = cut_s
            self.pictures.extend(self._chooser.cut(cut_s))
            self.is_done = self._has_end = True

    def finish(self) -> None:
        """No more frames come."""
        if self._has_end:
            return
        if self._at_end is not None:
            chooser, self.pictures = self._at_end
            self.pictures.extend(chooser.finish(self.clip.end_s))
        else:
            self.pictures.extend(self._chooser.finish(self.last_s))

    def _may_start_at(self, cut_s: float) -> bool:
        moved = self.start_s > self.clip.start_s or bool(self.cuts_s)
        return self.clip.index > 0 and not moved and cut_s <= self.clip.start_s + self._search_s

    @property
    def _is_last(self) -> bool:
        return self.clip.index == self.clip.count - 1

    @property
    def _search_s(self) -> float:
        """Shorter than half a clip, so that a clip always has an inside."""
        length_s = self.clip.source.duration_s / self.clip.count
        return min(self.config.clips.search_s, length_s / 2)


def _lead_start_s(clip: Clip, detector: CutDetector, rate: float) -> float:
    if clip.index == 0:
        return 0.0
    lead_s = detector.lead_frames / (rate or _DEFAULT_RATE)
    return max(0.0, clip.start_s - max(_MIN_LEAD_S, lead_s))


def _track(
    kind: str,
    report: DecodeReport,
    clip: Clip,
    n_frames: int,
    last_s: float,
    notes: tuple[str, ...],
) -> Track:
    """The report of a clip: what its lead-in met is told by the clip before."""
    refused_s = [t for t in report.refused_s if _is_of(t, clip)]
    known_s = [t for t in refused_s if t is not None]
    return Track(
        kind="video" if kind == "video" else "audio",
        n_frames=n_frames,
        last_s=last_s,
        n_refused=len(refused_s),
        first_refused_s=min(known_s, default=None),
        broke_off=report.broke_off,
        notes=notes,
    )


def _is_of(time_s: float | None, clip: Clip) -> bool:
    return time_s is None or clip.count == 1 or clip.start_s <= time_s < clip.end_s


def _analysis_size(source: Source, width_px: int) -> tuple[int, int]:
    """PySceneDetect's own working size: `width_px` across, never enlarged."""
    width, height = upright_size(source, max_side_px=1 << 16)
    factor = max(1.0, width / width_px)
    return max(2, round(width / factor)), max(2, round(height / factor))
