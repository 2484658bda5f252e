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
from dataclasses import dataclass, field
from pathlib import Path

from scenelake.schemas.config import Config
from scenelake.schemas.errors import InputError
from scenelake.schemas.flow import Clip, Picture, Source, Track, UInt8, Utterance
from scenelake.workers import registry
from scenelake.workers.audio import open_audio
from scenelake.workers.engines import CutDetector, VoiceDetector
from scenelake.workers.keyframes import KeyframeChooser
from scenelake.workers.packets import DecodeReport
from scenelake.workers.video import VideoFrame, open_video, upright_size

_LEAD_SHOTS = 3
_MIN_LEAD_S = 2.0
"""A cut detector knows its own past: it is shown this much before a clip."""

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
    cuts = detector.start(rate=rate)
    gatherer = Gatherer(clip, config)
    small_px = _analysis_size(source, config.decode.analysis_width_px)
    reader = open_video(
        Path(path),
        source,
        backend=backend,
        max_side_px=config.keyframes.max_side_px,
        start_s=_lead_start_s(clip, config, rate),
    )
    gave_up: list[str] = []
    n_frames, last_s = 0, 0.0
    try:
        for frame in reader.frames():
            small = frame.picture(*small_px)
            for cut_s in cuts.push(small, frame.time_s):
                gatherer.cut(cut_s)
            gatherer.push(frame, small)
            if clip.start_s <= frame.time_s < clip.end_s or clip.count == 1:
                n_frames, last_s = n_frames + 1, frame.time_s
            if gatherer.is_done:
                break
    except InputError as error:
        gave_up.append(f"video by {backend}: {error}")
    gatherer.finish(last_s)
    return Looked(
        start_s=gatherer.start_s,
        end_s=gatherer.end_s,
        cuts_s=tuple(gatherer.cuts_s),
        pictures=tuple(gatherer.pictures),
        track=_track("video", reader.report, clip, n_frames, last_s, tuple(gave_up)),
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
    """

    clip: Clip
    config: Config
    start_s: float = 0.0
    end_s: float = 0.0
    cuts_s: list[float] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    is_done: bool = False
    _chooser: KeyframeChooser = field(init=False)
    _at_end: tuple[KeyframeChooser, list[Picture]] | None = None
    _n_after: int = 0
    _has_end: bool = False

    def __post_init__(self) -> None:
        clip, keyframes = self.clip, self.config.keyframes
        self.start_s, self.end_s = clip.start_s, clip.end_s
        size = upright_size(clip.source, max_side_px=keyframes.max_side_px)
        self._chooser = KeyframeChooser(
            keyframes, size, start_s=clip.start_s, n_late=self._n_late_at_most
        )

    def push(self, frame: VideoFrame, small: UInt8) -> None:
        """Take a frame; `small` is its picture for the measure of sharpness."""
        if self.is_done or frame.time_s < self.clip.start_s:
            return
        if not self._is_last and frame.time_s >= self.clip.end_s:
            if self._at_end is None:
                self._at_end = self._chooser.copy(), list(self.pictures)
            self._give_up_search(frame.time_s)
        self.pictures.extend(self._chooser.push(frame, small))

    def cut(self, cut_s: float) -> None:
        """Take a cut, which may be a few frames ago."""
        if self.is_done or cut_s < self.clip.start_s:
            return
        if self._may_start_at(cut_s):
            self.start_s = cut_s
            self.pictures.clear()
            list(self._chooser.cut(cut_s))  # what it gives came before
            self.cuts_s.append(cut_s)
        elif self._is_last or cut_s < self.clip.end_s:
            self._cut_within(cut_s)
        elif cut_s <= self.clip.end_s + self._search_s:
            self.end_s = cut_s
            self.pictures.extend(self._chooser.cut(cut_s))
            self.is_done = self._has_end = True

    def finish(self, last_s: float) -> None:
        """No more frames come, the last was at `last_s`."""
        if self._has_end:
            return
        if self._at_end is not None:
            chooser, self.pictures = self._at_end
            self.pictures.extend(chooser.finish(self.clip.end_s))
        else:
            self.pictures.extend(self._chooser.finish(last_s))

    def _cut_within(self, cut_s: float) -> None:
        self.cuts_s.append(cut_s)
        self.pictures.extend(self._chooser.cut(cut_s))
        if self._at_end is not None:  # the cut was told late
            chooser, pictures = self._at_end
            pictures.extend(chooser.cut(cut_s))

    def _give_up_search(self, time_s: float) -> None:
        """A cut is told some frames late: wait for that many after the search."""
        if time_s > self.clip.end_s + self._search_s:
            self._n_after += 1
        self.is_done = self._n_after > self._n_late_at_most

    def _may_start_at(self, cut_s: float) -> bool:
        moved = self.start_s > self.clip.start_s or bool(self.cuts_s)
        return self.clip.index > 0 and not moved and cut_s <= self.clip.start_s + self._search_s

    @property
    def _n_late_at_most(self) -> int:
        return self.config.cut.window_frames + 1

    @property
    def _is_last(self) -> bool:
        return self.clip.index == self.clip.count - 1

    @property
    def _search_s(self) -> float:
        """Shorter than half a clip, so that a clip always has an inside."""
        length_s = self.clip.source.duration_s / self.clip.count
        return min(self.config.clips.search_s, length_s / 2)


def _lead_start_s(clip: Clip, config: Config, rate: float) -> float:
    if clip.index == 0:
        return 0.0
    lead_s = _LEAD_SHOTS * config.cut.min_shot_frames / (rate or _DEFAULT_RATE)
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
