"""Sentences as espeak-ng speaks them."""

from __future__ import annotations

import io
import shutil
import subprocess

import av
import numpy as np

from scenelake.pipeline.evaluation.own.script import Voice
from scenelake.schemas.arrays import Float32
from scenelake.schemas.errors import SceneLakeError, UsageError

SOUND_RATE = 16_000
_PROGRAM = "espeak-ng"
_SILENCE = 0.01
_LOUDEST = 0.6


def check_voice() -> None:
    """Make sure that somebody can speak.

    Errors:
        UsageError: espeak-ng is not installed; the message says what to type.
    """
    if shutil.which(_PROGRAM) is None:
        raise UsageError(f"eval own: {_PROGRAM} is missing: sudo apt-get install {_PROGRAM}")


def speak(text: str, voice: Voice) -> Float32:
    """(T,) float32 mono at `SOUND_RATE`, without the silence around it.

    Errors:
        SceneLakeError: espeak-ng failed, with its last line.
    """
    command = [_PROGRAM, "-v", voice.name, "-s", str(voice.wpm), "--stdout", "--stdin"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    if done.returncode != 0 or not done.stdout:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise SceneLakeError(f"{_PROGRAM} did not speak: {' '.join(last) or 'it said nothing'}")
    samples = _read(done.stdout)
    loud = np.flatnonzero(np.abs(samples) > _SILENCE)
    trimmed = samples[loud[0] : loud[-1] + 1]
    return np.asarray(trimmed * (_LOUDEST / np.abs(trimmed).max()), np.float32)


def _read(wav: bytes) -> Float32:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SOUND_RATE)
    with av.open(io.BytesIO(wav), "r") as container:
        pieces = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    pieces += resampler.resample(None)
    return np.concatenate([piece.to_ndarray()[0] for piece in pieces])
