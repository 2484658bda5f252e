"""A prompt as the messages of OpenAI's chat completions, which llama.cpp takes too."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from scenelake.workers.chat import ChatError, Image, Prompt

_JPEG_START = b"\xff\xd8\xff"


def messages(prompt: Prompt) -> list[dict[str, Any]]:
    """System text, and one message of texts and of pictures as data URLs (RFC 2397).

    Texts without a picture among them are one text, which every chat template takes.

    Errors:
        ChatError: a picture is not a JPEG.
    """
    parts = list(stamped(prompt.parts))
    if any(isinstance(part, Image) for part in parts):
        content: Any = [_content(part) for part in parts]
    else:
        content = "\n".join(part for part in parts if isinstance(part, str))
    return [{"role": "system", "content": prompt.system}, {"role": "user", "content": content}]


def stamped(parts: Sequence[str | Image]) -> Iterator[str | Image]:
    """The parts, with "[12.4 s]" before each picture where the text before does not say so."""
    before = ""
    for part in parts:
        if isinstance(part, str):
            before = part
        else:
            stamp = f"[{part.time_s:.1f} s]"
            if stamp not in before:
                yield stamp
            before = ""
        yield part


def check_jpeg(image: Image) -> None:
    """Look at the first bytes only.

    Errors:
        ChatError: they are not a JPEG's.
    """
    if not image.jpeg.startswith(_JPEG_START):
        raise ChatError(f"the picture at {image.time_s:.1f} s is not a JPEG")


def _content(part: str | Image) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    check_jpeg(part)
    url = f"data:image/jpeg;base64,{base64.b64encode(part.jpeg).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}
