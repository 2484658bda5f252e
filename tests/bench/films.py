"""Films to measure with, made once by ffmpeg and espeak-ng and kept in ``.cache/bench``.

Each of `minute_films` shows photographs that the camera nears, moving pictures of packages and
captions, cut every few seconds, while a voice speaks for about two thirds of the time.
"""

from __future__ import annotations

import random
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.media import packages, speech

SIZE = (640, 360)
LARGE = (1280, 720)
FPS = 25
MINUTE_S = 60.0

_VOICES = ("en-us", "en-gb", "en-gb-scotland")
_WHO = (
    "The baker|A tall engineer|My neighbour|The night nurse|An old sailor|The young judge"
).split("|")
_DID = "carried|painted|forgot|repaired|described|sold|measured|followed".split("|")
_WHAT = (
    "three wooden boats|the long bridge|a letter from Lisbon|nine silver spoons|"
    "the broken clock|a map of the coast|her brother's bicycle|two bags of flour"
).split("|")
_WHEN = (
    "before the rain began|while the children slept|in the summer of eighty four|"
    "on a quiet Tuesday morning|after the last train had left|for the second time that week"
).split("|")
_CAPTIONS = "HARBOUR NEWS|Open until 18|Platform 7|LIVE FROM OSLO|Chapter Two|To the Museum".split(
    "|"
)


def cache_folder() -> Path:
    """Where films and results of single measurements are kept."""
    folder = Path(__file__).parents[2] / ".cache" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def minute_films(count: int = 12, *, size: tuple[int, int] = SIZE) -> list[Path]:
    """Different films of one minute, with cuts, captions and speech."""
    folder = _folder(f"minutes-{size[0]}x{size[1]}")
    films = [folder / f"film-{seed:02}.mp4" for seed in range(count)]
    for seed, film in enumerate(films):
        if not film.exists():
            _make_minute(film, seed, size=size)
    return films


def warm_film() -> Path:
    """Six seconds in which every step has something to do."""
    film = _folder("warm") / "warm.mp4"
    if not film.exists():
        _make_minute(film, 99, size=SIZE, duration_s=6.0)
    return film


def long_film(minutes: int, *, size: tuple[int, int]) -> Path:
    """A minute's film over and over, its packets copied: cheap to make, dear to read."""
    film = _folder(f"long-{size[0]}x{size[1]}") / f"{minutes}-minutes.mp4"
    if not film.exists():
        (minute,) = minute_films(1, size=size)
        loops = ["-stream_loop", str(minutes - 1), "-i", str(minute), "-c", "copy"]
        _ffmpeg([*loops, "-t", str(minutes * MINUTE_S)], film)
    return film


def short_films(count: int) -> list[Path]:
    """Films of one second at 160x90, all different, without sound."""
    folder = _folder("seconds")
    films = [folder / f"second-{index:04}.mp4" for index in range(count)]
    for index, film in enumerate(films):
        if not film.exists():
            colour = f"color=c=0x{random.Random(index).randrange(1 << 24):06x}:s=160x90:r=10:d=1"
            codec = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
            title = ["-metadata", f"title=second {index}"]
            _ffmpeg(["-f", "lavfi", "-i", colour, *codec, *title], film)
    return films


def _folder(name: str) -> Path:
    folder = cache_folder() / "films" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _make_minute(
    film: Path, seed: int, *, size: tuple[int, int], duration_s: float = MINUTE_S
) -> None:
    rng = random.Random(seed)
    voice = film.with_suffix(".wav")
    _write_wav(voice, _speech(rng, seed, duration_s))
    inputs: list[str] = []
    chains: list[str] = []
    for index, length_s in enumerate(_shot_lengths(rng, duration_s)):
        source, chain = _shot(rng, index, length_s=length_s, size=size)
        inputs += source
        chains.append(f"{chain}[v{index}]")
    joined = "".join(f"[v{index}]" for index in range(len(chains)))
    graph = ";".join([*chains, f"{joined}concat=n={len(chains)}:v=1[v]"])
    codecs = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"]
    tracks = ["-map", "[v]", "-map", f"{len(chains)}:a", *codecs, "-c:a", "aac"]
    _ffmpeg([*inputs, "-i", str(voice), "-filter_complex", graph, *tracks], film)
    voice.unlink()


