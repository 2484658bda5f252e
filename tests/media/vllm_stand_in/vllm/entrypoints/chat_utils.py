"""Messages with pictures, read as vLLM does: pictures apart, their places kept."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image

from vllm.config import ModelConfig


async def parse_chat_messages_async(
    messages: list[dict[str, Any]], _config: ModelConfig, content_format: str
) -> tuple[list[dict[str, Any]], dict[str, Any] | None, None]:
    assert content_format == "openai"
    images: list[Image.Image] = []
    read = [{**m, "content": _content(m["content"], images)} for m in messages]
    return read, {"image": images} if images else None, None


def _content(content: Any, images: list[Image.Image]) -> Any:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [_part(part, images) for part in content]


def _part(part: dict[str, Any], images: list[Image.Image]) -> dict[str, Any]:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    jpeg = base64.b64decode(part["image_url"]["url"].partition("base64,")[2])
    images.append(Image.open(io.BytesIO(jpeg)).convert("RGB"))
    return {"type": "image"}
