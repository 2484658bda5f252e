"""The step from a clip to its footage, by decoders in a process of their own.

Decoders hang, crash and eat memory, and a film that makes them do so must not end the
run: they work in a child process with limits of time and memory. What the first decoder
does not survive or finish, the second tries.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from scenelake.schemas.clips import EVERYTHING, Clip, Footage, Piece, Track
from scenelake.schemas.config import Config
from scenelake.schemas.errors import InputError
from scenelake.schemas.media import Picture
from scenelake.workers import registry
from scenelake.workers.engines import CutDetector, VoiceDetector
from scenelake.workers.files import local_copy
from scenelake.workers.look import Listened, Looked
from scenelake.workers.sandbox import Sandbox, SandboxError
from scenelake.workers.stage import Resources

logger = logging.getLogger(__name__)

_LOOK = "scenelake.workers.look:look"
_LISTEN = "scenelake.workers.look:listen"


class Decode:
    """The step from a clip to its footage."""

    resources = Resources(cpus=1.0)
    families = frozenset({"cut", "speech"})

    def __init__(self, config: Config) -> None:
        self._config = config
        self._cutter: CutDetector = registry.make("cut", config.cut)
        self._voices: VoiceDetector = registry.make("vad", config.vad)
        self._sandbox = Sandbox(
            memory_bytes=config.limits.decode_memory_bytes, attempts=config.limits.attempts
        )

    @property
    def models(self) -> dict[str, str]:
        return {"cut": self._cutter.model, "vad": self._voices.model}

    def setup(self) -> None:
        """Nothing to load: the child process loads what it needs."""

    def close(self) -> None:
        """End the child process."""
        self._sandbox.close()

    def process(self, item: Clip) -> Iterator[Footage]:
        """Decode a clip.

        Errors:
            InputError: no decoder survives it: timeout, crashed, out_of_memory.
        """
        try:
            with local_copy(item.source.uri) as path:
                yield self._footage(path, item)
        except InputError as error:
            if item.count == 1 or self._config.limits.bad_clips == "fail":
                raise
            yield _left_out(item, str(error))

    def skip(self, item: Clip) -> Footage:
        """The footage of a clip of which everything is known."""
        return _footage(item, _known_pictures(item), Listened((), Track("audio")))

    def _footage(self, path: Path, clip: Clip) -> Footage:
        listened = Listened((), Track("audio"))
        if "speech" in clip.makes and clip.source.audio is not None:
            listened = self._call(_LISTEN, path, clip)
        looks = "cut" in clip.makes
        looked = self._look(path, clip) if looks else _known_pictures(clip)
        return _footage(clip, looked, listened)

    def _look(self, path: Path, clip: Clip) -> Looked:
        """Pictures by the first decoder, or by the second where that one gets further."""
        if clip.source.video is None:
            return Looked(clip.start_s, clip.end_s, (), (), Track("video"))
        first = self._config.decode.backend
        second = "decord" if first == "pyav" else "pyav"
        looked: Looked | None = None
        stopped: InputError | None = None
        for backend in (first, second):
            try:
                tried: Looked = self._call(_LOOK, path, clip, backend)
            except InputError as error:
                stopped = stopped or error
                logger.warning("%s", error)
                continue
            if looked is None or tried.track.n_frames > looked.track.n_frames:
                looked = tried
            if not tried.gave_up and (tried.track.n_frames or clip.count > 1):
                break
        if stopped is not None and (looked is None or not looked.track.n_frames):
            raise stopped
        assert looked is not None
        return looked

    def _call(self, target: str, path: Path, clip: Clip, *args: Any) -> Any:
        limits = self._config.limits
        length_s = clip.end_s - clip.start_s
        try:
            return self._sandbox.call(
                target,
                str(path),
                replace(clip, known=None, makes=EVERYTHING),
                self._config,
                *args,
                timeout_s=limits.decode_timeout_s + limits.decode_timeout_factor * length_s,
            )
        except SandboxError as error:
            by = f" with {args[0]}" if args else ""
            what = "pictures" if target == _LOOK else "sound"
            raise InputError(
                f"{_place(clip)}: reading its {what}{by}: {error}", error_type=error.error_type
            ) from error


def _place(clip: Clip) -> str:
    """The film, and the clip where there are several."""
    if clip.count == 1:
        return clip.source.uri
    return f"{clip.source.uri}, {clip.start_s:.0f} to {clip.end_s:.0f} s"


def _footage(clip: Clip, looked: Looked, listened: Listened) -> Footage:
    known = clip.known.tracks if clip.known else ()
    made = [
        *([looked.track] if "cut" in clip.makes and clip.source.video else []),
        *([listened.track] if "speech" in clip.makes and clip.source.audio else []),
    ]
    kept = [t for t in known if t.kind not in {track.kind for track in made}]
    return Footage(
        clip=clip,
        start_s=looked.start_s,
        end_s=looked.end_s,
        cuts_s=looked.cuts_s,
        pictures=looked.pictures,
        utterances=listened.utterances,
        tracks=(*made, *kept),
    )


def _known_pictures(clip: Clip) -> Looked:
    known = clip.known or Piece(clip.start_s, clip.end_s, clip.start_s, clip.end_s)
    return Looked(
        start_s=known.pictures_start_s,
        end_s=known.pictures_end_s,
        cuts_s=known.cuts_s,
        pictures=tuple(Picture(k.time_s, k.jpeg) for k in known.keyframes),
        track=Track("video"),
    )


def _left_out(clip: Clip, reason: str) -> Footage:
    """Footage of a clip that no decoder survives: nothing but a note."""
    note = Track("video", notes=(f"left out: {reason}",))
    return Footage(clip, clip.start_s, clip.end_s, (), (), (), (note,))
