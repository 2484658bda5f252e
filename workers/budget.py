"""What a prompt costs, and what is left out of one that is too long.

Tokens are estimated, not counted: a server does not count for us before it refuses. Text
is taken at three characters a token, which few languages in Latin script are denser than.
A picture is taken at one token for each 28 by 28 pixels of a square of its longer side
(Qwen-VL's patches), and at 256 at least (what InternVL and Gemma 3 make of any picture).
Models that cut a picture into tiles (LLaVA-OneVision: up to 729 tokens a tile) need a
`context_tokens` set lower than theirs.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import replace

from scenelake.workers.chat import Image, Prompt
from scenelake.workers.moments import Material, Moment
from scenelake.workers.shown import spread

logger = logging.getLogger(__name__)

CHARS_PER_TOKEN = 3
PATCH_PX = 28
MIN_PICTURE_TOKENS = 256
MARK_TOKENS = 8
"""Of a time stamp, or of what a chat template puts around a message."""

_SHRINK = 0.9
_CUT = "…"


def text_tokens(text: str) -> int:
    """About how many tokens a text has: rather too many than too few."""
    return math.ceil(len(text) / CHARS_PER_TOKEN)


def picture_tokens(side_px: int) -> int:
    """About how many tokens a picture of this longer side has."""
    return max(MIN_PICTURE_TOKENS, math.ceil(side_px / PATCH_PX) ** 2)


def cut_middle(text: str, *, room_tokens: int) -> str:
    """The beginning and the end of a text, as much as there is room for, "…" between."""
    room = max(0, room_tokens * CHARS_PER_TOKEN)
    if len(text) <= room:
        return text
    half = room // 2
    before, after = text[:half], text[len(text) - half :]
    return f"{before.rpartition(' ')[0]} {_CUT} {after.partition(' ')[2]}"


def prompt_tokens(prompt: Prompt, *, side_px: int) -> int:
    """About how many tokens a prompt has, its reply apart."""
    costs = [
        picture_tokens(side_px) if isinstance(part, Image) else text_tokens(part) + MARK_TOKENS
        for part in (prompt.system, *prompt.parts)
    ]
    return sum(costs)


def fit(material: Material, *, room_tokens: int, side_px: int) -> Material:
    """As much of what there is to tell as there is room for.

    Neighbours go first, the farthest before the nearest; then pictures, evenly, down to
    one; then words, from the middle, with "…" in their place; then the last picture.
    """
    fitting = material
    for fitting in _ever_less(material):
        if _tokens(fitting, side_px=side_px) <= room_tokens:
            break
    _log_cuts(material, fitting)
    return fitting


def _log_cuts(whole: Material, fitting: Material) -> None:
    scene_id = whole.scene.scene_id
    if len(_frames(fitting)) < len(_frames(whole)):
        n_left, n_all = len(_frames(fitting)), len(_frames(whole))
        logger.info("%s: only %d of %d frames fit the model", scene_id, n_left, n_all)
    if _n_words(fitting) < _n_words(whole):
        n_left, n_all = _n_words(fitting), _n_words(whole)
        logger.warning("%s: only %d of %d words fit the model", scene_id, n_left, n_all)


def _ever_less(material: Material) -> Iterator[Material]:
    yield material
    while material.around:
        farthest = max(material.around, key=lambda n: (abs(n.offset), n.offset))
        kept = tuple(n for n in material.around if n is not farthest)
        material = replace(material, around=kept)
        yield material
    frames, whole = _frames(material), material
    for count in range(len(frames) - 1, 0, -1):
        material = _with_frames(whole, spread(frames, count))
        yield material
    whole, n_words = material, _n_words(material)
    while n_words:
        n_words = int(n_words * _SHRINK)
        material = replace(whole, moments=tuple(_thinned(whole.moments, n_words)))
        yield material
    yield _with_frames(material, ())


def _tokens(material: Material, *, side_px: int) -> int:
    texts = [*(n.text for n in material.around), *material.sounds]
    moments = sum(_moment_tokens(m, side_px=side_px) for m in material.moments)
    return moments + sum(text_tokens(text) + MARK_TOKENS for text in texts)


def _moment_tokens(moment: Moment, *, side_px: int) -> int:
    shown = picture_tokens(side_px) if moment.image else 0
    return shown + text_tokens(moment.text) + MARK_TOKENS


def _frames(material: Material) -> tuple[Moment, ...]:
    return tuple(m for m in material.moments if m.kind == "seen")


def _with_frames(material: Material, frames: tuple[Moment, ...]) -> Material:
    kept = tuple(m for m in material.moments if m.kind != "seen" or m in frames)
    return replace(material, moments=kept)


def _n_words(material: Material) -> int:
    texts = [m.text for m in material.moments if m.kind != "seen"]
    return sum(word != _CUT for text in texts for word in text.split())


def _thinned(moments: tuple[Moment, ...], n_words: int) -> Iterator[Moment]:
    """Moments with the first and the last of their words, `n_words` in all."""
    n_all = sum(len(m.text.split()) for m in moments if m.kind != "seen")
    first, last = (n_words + 1) // 2, n_all - n_words // 2
    at = 0
    for moment in moments:
        if moment.kind == "seen":
            yield moment
            continue
        words = list(enumerate(moment.text.split(), start=at))
        at += len(words)
        kept = [_CUT if i == first else w for i, w in words if i <= first or i >= last]
        if kept:
            yield replace(moment, text=" ".join(kept))
