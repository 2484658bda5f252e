"""Speech with known words, from Debian's espeak-ng."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from .packages import cache_folder

SPEECH_RATE = 16_000
Float32 = NDArray[np.float32]


def speak(text: str, *, wpm: int = 150, voice: str = "en-us") -> Float32:
    """(T,) float32 mono at 16 kHz of `text`, spoken at `wpm` words a minute.

    Errors:
        FileNotFoundError: espeak-ng is not installed.
    """
    key = hashlib.sha256(f"{voice}\n{wpm}\n{text}".encode()).hexdigest()[:24]
    cached = cache_folder() / "speech" / f"{key}.npy"
    if not cached.exists():
        _save_whole(_synthesise(text, wpm=wpm, voice=voice), cached)
    samples: Float32 = np.load(cached)
    return samples


def read_samples(path: Path, *, sample_rate: int = SPEECH_RATE) -> Float32:
    """(T,) float32 mono of all sound in a file, from its first sample on."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=sample_rate)
    pieces = [np.zeros(0, np.float32)]
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            # Only the samples count here; gaps in a file's times must not stop the resampler.
            frame.pts = None
            pieces += [out.to_ndarray()[0] for out in resampler.resample(frame)]
    pieces += [out.to_ndarray()[0] for out in resampler.resample(None)]
    return np.concatenate(pieces)


def _synthesise(text: str, *, wpm: int, voice: str) -> Float32:
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        command = ["espeak-ng", "-v", voice, "-s", str(wpm), "-w", str(wav), "--stdin"]
        subprocess.run(command, input=text, text=True, check=True)
        return read_samples(wav)


def _save_whole(samples: Float32, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    with partial.open("wb") as file:
        np.save(file, samples)
    partial.replace(path)
