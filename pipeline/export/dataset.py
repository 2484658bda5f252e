"""Scenes as WebDataset shards, for training: tar files of ``<scene_id>.jpg`` and ``.json``.

Source: the WebDataset format (webdataset.github.io, "WebDataset Format"): files that share
a name up to its first dot are one sample, and follow each other. Shards are read in order,
by `webdataset`, by Hugging Face's `datasets` ("webdataset"), or by tar. Scenes without a
picture are left out: every sample has both files.
"""

from __future__ import annotations

import glob
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from scenelake.pipeline.export.film import VECTORS, Film
from scenelake.pipeline.export.outbox import Outbox
from scenelake.pipeline.export.records import json_line, record_of

_N_BYTES = 256 * 2**20
_BLOCK = 512

Reading = Callable[[Film], AbstractContextManager[object]]
Sample = dict[str, bytes]
"""File name -> content."""


@dataclass(slots=True)
class Shards:
    """What was written: names of files, and each film's number of samples."""

    names: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def pattern(prefix: str) -> str:
    """What the names of a data set's shards look like, for a glob."""
    return f"{glob.escape(prefix)}-[0-9][0-9][0-9][0-9][0-9][0-9].tar"


def write_shards(
    films: Iterable[Film],
    outbox: Outbox,
    *,
    prefix: str = "scenes",
    reading: Reading = nullcontext,
    vectors: bool = False,
    n_bytes: int = _N_BYTES,
) -> Shards:
    """Write all films' scenes; what is left of an earlier data set of that name goes.

    Args:
        prefix: of the shards' names.
        reading: looks after a film's troubles while it is read.
        n_bytes: of a shard, at most, unless one sample alone is larger.
    """
    done, kind = Shards(), f"webdataset {prefix}"
    samples = _samples(films, done.counts, reading, vectors=vectors)
    sample = next(samples, None)
    while sample is not None:
        name = f"{prefix}-{len(done.names):06}.tar"
        with outbox.writing(name, kind=kind) as file, tarfile.open(fileobj=file, mode="w") as tar:
            room = n_bytes - tarfile.RECORDSIZE
            while sample is not None and (not tar.offset or _tar_size(sample) <= room):
                room -= _tar_size(sample)
                _add(tar, sample)
                sample = next(samples, None)
        done.names.append(name)
    outbox.forget_others(kind=kind, keep=done.names)
    return done


def _samples(
    films: Iterable[Film],
    counts: dict[str, int],
    reading: Reading,
    *,
    vectors: bool,
) -> Iterator[Sample]:
    for film in films:
        counts[film.video_id] = 0
        with reading(film):
            for row in film.scenes():
                if row["keyframes"]:
                    counts[film.video_id] += 1
                    yield _sample(row, film.uri, vectors=vectors)


def _sample(row: dict[str, Any], uri: str, *, vectors: bool) -> Sample:
    """The middle one of a scene's pictures, and all that is known of the scene."""
    chosen = row["keyframes"][len(row["keyframes"]) // 2]
    told = record_of({**row, "picture_time_s": chosen["time_s"]}, uri=uri)
    hidden = {"jpeg"} if vectors else {"jpeg", "vector"}
    told["keyframes"] = [
        {name: value for name, value in frame.items() if name not in hidden}
        for frame in row["keyframes"]
    ]
    if not vectors:
        told = {name: value for name, value in told.items() if name not in VECTORS}
    key = row["scene_id"]
    return {f"{key}.jpg": chosen["jpeg"], f"{key}.json": json_line(told)}


def _tar_size(sample: Sample) -> int:
    return sum(_BLOCK + -(-len(data) // _BLOCK) * _BLOCK for data in sample.values())


def _add(tar: tarfile.TarFile, sample: Sample) -> None:
    """Times and owners stay zero: the same scenes give the same shards."""
    for name, data in sample.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
