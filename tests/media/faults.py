"""Damage that a seeded script can do to the bytes of any film."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

Damage = Callable[[bytearray, bytes, random.Random], None]
"""Changes a film's bytes in place; the second film is one to take foreign bytes from."""

_SIZED = (
    *(b"moov", b"trak", b"mdia", b"stbl", b"stsz", b"stts", b"stsc", b"stco", b"stsd", b"mdat"),
    *(b"RIFF", b"LIST", b"movi", b"idx1", b"strf", b"00dc", b"01wb"),
)
"""Names of boxes and chunks with a size of four bytes beside them."""
_EBML_IDS = (
    *(b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75"),
    *(b"\x1c\x53\xbb\x6b", b"\xa3", b"\xae"),
)
"""Segment, Info, Tracks, Cluster, Cues, SimpleBlock, TrackEntry; their sizes come after."""
_LIES = (0, 1, 7, 8, 0x7F, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def truncated(film: bytearray, _other: bytes, rng: random.Random) -> None:
    del film[rng.randrange(1, len(film)) :]


def beheaded(film: bytearray, _other: bytes, rng: random.Random) -> None:
    """Its beginning is lost."""
    del film[: rng.randrange(1, max(2, len(film) // 2))]


def flipped(film: bytearray, _other: bytes, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 10, 100, 1000))):
        film[rng.randrange(len(film))] ^= rng.randrange(1, 256)


def flipped_header(film: bytearray, _other: bytes, rng: random.Random) -> None:
    """Where what the container says of itself stands, as a rule."""
    for _ in range(rng.choice((1, 4, 16))):
        film[rng.randrange(min(4096, len(film)))] ^= rng.randrange(1, 256)


def zeroed(film: bytearray, _other: bytes, rng: random.Random) -> None:
    for _ in range(rng.randrange(1, 5)):
        start, n_bytes = rng.randrange(len(film)), rng.randrange(1, len(film) // 4 + 2)
        film[start : start + n_bytes] = bytes(min(n_bytes, len(film) - start))


def foreign_header(film: bytearray, other: bytes, rng: random.Random) -> None:
    """The beginning of another film, of another container as a rule."""
    n_bytes = rng.choice((16, 512, 4096, 65536))
    film[:n_bytes] = other[:n_bytes]


def foreign_middle(film: bytearray, other: bytes, rng: random.Random) -> None:
    start, n_bytes = rng.randrange(len(film)), rng.randrange(1, 100_000)
    film[start : start + n_bytes] = other[start : start + n_bytes]


def doubled(film: bytearray, _other: bytes, rng: random.Random) -> None:
    """A stretch twice, as after a write that was tried again."""
    start, n_bytes = rng.randrange(len(film)), rng.randrange(1, 50_000)
    film[start:start] = film[start : start + n_bytes]


def untrue_sizes(film: bytearray, _other: bytes, rng: random.Random) -> None:
    """Boxes of mp4, chunks of avi and elements of Matroska that say a wrong size."""
    places = [at for name in (*_SIZED, *_EBML_IDS) for at in _found(film, name)]
    for name, at in rng.sample(places, min(len(places), rng.choice((1, 2, 5)))):
        lie = rng.choice(_LIES)
        if name in _EBML_IDS:
            film[at + len(name)] = lie & 0xFF
        elif at >= 4 and name.islower():
            film[at - 4 : at] = struct.pack(">I", lie)
        else:
            film[at + 4 : at + 8] = struct.pack("<I", lie)
    if not places:
        flipped_header(film, _other, rng)


DAMAGES: tuple[Damage, ...] = (
    truncated,
    beheaded,
    flipped,
    flipped_header,
    zeroed,
    foreign_header,
    foreign_middle,
    doubled,
    untrue_sizes,
)


def _found(film: bytearray, name: bytes, most: int = 20) -> list[tuple[bytes, int]]:
    """The first places of a name."""
    places: list[tuple[bytes, int]] = []
    at = film.find(name)
    while at >= 0 and len(places) < most:
        places.append((name, at))
        at = film.find(name, at + 1)
    return places
