"""Makes the demo film and its truth from four photographs and espeak-ng's voice.

Run by hand when the film is to change; what it made is committed::

    python pipeline/demo/make_film.py FOLDER_WITH_SCIKIT_IMAGES_PHOTOGRAPHS

Writes film.mp4 and truth.json beside itself. CREDITS.md says whose photographs they are.
"""

from __future__ import annotations

import heapq
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

FPS = 24
SIZE = (640, 360)
SOUND_RATE = 16_000
VOICE = "en-gb-x-rp+klatt"
WPM = 140
LEAD_S, PAUSE_S, TAIL_S = 1.0, 0.8, 2.5

Picture = NDArray[np.uint8]
Float32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """What the camera sees of a photograph: centre and width, as fractions of its size."""

    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Shot:
    """A photograph, how the camera moves over it, what is said and what is written."""

    name: str
    file: str
    shows: str
    start: View
    end: View
    sentences: tuple[str, ...]
    caption: str = ""


SHOTS = (
    Shot(
        name="cat",
        file="chelsea.png",
        shows="the face of a ginger tabby cat with green eyes",
        start=View(0.5, 0.5, 1.0),
        end=View(0.55, 0.52, 0.8),
        sentences=("Here is a cat called Chelsea.", "Look at her long white whiskers."),
    ),
    Shot(
        name="coffee",
        file="coffee.png",
        shows="an espresso in a red cup on a wooden table",
        start=View(0.58, 0.45, 0.72),
        end=View(0.5, 0.5, 1.0),
        sentences=(
            "The water for this coffee was 93 degrees hot.",
            "It is served in a red cup with a small spoon.",
        ),
        caption="Roasted in Ethiopia",
    ),
    Shot(
        name="rocket",
        file="rocket.jpg",
        shows="a white rocket on its launch pad at dusk",
        start=View(0.5, 0.56, 1.0),
        end=View(0.5, 0.6, 0.72),
        sentences=(
            "This rocket flew in February 2015.",
            "It carried a weather satellite from Florida into space.",
        ),
    ),
    Shot(
        name="astronaut",
        file="astronaut.png",
        shows="a smiling astronaut in an orange space suit, with a flag and a model shuttle",
        start=View(0.45, 0.3, 0.84),
        end=View(0.5, 0.34, 1.0),
        sentences=(
            "This is Eileen Collins, an astronaut from New York.",
            "In 1995, she was the pilot of a space shuttle.",
        ),
    ),
)

# What a viewer of the film may search for or ask, and where the right answer is.
QUERIES = (
    {"text": "a cat", "scene": "cat"},
    {"text": "hot drink in a mug", "scene": "coffee"},
    {"text": "space launch", "scene": "rocket"},
)
QUESTIONS = (
    {"question": "What is the cat called?", "answer": "Chelsea", "scene": "cat"},
    {"question": "How hot was the water?", "answer": "93 degrees", "scene": "coffee"},
    {"question": "When did the rocket fly?", "answer": "February 2015", "scene": "rocket"},
)
UNANSWERABLE = ({"question": "What does the dog eat?"},)


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence in the film; times in seconds from its start."""

    text: str
    start_s: float
    samples: Float32

    @property
    def end_s(self) -> float:
        return self.start_s + len(self.samples) / SOUND_RATE


@dataclass(frozen=True, slots=True)
class Placed:
    """A shot with its frames [first, after) and sentences."""

    shot: Shot
    first: int
    after: int
    said: tuple[Said, ...]


def speak(text: str) -> Float32:
    """(T,) float32 mono at `SOUND_RATE`, without the silence around it."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        command = ["espeak-ng", "-v", VOICE, "-s", str(WPM), "-w", str(wav), "--stdin"]
        subprocess.run(command, input=text, text=True, check=True)
        samples = _read(wav)
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1] + 1]


def _read(wav: Path) -> Float32:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SOUND_RATE)
    with av.open(str(wav)) as container:
        pieces = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    pieces += resampler.resample(None)
    return np.concatenate([piece.to_ndarray()[0] for piece in pieces])


def place(shots: tuple[Shot, ...]) -> Iterator[Placed]:
    """Lay shots end to end, each as long as its sentences need, cut between whole frames."""
    first = 0
    for shot in shots:
        at_s = first / FPS + LEAD_S
        said = []
        for text in shot.sentences:
            said.append(Said(text, at_s, speak(text)))
            at_s = said[-1].end_s + PAUSE_S
        after = round((said[-1].end_s + TAIL_S) * FPS)
        yield Placed(shot, first, after, tuple(said))
        first = after


