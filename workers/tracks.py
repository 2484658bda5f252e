"""How the reading of a whole film went, told from its clips' tracks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scenelake.schemas.clips import Track
from scenelake.schemas.film import Source

_END_SLACK_S = 1.0
"""A track may end this much before the film does without being called cut short."""


def is_empty(tracks: Sequence[Track]) -> bool:
    """Whether nothing of the film was decoded."""
    return all(track.n_frames == 0 for track in tracks)


def warnings(source: Source, tracks: Sequence[Track]) -> tuple[str, ...]:
    """Plain sentences on what of the film is missing, each once."""
    told = list(source.warnings)
    for kind in ("video", "audio"):
        ours = [track for track in tracks if track.kind == kind]
        told.extend(note for track in ours for note in track.notes)
        told.extend(_damage(kind, ours))
        if kind == "video":
            told.extend(_cut_short(source, ours))
    return tuple(dict.fromkeys(told))


def _damage(kind: str, tracks: Sequence[Track]) -> Iterator[str]:
    n_refused = sum(track.n_refused for track in tracks)
    if n_refused:
        known_s = [t.first_refused_s for t in tracks if t.first_refused_s is not None]
        at = f", the first at {min(known_s):.1f} s" if known_s else ""
        yield f"{kind}: damaged packets were left out: {n_refused}{at}"
    for reason in dict.fromkeys(t.broke_off for t in tracks if t.broke_off):
        yield f"{kind}: the file breaks off: {reason}"


def _cut_short(source: Source, tracks: Sequence[Track]) -> Iterator[str]:
    """A sentence where the pictures end well before the packets say they should."""
    if source.video is None or not tracks:
        return
    last_s = max(track.last_s for track in tracks)
    if sum(track.n_frames for track in tracks) == 0:
        yield "video: nothing of it can be decoded"
    elif source.video.end_s - last_s > _END_SLACK_S:
        yield (
            f"video ends at {last_s:.1f} s of {source.video.end_s:.1f} s: "
            "packets after that are unreadable"
        )