def _shot_lengths(rng: random.Random, duration_s: float) -> list[float]:
    """Whole frames, 3 to 8 s each, together `duration_s`."""
    lengths: list[float] = []
    while (left_s := duration_s - sum(lengths)) > 0:
        length_s = min(left_s, rng.randrange(3 * FPS, 8 * FPS) / FPS)
        lengths.append(left_s if left_s - length_s < 2 else length_s)
    return lengths


def _shot(
    rng: random.Random, index: int, *, length_s: float, size: tuple[int, int]
) -> tuple[list[str], str]:
    """ffmpeg's arguments for one input, and the filters that make a shot of it."""
    width, height = size
    fit = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    caption = _caption(rng, height) if rng.random() < 0.5 else "null"
    end = f"setsar=1,format=yuv420p,{caption}"
    if rng.random() < 0.5:
        photograph = rng.choice(sorted(packages.photographs().values()))
        zoom = f"zoompan=z='1+{rng.uniform(0.0005, 0.002):.5f}*on':d={round(length_s * FPS)}"
        near = f"{zoom}:x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2':s={width}x{height}:fps={FPS}"
        source = ["-i", str(photograph)]
        return source, f"[{index}:v]{fit},{near},{end}"
    moving, start_s = _moving(rng)
    source = ["-ss", f"{start_s:.2f}", "-stream_loop", "-1", "-t", f"{length_s}", "-i", str(moving)]
    return source, f"[{index}:v]fps={FPS},{fit},trim=duration={length_s},{end}"


def _moving(rng: random.Random) -> tuple[Path, float]:
    """Moving pictures and where in them to begin."""
    choices = [
        (packages.bikes(), 6.0),
        (packages.big_buck_bunny(), 3.0),
        (packages.carphone(), 2.0),
        (packages.music_video(), 180.0),
    ]
    path, latest_s = rng.choice(choices)
    return path, rng.uniform(0, latest_s)


def _caption(rng: random.Random, height: int) -> str:
    text = f"{rng.choice(_CAPTIONS)} {rng.randrange(100, 999)}"
    place = f"x={rng.randrange(20, 120)}:y=h-{height // 6}"
    look = f"fontcolor=white:fontsize={height // 12}:box=1:boxcolor=black@0.6"
    return f"drawtext=text='{text}':{look}:{place}"


def _speech(rng: random.Random, seed: int, duration_s: float) -> NDArray[np.float32]:
    """Sentences with pauses; in every sixth film a person reads a sonnet."""
    if seed % 6 == 5:
        samples = speech.read_samples(packages.sonnet_audio())
        return _fitted([np.zeros(seed * 1000, np.float32), samples], duration_s)
    pieces: list[NDArray[np.float32]] = []
    wpm, voice = rng.randrange(140, 180), rng.choice(_VOICES)
    while sum(map(len, pieces)) < duration_s * speech.SPEECH_RATE:
        text = " ".join(rng.choice(part) for part in (_WHO, _DID, _WHAT, _WHEN)) + "."
        pieces.append(speech.speak(text, wpm=wpm, voice=voice))
        pieces.append(np.zeros(round(rng.uniform(0.4, 2.5) * speech.SPEECH_RATE), np.float32))
    return _fitted(pieces, duration_s)


def _fitted(pieces: list[NDArray[np.float32]], duration_s: float) -> NDArray[np.float32]:
    """As many samples as the film lasts."""
    samples = np.zeros(round(duration_s * speech.SPEECH_RATE), np.float32)
    joined = np.concatenate(pieces)[: len(samples)]
    samples[: len(joined)] = joined
    return samples


def _write_wav(path: Path, samples: NDArray[np.float32]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(speech.SPEECH_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def _ffmpeg(arguments: list[str], film: Path) -> None:
    """Write a film beside its place and rename it: half a film is none."""
    part = film.with_suffix(".part.mp4")
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments, str(part)], check=True)
    part.replace(film)
