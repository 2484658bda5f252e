"""Scenes with pictures, words and screen text, and a language model that follows a script."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from scenelake.schemas.config import DescribeConfig
from scenelake.schemas.rows import Keyframe, Label, Scene, ScreenText, Shot, Word
from scenelake.workers.chat import ChatError, Image, Prompt, Saying, Usage

SCENE_S = 10.0
DIM = 4
CONFIG = DescribeConfig(max_tokens=300, context_tokens=8000)


class ScriptedChat:
    """Answers each prompt as it is told to; remembers the prompts of each call."""

    model = "scripted@1"
    weights: tuple[str, ...] = ()

    def __init__(self, answer: Callable[[Prompt], str | ChatError], *, sees: bool = True) -> None:
        self._answer = answer
        self.sees = sees
        self.calls: list[list[Prompt]] = []

    @property
    def prompts(self) -> list[Prompt]:
        return [prompt for call in self.calls for prompt in call]

    def setup(self) -> None:
        """Has no weights."""

    def say(self, prompts: Sequence[Prompt]) -> list[Saying | ChatError]:
        self.calls.append(list(prompts))
        return [self._say(prompt) for prompt in prompts]

    def _say(self, prompt: Prompt) -> Saying | ChatError:
        answer = self._answer(prompt)
        if isinstance(answer, ChatError):
            return answer
        return Saying(answer, Usage(n_prompts=1, n_prompt_tokens=10, n_reply_tokens=5))


def reply(
    description: str = "",
    *,
    title: str = "",
    labels: Sequence[str] = (),
    visible_text: Sequence[str] = (),
    mood: str = "",
) -> str:
    """A reply of the schema that is asked for."""
    return json.dumps(
        {
            "visible_text": list(visible_text),
            "description": description,
            "title": title,
            "labels": list(labels),
            "mood": mood,
        }
    )


def jpeg(*, width: int = 320, height: int = 180, shade: int = 128) -> bytes:
    """A picture of a white square on grey."""
    pixels = np.full((height, width, 3), shade, np.uint8)
    cv2.rectangle(pixels, (10, 10), (height // 2, height // 2), (255, 255, 255), -1)
    return bytes(cv2.imencode(".jpg", pixels)[1])


def frame(
    time_s: float, *, vector: Sequence[float] = (0, 0, 0, 0), label: str = "", data: bytes = b""
) -> Keyframe:
    labels = (Label(label, 0.8),) if label else ()
    return Keyframe(time_s, data or jpeg(), np.array(vector, np.float32), labels=labels)


def words(text: str, *, start_s: float, word_s: float = 0.3) -> tuple[Word, ...]:
    """A text spoken at an even pace."""
    return tuple(
        Word(word, start_s + i * word_s, start_s + (i + 0.9) * word_s, 0.9)
        for i, word in enumerate(text.split())
    )


def scene(
    index: int = 0,
    *,
    said: str = "",
    spoken: Sequence[Word] = (),
    frames: Sequence[Keyframe] = (),
    screen: Sequence[tuple[float, str]] = (),
    sounds: Sequence[str] = (),
    video_id: str = "film",
) -> Scene:
    """A scene of ten seconds; `said` begins a second after it does."""
    start_s = index * SCENE_S
    return Scene(
        video_id=video_id,
        index=index,
        start_s=start_s,
        end_s=start_s + SCENE_S,
        shots=(Shot(start_s, start_s + SCENE_S),),
        labels=tuple(label for f in frames for label in f.labels),
        ocr=tuple(ScreenText(text, 0.9, time_s) for time_s, text in screen),
        words=tuple(spoken) or words(said, start_s=start_s + 1),
        audio_events=tuple(Label(name, 0.7) for name in sounds),
        keyframes=tuple(frames),
    )


def text_of(prompt: Prompt) -> str:
    """A prompt as one text, pictures as ``<time>``."""
    parts = [f"<{p.time_s}>" if isinstance(p, Image) else p for p in prompt.parts]
    return "\n".join(parts)


def times_of(prompt: Prompt) -> tuple[float, ...]:
    """Times of the pictures in a prompt."""
    return tuple(part.time_s for part in prompt.parts if isinstance(part, Image))
