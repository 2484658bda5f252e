"""The job as plain functions, for all three baselines: a film's pictures and sound to rows.

Written as one would without scenelake: PyAV for both tracks, PySceneDetect's detector on small
frames, and models behind plain calls. The wrappers of the models are scenelake's own, so that
the models are the same and do the same; how films go through them is not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np

from scenelake.schemas.arrays import UInt8
from scenelake.schemas.config import Config
from scenelake.schemas.media import AudioChunk, FrameBatch, Utterance
from scenelake.workers.conse import Conse
from scenelake.workers.cut import AdaptiveCut
from scenelake.workers.keyframes import KeyframeChooser, from_jpeg
from scenelake.workers.ocr import RapidOcr
from scenelake.workers.speech import FasterWhisper
from scenelake.workers.text import MiniLm
from scenelake.workers.vad import SileroVad

CONFIG = Config()
RATE = 16_000
SMALL_PX = CONFIG.decode.analysis_width_px

Row = dict[str, Any]


@dataclass
class Frame:
    """A decoded frame, converted when asked for."""

    time_s: float
    frame: av.VideoFrame

    def picture(self, width: int, height: int) -> UInt8:
        small = self.frame.reformat(width, height, format="rgb24", interpolation="BILINEAR")
        return small.to_ndarray()


def read_pictures(path: str) -> Row:
    """Every frame once: cuts, and keyframes as JPEG."""
    with av.open(path) as film:
        stream = film.streams.video[0]
        stream.thread_type = "AUTO"
        width, height = stream.codec_context.width, stream.codec_context.height
        small_px = (SMALL_PX, round(height * SMALL_PX / width))
        chooser = KeyframeChooser(CONFIG.keyframes, _even(width, height))
        cuts = AdaptiveCut(CONFIG.cut).start(rate=float(stream.average_rate or 25))
        pictures, cuts_s, time_s = [], [], 0.0
        for decoded in film.decode(stream):
            frame = Frame(float(decoded.time or 0.0), decoded)
            time_s, small = frame.time_s, frame.picture(*small_px)
            for cut_s in cuts.push(small, time_s):
                cuts_s.append(cut_s)
                pictures += chooser.cut(cut_s)
            pictures += chooser.push(frame, small)
        pictures += chooser.finish(time_s)
        duration_s = float(film.duration or 0) / av.time_base
    return {
        "path": path,
        "duration_s": duration_s,
        "cuts_s": cuts_s,
        "times_s": [picture.time_s for picture in pictures],
        "jpegs": [picture.jpeg for picture in pictures],
    }


def _even(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, CONFIG.keyframes.max_side_px / max(width, height))
    return round(width * scale / 2) * 2, round(height * scale / 2) * 2


def sound(path: str) -> Iterator[AudioChunk]:
    """The film's sound, mono at 16 kHz."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    n_done = 0
    with av.open(path) as film:
        frames = [None] if not film.streams.audio else [*film.decode(audio=0), None]
        for frame in frames:
            for piece in resampler.resample(frame):
                samples = piece.to_ndarray().reshape(-1)
                yield AudioChunk(samples, RATE, n_done / RATE)
                n_done += len(samples)


class Voices:
    """Where people speak."""

    def __init__(self) -> None:
        self._vad = SileroVad(CONFIG.vad)
        self._vad.setup()

    def __call__(self, path: str) -> Row:
        found = list(self._vad.utterances(sound(path)))
        return {
            "starts_s": [utterance.start_s for utterance in found],
            "samples": [utterance.samples.tobytes() for utterance in found],
        }


class Speech:
    """What they say."""

    def __init__(self) -> None:
        self._whisper = FasterWhisper(CONFIG.speech)
        self._whisper.setup()

    def __call__(self, starts_s: list[float], samples: list[bytes]) -> Row:
        utterances = [
            Utterance(np.frombuffer(data, np.int16), RATE, start_s)
            for start_s, data in zip(starts_s, samples, strict=True)
        ]
        said = self._whisper.transcribe(utterances)
        words = [
            {"text": w.text, "start_s": w.start_s, "end_s": w.end_s, "score": w.score}
            for w in said.words
        ]
        return {"words": words, "language": said.language or ""}


class Eyes:
    """What is seen."""

    def __init__(self) -> None:
        self._conse = Conse(CONFIG.visual)
        self._conse.setup()

    def __call__(self, times_s: list[float], jpegs: list[bytes]) -> Row:
        frames = np.stack([from_jpeg(jpeg) for jpeg in jpegs])
        seen = self._conse.encode(FrameBatch(frames, np.array(times_s)))
        labels = [[label.name for label in found] for found in seen.labels]
        return {"vectors": [vector.tolist() for vector in seen.vectors], "labels": labels}


class ScreenText:
    """What is written on the screen."""

    def __init__(self) -> None:
        self._ocr = RapidOcr(CONFIG.ocr)
        self._ocr.setup()

    def __call__(self, times_s: list[float], jpegs: list[bytes]) -> Row:
        lines = []
        for time_s, jpeg in zip(times_s, jpegs, strict=True):
            (found,) = self._ocr.read(FrameBatch(from_jpeg(jpeg)[None], np.array([time_s])))
            lines.append([line.text for line in found])
        return {"texts": lines}


class TextVectors:
    """Scenes of all that was found, each with the vector of its words."""

    def __init__(self) -> None:
        self._minilm = MiniLm(CONFIG.text)
        self._minilm.setup()

    def __call__(self, film: Row) -> list[Row]:
        scenes = list(_scenes(film))
        texts = ["\n".join([s["transcript"], ". ".join(s["ocr"])]) for s in scenes]
        for scene, vector in zip(scenes, self._minilm.encode(texts), strict=True):
            scene["text_embedding"] = vector.tolist()
        return scenes


def _scenes(film: Row) -> Iterator[Row]:
    edges_s = _edges(film["cuts_s"], film["duration_s"])
    words = _dealt(film["words"], [(w["start_s"] + w["end_s"]) / 2 for w in film["words"]], edges_s)
    order = range(len(film["times_s"]))
    shown = _dealt(list(order), list(film["times_s"]), edges_s)
    for index, (start_s, end_s) in enumerate(pairwise(edges_s)):
        keyframes = [
            {
                "time_s": film["times_s"][i],
                "jpeg": film["jpegs"][i],
                "vector": film["vectors"][i],
                "labels": film["labels"][i],
            }
            for i in shown[index]
        ]
        yield {
            "video": Path(film["path"]).stem,
            "index": index,
            "start_s": start_s,
            "end_s": end_s,
            "transcript": "".join(word["text"] for word in words[index]).strip(),
            "language": film["language"],
            "words": words[index],
            "ocr": list(dict.fromkeys(t for i in shown[index] for t in film["texts"][i])),
            "keyframes": keyframes,
        }


def _edges(cuts_s: list[float], duration_s: float) -> list[float]:
    """Scenes of at least `min_s`, from cut to cut."""
    edges_s = [0.0]
    for cut_s in cuts_s:
        if cut_s - edges_s[-1] >= CONFIG.scene.min_s:
            edges_s.append(cut_s)
    if len(edges_s) > 1 and duration_s - edges_s[-1] < CONFIG.scene.min_s:
        edges_s.pop()
    return [*edges_s, duration_s]


def _dealt(items: list[Any], times_s: list[float], edges_s: list[float]) -> list[list[Any]]:
    dealt: list[list[Any]] = [[] for _ in edges_s[1:]]
    for item, time_s in zip(items, times_s, strict=True):
        dealt[min(len(dealt) - 1, bisect_right(edges_s, time_s) - 1)].append(item)
    return dealt
