"""Films a script: pictures and sound with known times into a container."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from scenelake.pipeline.evaluation.own import photographs
from scenelake.pipeline.evaluation.own.camera import captioned, seen
from scenelake.pipeline.evaluation.own.script import Form, Scene, Script
from scenelake.pipeline.evaluation.own.sounds import SOUND_S, sound
from scenelake.pipeline.evaluation.own.truth import FilmTruth, Said, SceneTruth
from scenelake.pipeline.evaluation.own.voice import SOUND_RATE, speak
from scenelake.schemas.arrays import Float32, UInt8

_LEAD_S, _PAUSE_S, _TAIL_S = 0.8, 0.6, 1.0
_DISSOLVE_S = 0.8
_FILE_RATE = 48_000
_BLOCK = 4_800

_CODECS = {"webm": ("libvpx", "libopus"), "avi": ("mpeg4", "mp3")}
_OPTIONS = {
    "libx264": {"preset": "ultrafast", "crf": "23", "g": "50", "threads": "1"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "2M", "threads": "1"},
    "mpeg4": {"b": "2M", "g": "12"},
}


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence in its place."""

    text: str
    start_s: float
    samples: Float32

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / SOUND_RATE


@dataclass(frozen=True, slots=True)
class Placed:
    """A scene with its frames ``[first, after)`` and its sentences."""

    scene: Scene
    first: int
    after: int
    lines: tuple[Line, ...]

    @property
    def words_end_s(self) -> float:
        return self.lines[-1].end_s


def film(script: Script, path: Path, *, script_hash: str) -> FilmTruth:
    """Write the film; gives what is in it.

    Errors:
        SceneLakeError: a picture cannot be read, or espeak-ng does not speak.
    """
    placed = list(_placed(script))
    _write(path, script.form, _frames(placed, script.form), _sound(placed, script.form))
    return _truth(script, placed, script_hash)


def _placed(script: Script) -> Iterator[Placed]:
    """Scenes end to end, each as long as its sentences need, whole frames each."""
    fps, first = script.form.fps, 0
    for scene in script.scenes:
        at_s = float(first / fps) + _LEAD_S
        lines = []
        for text in scene.said:
            lines.append(Line(text, at_s, speak(text, script.voice)))
            at_s = lines[-1].end_s + _PAUSE_S
        rest_s = _TAIL_S + (SOUND_S if scene.sound else 0.0)
        after = math.ceil((lines[-1].end_s + rest_s) * fps)
        yield Placed(scene, first, after, tuple(lines))
        first = after


def _frames(placed: Sequence[Placed], form: Form) -> Iterator[UInt8]:
    """(H, W, 3) BGR: every frame of the film."""
    half = round(_DISSOLVE_S * form.fps / 2)
    before: list[UInt8] = []
    here = photographs.frames(placed[0].scene.picture)
    for index, one in enumerate(placed):
        following = placed[index + 1] if index + 1 < len(placed) else None
        after = photographs.frames(following.scene.picture) if following else []
        for at in range(one.first, one.after):
            view = _view(one, here, at, form)
            share = 0.5 - (at + 0.5 - one.first) / (2 * half)
            if one.scene.dissolves and share > 0:
                view = _mixed(view, _view(placed[index - 1], before, at, form), share)
            share = 0.5 - (one.after - at - 0.5) / (2 * half)
            if following and following.scene.dissolves and share > 0:
                view = _mixed(view, _view(following, after, at, form), share)
            yield view
        before, here = here, after


def _view(one: Placed, pictures: Sequence[UInt8], at: int, form: Form) -> UInt8:
    """A scene's picture at a frame of the film, a little before or after it too."""
    part = min(max((at - one.first) / (one.after - one.first), 0.0), 1.0)
    picture = pictures[_there_and_back(at - one.first, len(pictures))]
    view = seen(picture, one.scene.camera, part=part, size=form.size)
    return captioned(view, one.scene.screen_text)


def _there_and_back(index: int, count: int) -> int:
    """A clip that is too short is shown backwards, and forwards again."""
    turn = abs(index) % max(1, 2 * (count - 1))
    return min(turn, 2 * (count - 1) - turn) if count > 1 else 0


def _mixed(view: UInt8, other: UInt8, share: float) -> UInt8:
    return np.asarray(cv2.addWeighted(view, 1 - share, other, share, 0), np.uint8)


def _sound(placed: Sequence[Placed], form: Form) -> Float32:
    """(T,) float32 at `SOUND_RATE`: every sentence in its place, sounds after them."""
    samples = np.zeros(round(placed[-1].after / form.fps * SOUND_RATE), np.float32)
    for one in placed:
        for line in one.lines:
            _lay(samples, line.samples, line.start_s)
        if one.scene.sound:
            noise = sound(one.scene.sound, rate=SOUND_RATE)
            _lay(samples, noise, one.words_end_s + _TAIL_S / 2)
    return samples


def _lay(samples: Float32, what: Float32, at_s: float) -> None:
    first = round(at_s * SOUND_RATE)
    samples[first : first + len(what)] = what


def _write(path: Path, form: Form, pictures: Iterator[UInt8], samples: Float32) -> None:
    video, audio = _CODECS.get(form.ending, ("libx264", "aac"))
    with av.open(str(path), "w") as container:
        seen: Any = container.add_stream(video, rate=form.fps, options=_OPTIONS[video])
        seen.width, seen.height = form.size
        seen.pix_fmt = "yuv420p"
        heard: Any = container.add_stream(audio, rate=_FILE_RATE, layout="mono")
        tracks = _timed_frames(seen, form, pictures), _timed_samples(heard, samples)
        for _, stream, frame in heapq.merge(*tracks, key=lambda timed: timed[0]):
            container.mux(stream.encode(frame))
        for stream in (seen, heard):
            container.mux(stream.encode(None))


def _timed_frames(
    stream: Any, form: Form, pictures: Iterator[UInt8]
) -> Iterator[tuple[float, Any, av.VideoFrame]]:
    for index, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts, frame.time_base = index, 1 / form.fps
        yield float(index / form.fps), stream, frame


def _timed_samples(stream: Any, samples: Float32) -> Iterator[tuple[float, Any, av.AudioFrame]]:
    for at in range(0, len(samples), _BLOCK):
        block = samples[np.newaxis, at : at + _BLOCK]
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE, at
        frame.time_base = Fraction(1, SOUND_RATE)
        yield at / SOUND_RATE, stream, frame


def _truth(script: Script, placed: Sequence[Placed], script_hash: str) -> FilmTruth:
    fps = script.form.fps
    return FilmTruth(
        name=script.name,
        file=script.file,
        script=script_hash,
        town=script.town.written,
        duration_s=_rounded(placed[-1].after / fps),
        fps=_rounded(fps),
        size=script.form.size,
        voice=f"{script.voice.name} {script.voice.wpm}",
        scenes=tuple(_scene_truth(one, fps) for one in placed),
    )


def _scene_truth(one: Placed, fps: Fraction) -> SceneTruth:
    scene = one.scene
    return SceneTruth(
        start_s=_rounded(one.first / fps),
        end_s=_rounded(one.after / fps),
        picture=scene.picture.name,
        shows=scene.picture.shows,
        topic=scene.passage.topic,
        said=tuple(
            Said(line.text, _rounded(line.start_s), _rounded(line.end_s)) for line in one.lines
        ),
        screen_text=scene.screen_text,
        sound=scene.sound or "",
        dissolves=scene.dissolves,
    )


def _rounded(seconds: float | Fraction) -> float:
    return round(float(seconds), 3)
