"""Cues as SubRip (SRT) and WebVTT.

SRT has no standard; this is what ffmpeg, VLC and video sites read: UTF-8, a number, a line of
times, text, a blank line. It knows no speakers and no escapes. WebVTT: W3C, "WebVTT: The Web
Video Text Tracks Format"; speakers are its voice spans.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from scenelake.pipeline.export.cues import Cue
from scenelake.schemas.rows import Word


def srt(cues: Iterable[Cue]) -> str:
    """A whole .srt file."""
    return "\n".join(
        f"{number}\n{_time(cue.start_s, ',')} --> {_time(cue.end_s, ',')}\n{_srt_text(cue)}\n"
        for number, cue in enumerate(cues, start=1)
    )


def vtt(cues: Iterable[Cue]) -> str:
    """A whole .vtt file."""
    return "WEBVTT\n" + "".join(
        f"\n{number}\n{_time(cue.start_s, '.')} --> {_time(cue.end_s, '.')}\n{_vtt_text(cue)}\n"
        for number, cue in enumerate(cues, start=1)
    )


def with_names(words: Sequence[Word]) -> list[Word]:
    """Words with the speaker's name before the first one of each turn, for SRT.

    Where one person alone speaks, or nobody knows who does, there is nothing to tell apart.
    """
    if len({word.speaker for word in words if word.speaker}) < 2:
        return list(words)
    return list(_named(sorted(words, key=lambda word: word.start_s)))


def _named(words: Iterable[Word]) -> Iterator[Word]:
    last: str | None = None
    for word in words:
        is_new = bool(word.speaker) and word.speaker != last
        yield replace(word, text=f"{word.speaker}: {word.text}") if is_new else word
        last = word.speaker


def _time(seconds: float, point: str) -> str:
    """``01:02:03,456``."""
    whole_s, ms = divmod(round(seconds * 1000), 1000)
    minutes, s = divmod(whole_s, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{s:02}{point}{ms:03}"


def _srt_text(cue: Cue) -> str:
    """An arrow in the text would be read as a line of times."""
    return cue.text.replace("-->", "\N{RIGHTWARDS ARROW}")


def _vtt_text(cue: Cue) -> str:
    escaped = _escaped(cue.text)
    return f"<v {_escaped(' '.join(cue.speaker.split()))}>{escaped}" if cue.speaker else escaped


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
