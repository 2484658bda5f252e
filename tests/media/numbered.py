"""Films whose picture and speech both say which one they are."""

from __future__ import annotations

import re
import subprocess
import wave
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

from .speech import SPEECH_RATE, speak

DIGITS = "zero one two three four five six seven eight nine".split()
_ALIKE = {"to": "two", "too": "two", "for": "four", "free": "three"}
"""What a recogniser may write for a digit, and rightly."""
_FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def numbers(n: int) -> list[str]:
    """Different numbers of three different digits, spread over all there are.

    Without zero, which is read as a letter, and without pairs, which are heard as one: of
    the rest a small recogniser hears this module's sentence right.
    """
    digits = "123456789"
    every = [a + b + c for a in digits for b in digits for c in digits if len({a, b, c}) == 3]
    return [every[index * len(every) // n] for index in range(n)]


def numbered_film(path: Path, number: str, *, duration_s: float = 5.0) -> Path:
    """The number in large figures on a plain ground, and a voice that says its digits."""
    voice = path.with_suffix(".wav")
    said = ", ".join(DIGITS[int(digit)] for digit in number)
    _write(voice, speak(f"This is film number {said}.", wpm=130))
    ground = f"color=c=0x{_colour(number)}:size=320x180:rate=10:duration={duration_s}"
    text = f"drawtext=fontfile={_FONT}:text={number}:fontsize=90:fontcolor=white"
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", ground, "-i", str(voice)]
    command += ["-vf", f"{text}:x=(w-tw)/2:y=(h-th)/2", "-af", "adelay=300,apad"]
    command += ["-t", str(duration_s), "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]
    subprocess.run([*command, str(path)], check=True)
    voice.unlink()
    return path


def digits(text: str) -> str:
    """The digits that are written or spelt in a text, the rest left out."""
    words = re.findall(r"[a-z]+|\d", text.lower())
    spelt = (_ALIKE.get(word, word) for word in words)
    return "".join(
        str(DIGITS.index(word)) if word in DIGITS else word
        for word in spelt
        if word in DIGITS or word.isdigit()
    )


def _write(path: Path, samples: NDArray[np.float32]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SPEECH_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def _colour(number: str) -> str:
    """A dark colour of its own for each number, so that no two films are alike."""
    return "".join(f"{16 * int(digit) // 2:02x}" for digit in number)
