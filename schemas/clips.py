"""What flows from step to step of a clip: frozen values that check themselves.

    Clip -> Footage -> Seen -> Read -> Heard

Each step takes one of these and gives the next; none is filled in along the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scenelake.schemas.checks import require
from scenelake.schemas.film import Source
from scenelake.schemas.media import Picture, Utterance, VisualEncoding
from scenelake.schemas.rows import Keyframe, ScreenText, Word

EVERYTHING: frozenset[str] = frozenset({"cut", "visual", "ocr", "speech"})
"""The column families that are made clip by clip."""


@dataclass(frozen=True, slots=True)
class Track:
    """How the reading of one stream of a clip went.

    Attributes:
        n_frames: frames that were decoded, of pictures or of sound.
        last_s: presentation time of the last one.
        n_refused: packets that the decoder refused, the first at `first_refused_s`.
        broke_off: why the file could not be read to its end.
        notes: what else is to be said of it, in plain sentences.
    """

    kind: Literal["video", "audio"]
    n_frames: int = 0
    last_s: float = 0.0
    n_refused: int = 0
    first_refused_s: float | None = None
    broke_off: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """What is known of a stretch of a film: all that one clip gives.

    Attributes:
        start_s, end_s: the clip's, which its words keep to but for the speech that crosses.
        pictures_start_s, pictures_end_s: what its pictures cover: the clip moved to cuts.
        cuts_s: where shots begin, in time order.
        keyframes: in time order.
        words: in time order, among them those of speech that crosses an end.
        language: ISO 639-1, None where nothing is said.
        translation: what is said in English, as words too, where that was asked for.
    """

    start_s: float
    end_s: float
    pictures_start_s: float
    pictures_end_s: float
    cuts_s: tuple[float, ...] = ()
    keyframes: tuple[Keyframe, ...] = ()
    words: tuple[Word, ...] = ()
    language: str | None = None
    tracks: tuple[Track, ...] = ()
    translation: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """A unit of work inside one film: piece `index` of `count`, ``[start_s, end_s)``.

    Attributes:
        makes: the column families to be made; what the others hold is in `known`.
    """

    source: Source
    index: int
    count: int
    start_s: float
    end_s: float
    makes: frozenset[str] = EVERYTHING
    known: Piece | None = None

    def __post_init__(self) -> None:
        require(0 <= self.index < self.count, f"clip {self.index} of {self.count}")
        require(
            0 <= self.start_s < self.end_s <= self.source.duration_s,
            f"clip {self.start_s}..{self.end_s} s outside 0..{self.source.duration_s} s",
        )
        require(
            self.known is not None or self.makes == EVERYTHING,
            f"clip makes {sorted(self.makes)} alone, and nothing is known of the rest",
        )

    @property
    def clip(self) -> Clip:
        return self

    @property
    def n_bytes(self) -> int:
        """About what it weighs on its way."""
        return sum(len(k.jpeg) for k in self.known.keyframes) if self.known else 0


@dataclass(frozen=True, slots=True)
class Footage:
    """What one pass over a clip leaves: cuts, a few pictures, the stretches of speech.

    `start_s` and `end_s` are the clip's, moved to cuts. `cuts_s`, `pictures` and
    `utterances` are in time order.
    """

    clip: Clip
    start_s: float
    end_s: float
    cuts_s: tuple[float, ...]
    pictures: tuple[Picture, ...]
    utterances: tuple[Utterance, ...]
    tracks: tuple[Track, ...] = ()

    @property
    def n_bytes(self) -> int:
        pictures = sum(len(picture.jpeg) for picture in self.pictures)
        return pictures + sum(utterance.samples.nbytes for utterance in self.utterances)


@dataclass(frozen=True, slots=True)
class Seen:
    """Footage with its pictures encoded."""

    footage: Footage
    encoding: VisualEncoding

    @property
    def clip(self) -> Clip:
        return self.footage.clip

    @property
    def n_bytes(self) -> int:
        return self.footage.n_bytes + self.encoding.vectors.nbytes


@dataclass(frozen=True, slots=True)
class Read:
    """Footage with its screen text read."""

    seen: Seen
    texts: tuple[ScreenText, ...]

    @property
    def clip(self) -> Clip:
        return self.seen.clip

    @property
    def n_bytes(self) -> int:
        return self.seen.n_bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip with its speech written down; the samples are no longer carried."""

    clip: Clip
    piece: Piece

    @property
    def n_bytes(self) -> int:
        return sum(len(keyframe.jpeg) for keyframe in self.piece.keyframes)