def frames(placed: list[Placed], folder: Path) -> Iterator[tuple[int, Picture]]:
    """Every frame of the film, (index, (H, W, 3) uint8 BGR)."""
    for one in placed:
        photograph = cv2.imread(str(folder / one.shot.file))
        if photograph is None:
            raise FileNotFoundError(f"no photograph {one.shot.file} in {folder}")
        for index in range(one.first, one.after):
            part = (index - one.first) / (one.after - one.first)
            picture = _seen(np.asarray(photograph, np.uint8), one.shot, part)
            yield index, _captioned(picture, one.shot.caption)


def _seen(photograph: Picture, shot: Shot, part: float) -> Picture:
    """The view at `part` (0 to 1) of the camera's way, without jumps from pixel to pixel."""
    eased = part * part * (3 - 2 * part)
    start, end = shot.start, shot.end
    x, y, wide = (
        getattr(start, side) + eased * (getattr(end, side) - getattr(start, side))
        for side in ("x", "y", "width")
    )
    height, width = photograph.shape[:2]
    scale = wide * width / SIZE[0]
    left = min(max(x * width - scale * SIZE[0] / 2, 0), width - scale * SIZE[0])
    top = min(max(y * height - scale * SIZE[1] / 2, 0), height - scale * SIZE[1])
    inverse = np.array([[scale, 0, left], [0, scale, top]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(photograph, inverse, SIZE, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.uint8)


def _captioned(picture: Picture, caption: str) -> Picture:
    if not caption:
        return picture
    font, scale, weight = cv2.FONT_HERSHEY_DUPLEX, 1.1, 2
    (width, _), _ = cv2.getTextSize(caption, font, scale, weight)
    band = picture[-64:]
    band[:] = band // 3
    place = ((SIZE[0] - width) // 2, SIZE[1] - 20)
    cv2.putText(picture, caption, place, font, scale, (255, 255, 255), weight, cv2.LINE_AA)
    return picture


def sound(placed: list[Placed]) -> Float32:
    """(T,) float32: every sentence in its place."""
    samples = np.zeros(placed[-1].after * SOUND_RATE // FPS, np.float32)
    for said in (said for one in placed for said in one.said):
        at = round(said.start_s * SOUND_RATE)
        samples[at : at + len(said.samples)] = said.samples
    return samples


def write(film: Path, pictures: Iterator[tuple[int, Picture]], samples: Float32) -> None:
    """Encode as H.264 and AAC, the index first."""
    with av.open(str(film), "w", options={"movflags": "faststart"}) as container:
        video = container.add_stream("libx264", rate=FPS, options={"crf": "27", "preset": "slow"})
        video.width, video.height = SIZE
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        audio.bit_rate = 48_000
        tracks = _video_frames(video, pictures), _audio_frames(audio, samples)
        for _, stream, frame in heapq.merge(*tracks, key=lambda timed: timed[0]):
            container.mux(stream.encode(frame))
        for stream in (video, audio):
            container.mux(stream.encode(None))


def _video_frames(
    stream: Any, pictures: Iterator[tuple[int, Picture]]
) -> Iterator[tuple[float, Any, av.VideoFrame]]:
    for index, picture in pictures:
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        yield index / FPS, stream, frame


def _audio_frames(stream: Any, samples: Float32) -> Iterator[tuple[float, Any, av.AudioFrame]]:
    for at in range(0, len(samples), 1024):
        block = samples[np.newaxis, at : at + 1024]
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE, at
        frame.time_base = Fraction(1, SOUND_RATE)
        yield at / SOUND_RATE, stream, frame


def truth(placed: list[Placed]) -> dict[str, Any]:
    """What is in the film, and what may be asked of it."""
    return {
        "duration_s": round(placed[-1].after / FPS, 3),
        "scenes": [
            {
                "name": one.shot.name,
                "start_s": round(one.first / FPS, 3),
                "end_s": round(one.after / FPS, 3),
                "shows": one.shot.shows,
                "screen_text": one.shot.caption,
                "sentences": [
                    {
                        "text": said.text,
                        "start_s": round(said.start_s, 3),
                        "end_s": round(said.end_s, 3),
                    }
                    for said in one.said
                ],
            }
            for one in placed
        ],
        "queries": QUERIES,
        "questions": QUESTIONS,
        "unanswerable": UNANSWERABLE,
    }


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("usage: make_film.py FOLDER_WITH_PHOTOGRAPHS")
    here = Path(__file__).parent
    placed = list(place(SHOTS))
    write(here / "film.mp4", frames(placed, Path(sys.argv[1])), sound(placed))
    (here / "truth.json").write_text(json.dumps(truth(placed), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
