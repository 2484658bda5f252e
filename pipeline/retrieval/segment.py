"""Films that were indexed together: their scenes' rows and vectors, never changed once written.

A film that is replaced or removed leaves its rows behind as dead ones, until segments are
joined.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scenelake.pipeline.retrieval.films import ROWS, Film
from scenelake.pipeline.retrieval.vectors import Mask, Vectors

FULL_ROWS = 1 << 17
"""Segments of so many rows are not joined any more."""
_CHUNK_ROWS = 1 << 14
VECTOR_STEPS = {"seen": "visual", "told": "text"}
"""Kind of vector -> the step whose model makes it."""


@dataclass(frozen=True, slots=True)
class Member:
    """A film in a segment, with rows `first` to `first + n_rows`.

    `number` is this version's of the film, in all segments and for ever.
    """

    number: int
    video_id: str
    uri: str
    mark: str
    first: int
    n_rows: int


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """The names in a column: each once, the code of each that occurs, and its row."""

    names: tuple[str, ...]
    codes: NDArray[np.int32]
    rows: NDArray[np.int64]

    def mask(self, wanted: Container[str], *, n_rows: int) -> Mask:
        """(n_rows,) whether a row has one of the wanted names."""
        chosen = np.array([name in wanted for name in self.names], np.bool_)
        mask = np.zeros(n_rows, np.bool_)
        if len(self.codes):
            mask[self.rows[chosen[self.codes]]] = True
        return mask


@dataclass(frozen=True, eq=False)
class Segment:
    """Rows and vectors of films whose vectors come from the same models.

    Attributes:
        members: the films that count, by `first`; rows of no member are dead.
        models: "seen" and "told" -> the model.
    """

    members: tuple[Member, ...]
    models: Mapping[str, str]
    rows: pa.Table
    vectors: Mapping[str, Vectors]

    @classmethod
    def of(cls, films: Sequence[Film], *, numbers: Iterable[int]) -> Segment:
        """In memory."""
        sizes = [len(film.rows) for film in films]
        firsts = np.cumsum([0, *sizes]).tolist()
        members = [
            Member(number, film.video_id, film.uri, film.mark, first, size)
            for film, number, first, size in zip(films, numbers, firsts, sizes, strict=False)
        ]
        vectors = {
            kind: Vectors.of(np.concatenate([film.vectors[kind] for film in films]))
            for kind in VECTOR_STEPS
        }
        rows = pa.concat_tables([film.rows for film in films])
        return cls(tuple(members), vector_models(films[0]), rows, vectors)

    @property
    def n_live(self) -> int:
        """Rows of films that are not gone."""
        return sum(member.n_rows for member in self.members)

    def member_at(self, row: int) -> Member:
        """The film of a live row."""
        return self.members[bisect_right(self._firsts, row) - 1]

    @cached_property
    def _firsts(self) -> list[int]:
        return [member.first for member in self.members]

    def coded(self, column: str) -> Coded:
        """A column of names, or of lists of names, to be compared without reading strings."""
        if column not in self._coded:
            self._coded[column] = _coded(self.rows[column])
        return self._coded[column]

    @cached_property
    def _coded(self) -> dict[str, Coded]:
        return {}

    def films(self) -> list[Film]:
        """The members as they were read, to be joined with others."""
        return [self._film(member) for member in self.members]

    def save(self, folder: Path) -> list[Path]:
        """Write all but `members` and `models`; gives the files written."""
        folder.mkdir(parents=True)
        path = folder / "rows.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, ROWS) as writer:
            writer.write_table(self.rows.combine_chunks(), max_chunksize=_CHUNK_ROWS)
        return [path, *(p for kind, v in self.vectors.items() for p in v.save(folder / kind))]

    @classmethod
    def open(
        cls, folder: Path, *, members: tuple[Member, ...], models: Mapping[str, str]
    ) -> Segment:
        """What `save` wrote, left on the disk until it is needed.

        Errors:
            OSError, ValueError, pa.ArrowException, RuntimeError: a file is damaged or gone.
        """
        rows = pa.ipc.open_file(pa.memory_map(str(folder / "rows.arrow"))).read_all()
        vectors = {kind: Vectors.open(folder / kind) for kind in VECTOR_STEPS}
        return cls(members, models, rows, vectors)

    def row(self, index: int) -> dict[str, Any]:
        """One scene."""
        row: dict[str, Any] = self.rows.slice(index, 1).to_pylist()[0]
        return row

    def _film(self, member: Member) -> Film:
        span = slice(member.first, member.first + member.n_rows)
        return Film(
            video_id=member.video_id,
            uri=member.uri,
            mark=member.mark,
            models={VECTOR_STEPS[kind]: model for kind, model in self.models.items()},
            rows=self.rows.slice(member.first, member.n_rows),
            vectors={
                kind: np.asarray(v.matrix[span], np.float32) for kind, v in self.vectors.items()
            },
        )


def _coded(column: pa.ChunkedArray) -> Coded:
    is_list = pa.types.is_list(column.type)
    rows = pc.list_parent_indices(column).to_numpy() if is_list else np.arange(len(column))
    values = pc.list_flatten(column) if is_list else pc.fill_null(column, "")
    encoded = values.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    return Coded(tuple(encoded.dictionary.to_pylist()), codes, rows.astype(np.int64))


def vector_models(film: Film) -> dict[str, str]:
    """Kind of vector -> the model that made a film's; "" where nobody tells."""
    return {kind: film.models.get(step, "") for kind, step in VECTOR_STEPS.items()}
