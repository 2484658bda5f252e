"""One film of a lake, read a few scenes at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from scenelake.pipeline.export.cues import Cue, cues
from scenelake.pipeline.export.subtitles import with_names
from scenelake.pipeline.lake import Lake
from scenelake.schemas.errors import LakeError
from scenelake.schemas.rows import Word

_BATCH = 16
VECTORS = ("embedding", "text_embedding", "keyframes.list.element.vector")
PICTURES = ("keyframes.list.element.jpeg",)


@dataclass(frozen=True, slots=True)
class Film:
    """A committed film.

    Attributes:
        row: of the videos table.
        name: its exports' name, without an ending.
    """

    lake: Lake
    row: Mapping[str, Any]
    name: str

    @property
    def video_id(self) -> str:
        return str(self.row["video_id"])

    @property
    def uri(self) -> str:
        return str(self.row["uri"])

    def scenes(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Scenes in time order; a few are in memory at a time.

        Args:
            columns: only these, fields of structs by their path; all where None.

        Errors:
            LakeError: the scenes cannot be read.
        """
        name = f"scenes/{self.video_id}.parquet"
        try:
            with self.lake.folder.parquet(name) as file:
                wanted = None if columns is None else list(columns)
                for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
                    yield from batch.to_pylist()
        except (OSError, pa.ArrowInvalid) as error:
            told = " ".join(str(error).split())
            raise LakeError(f"{self.lake.folder.uri}: {name} cannot be read: {told}") from error

    def words(self, *, translated: bool = False) -> list[Word]:
        """What is said, in time order; `translated`: in English."""
        column = "translated_words" if translated else "words"
        return [Word(**word) for scene in self.scenes([column]) for word in scene[column] or ()]

    def cues(self, *, named: bool = False, translated: bool = False) -> list[Cue]:
        """What is said, as subtitles; `named`: with speakers' names in the text."""
        words = self.words(translated=translated)
        return cues(
            with_names(words) if named else words,
            cuts_s=sorted(self.row["cuts_s"] or ()),
            duration_s=float(self.row["duration_s"]),
        )


def columns_but(schema: pa.Schema, left_out: Sequence[str]) -> list[str]:
    """Paths of all columns of a scenes table but some, for :meth:`Film.scenes`."""
    struct = schema.field("keyframes").type.value_type
    fields = [struct.field(n).name for n in range(struct.num_fields)]
    paths = [name for name in schema.names if name != "keyframes"]
    paths += [f"keyframes.list.element.{name}" for name in fields]
    return [path for path in paths if path not in left_out]
