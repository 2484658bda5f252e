"""One pass over a film: shots, keyframes and stretches of speech, in one process.

Pictures and sound are decoded in parallel, each frame once. Full frames never leave
this process: what goes on is a few JPEGs and the samples in which somebody may speak.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from scenelake.schemas.config import Config
from scenelake.schemas.errors import InputError
from scenelake.schemas.flow import Clip, Footage, Picture, Source, Utterance
from scenelake.schemas.rows import Shot
from scenelake.workers import registry
from scenelake.workers.audio import open_audio
from scenelake.workers.engines import CutDetector, CutPass, VoiceDetector
from scenelake.workers.files import local_copy
from scenelake.workers.keyframes import KeyframeChooser
from scenelake.workers.stage import Resources
from scenelake.workers.video import VideoFrame, open_video, upright_size

logger = logging.getLogger(__name__)

_END_SLACK_S = 1.0
"""A track may end this much before the film does without being called cut short."""


@dataclass(slots=True)
class _Looked:
    """What the pictures gave; `gave_up`: the decoder did so before the end."""

    n_frames: int = 0
    gave_up: bool = False
    cuts_s: list[float] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Listened:
    """What the sound gave."""

    n_frames: int = 0
    utterances: list[Utterance] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Decode:
    """The step from a clip to its footage."""

    resources = Resources(cpus=2.0)

    def __init__(self, config: Config) -> None:
        self._config = config
        self._cutter: CutDetector = registry.make("cut", config.cut)
        self._voices: VoiceDetector = registry.make("vad", config.vad)

    @property
    def models(self) -> dict[str, str]:
        return {"cut": self._cutter.model, "vad": self._voices.model}

    def setup(self) -> None:
        """Load the cut detector and the voice detector."""
        self._cutter.setup()
        self._voices.setup()

    def process(self, item: Clip) -> Iterator[Footage]:
        """Decode a clip.

        Errors:
            InputError: nothing of it decodes; or, if `strict`, not all of it.
        """
        source = item.source
        with local_copy(source.uri, keep=False) as path, ThreadPoolExecutor(1) as pool:
            listening = pool.submit(self._listen, path, source)
            looked = self._look(path, source)
            listened = listening.result()
        if looked.n_frames == 0 and listened.n_frames == 0:
            raise InputError(
                f"{source.uri}: no picture and no sound of it can be decoded",
                error_type="corrupt",
            )
        warnings = (*source.warnings, *looked.warnings, *listened.warnings)
        if warnings and self._config.strict:
            raise InputError(f"{source.uri}: {'; '.join(warnings)}", error_type="corrupt")
        yield Footage(
            clip=item,
            shots=_shots(looked.cuts_s, item.start_s, item.end_s),
            pictures=tuple(looked.pictures),
            utterances=tuple(listened.utterances),
            warnings=warnings,
        )

    def _look(self, path: Path, source: Source) -> _Looked:
        """Pictures by the first decoder, or by the second where that one gets further."""
        if source.video is None:
            return _Looked()
        first = self._config.decode.backend
        second = "decord" if first == "pyav" else "pyav"
        looked = self._look_with(path, source, backend=first)
        if looked.n_frames and not looked.gave_up:
            return looked
        retried = self._look_with(path, source, backend=second)
        if retried.n_frames <= looked.n_frames:
            return looked
        logger.info("%s: pictures read by %s, since %s could not", source.uri, second, first)
        return retried

    def _look_with(self, path: Path, source: Source, *, backend: str) -> _Looked:
        side_px = self._config.keyframes.max_side_px
        looked = _Looked()
        reader = open_video(path, source, backend=backend, max_side_px=side_px)
        cuts = self._cutter.start(rate=source.video.rate if source.video else 0.0)
        chooser = KeyframeChooser(self._config.keyframes, upright_size(source, max_side_px=side_px))
        last_s = 0.0
        try:
            for frame in reader.frames():
                looked.n_frames += 1
                last_s = frame.time_s
                self._take(frame, source, cuts, chooser, looked)
        except InputError as error:
            looked.gave_up = True
            looked.warnings.append(f"video by {backend}: {error}")
        looked.pictures.extend(chooser.finish(last_s))
        looked.warnings.extend(reader.report.warnings("video"))
        looked.warnings.extend(_cut_short(source, "video", last_s, looked.n_frames))
        return looked

    def _take(
        self,
        frame: VideoFrame,
        source: Source,
        cuts: CutPass,
        chooser: KeyframeChooser,
        looked: _Looked,
    ) -> None:
        """Show one frame to the cut detector and to the chooser of keyframes."""
        small = frame.picture(*_analysis_size(source, self._config.decode.analysis_width_px))
        for cut_s in cuts.push(small, frame.time_s):
            looked.cuts_s.append(cut_s)
            looked.pictures.extend(chooser.cut(cut_s))
        looked.pictures.extend(chooser.push(frame, small))

    def _listen(self, path: Path, source: Source) -> _Listened:
        if source.audio is None:
            return _Listened()
        reader = open_audio(path, source)
        utterances = list(self._voices.utterances(reader.chunks()))
        return _Listened(
            n_frames=reader.report.n_frames,
            utterances=utterances,
            warnings=list(reader.report.warnings("audio")),
        )


def _analysis_size(source: Source, width_px: int) -> tuple[int, int]:
    """PySceneDetect's own working size: `width_px` across, never enlarged."""
    width, height = upright_size(source, max_side_px=1 << 16)
    factor = max(1.0, width / width_px)
    return max(2, round(width / factor)), max(2, round(height / factor))


def _shots(cuts_s: list[float], start_s: float, end_s: float) -> tuple[Shot, ...]:
    """Shots that tile the clip."""
    edges = [start_s, *(c for c in cuts_s if start_s < c < end_s), end_s]
    return tuple(Shot(a, b) for a, b in itertools.pairwise(edges))


def _cut_short(source: Source, kind: str, last_s: float, n_frames: int) -> Iterator[str]:
    """A sentence where the pictures end well before the packets say they should."""
    stream = source.video if kind == "video" else source.audio
    if stream is None:
        return
    if n_frames == 0:
        yield f"{kind}: nothing of it can be decoded"
    elif stream.end_s - last_s > _END_SLACK_S:
        yield (
            f"{kind} ends at {last_s:.1f} s of {stream.end_s:.1f} s: "
            "packets after that are unreadable"
        )
