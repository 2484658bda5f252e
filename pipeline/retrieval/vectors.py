"""Nearest vectors: every one compared where they are few, likely lists of them where many.

A matrix of up to `EXACT_ROWS` rows is kept in float32 and compared whole. A larger one is
kept in float16 beside faiss's inverted lists of 8-bit codes (Jégou et al. 2011): lists near
the query name candidates, and those are compared by the float16 rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenelake.schemas.arrays import Float32

EXACT_ROWS = 1 << 14
_N_LISTS = 512
_TRAINING_ROWS_PER_LIST = 40
_TRAINING_ROUNDS = 8
_N_PROBES = 48
"""The ten most like a real sentence among 100,000 rows are all found; see tests/bench."""
_PICKED_ROWS = 1 << 12
"""Rows that a filter leaves are compared one by one up to here."""
_SAMPLE_ROWS = 512
_OVERSAMPLING = 2
"""Codes of 8 bits mistake near neighbours: so many candidates for each one wanted."""

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors of one model.

    Attributes:
        matrix: (N, D), of length 1 or zeros; may lie on the disk.
        lists: over the rows that are not zeros; None where all are compared.
        present: (N,), False for zeros.
    """

    matrix: NDArray[Any]
    lists: Any | None
    present: Mask

    @classmethod
    def of(cls, matrix: Float32) -> Vectors:
        """In memory, with lists where there are many."""
        present = np.asarray(matrix.any(axis=1))
        if np.count_nonzero(present) <= EXACT_ROWS:
            return cls(matrix, None, present)
        rounded = matrix.astype(np.float16)
        return cls(rounded, _lists_of(matrix, np.flatnonzero(present)), present)

    def save(self, stem: Path) -> list[Path]:
        """Write `stem`.npy, .present.npy and .lists; gives those written."""
        paths = [stem.with_suffix(".npy"), stem.with_suffix(".present.npy")]
        np.save(paths[0], self.matrix)
        np.save(paths[1], self.present)
        if self.lists is not None:
            paths.append(stem.with_suffix(".lists"))
            _faiss().write_index(self.lists, str(paths[-1]))
        return paths

    @classmethod
    def open(cls, stem: Path) -> Vectors:
        """What `save` wrote, left on the disk until it is needed."""
        matrix = np.load(stem.with_suffix(".npy"), mmap_mode="r")
        present = np.load(stem.with_suffix(".present.npy"))
        path = stem.with_suffix(".lists")
        if matrix.dtype == np.float32:
            return cls(matrix, None, present)
        faiss = _faiss()
        lists = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        return cls(matrix, lists, present)

    def nearest(self, query: Float32, *, among: Mask | None, n: int) -> tuple[Rows, Float32]:
        """The `n` rows most like a query of length 1, best first, with their cosines.

        Args:
            among: (N,) only these rows; None: all.
        """
        chosen = self.present if among is None else self.present & among
        n_chosen = int(np.count_nonzero(chosen))
        if self.lists is None or n_chosen <= _PICKED_ROWS:
            rows = np.flatnonzero(chosen)
        else:
            everything = n_chosen == np.count_nonzero(self.present)
            rows = self._candidates(query, None if everything else chosen, n * _OVERSAMPLING)
        return _best(rows, self.likeness(query, rows), n)

    def likeness(self, query: Float32, rows: Rows) -> Float32:
        """(len(rows),) cosines."""
        whole = len(rows) == len(self.matrix)
        picked = self.matrix if whole else self.matrix[rows]
        return np.asarray(picked, np.float32) @ query

    def background(self, query: Float32) -> Float32:
        """Cosines of some rows from all over, to know what is usual."""
        return self._sample @ query

    @cached_property
    def _sample(self) -> Float32:
        rows = np.flatnonzero(self.present)
        return np.asarray(self.matrix[rows[:: 1 + len(rows) // _SAMPLE_ROWS]], np.float32)

    def _candidates(self, query: Float32, chosen: Mask | None, n: int) -> Rows:
        faiss = _faiss()
        assert self.lists is not None
        share = 1.0 if chosen is None else np.count_nonzero(chosen) / len(chosen)
        # The selector reads the bits: they must live as long as the search.
        bits = None if chosen is None else np.packbits(chosen, bitorder="little")
        selector = None if bits is None else faiss.IDSelectorBitmap(bits)
        # Rows that a filter leaves may all lie far from the query: then every list is read.
        for n_probes in (min(self.lists.nlist, round(_N_PROBES / share**0.5)), self.lists.nlist):
            how = faiss.SearchParametersIVF(nprobe=n_probes, sel=selector)
            _, rows = self.lists.search(query[None], n, params=how)
            if rows[0][-1] >= 0:
                break
        return np.asarray(rows[0][rows[0] >= 0], np.int64)


def _faiss() -> Any:
    """Its stubs know the C++ names only, and small lakes do without it."""
    import faiss

    return faiss


def _best(rows: Rows, likeness: Float32, n: int) -> tuple[Rows, Float32]:
    """Sorted by likeness; of equals the first rows first."""
    if len(rows) > n:
        least = np.partition(likeness, len(rows) - n)[len(rows) - n]
        kept = likeness >= least
        rows, likeness = rows[kept], likeness[kept]
    order = np.lexsort((rows, -likeness))[:n]
    return rows[order], likeness[order]


def _lists_of(matrix: Float32, rows: Rows) -> Any:
    faiss = _faiss()
    size = matrix.shape[1]
    lists = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(size),
        size,
        min(_N_LISTS, len(rows) // _TRAINING_ROWS_PER_LIST),
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )
    lists.cp.spherical, lists.cp.niter = True, _TRAINING_ROUNDS
    n_training = lists.nlist * _TRAINING_ROWS_PER_LIST
    sample = np.random.default_rng(0).permutation(rows)[:n_training]
    lists.train(matrix[np.sort(sample)])
    for first in range(0, len(rows), EXACT_ROWS):
        some = rows[first : first + EXACT_ROWS]
        lists.add_with_ids(matrix[some], some)
    return lists
