"""What is done of films that are not done: clips, described parts, and who joins them.

LAKE/_staging/<video_id>/<config>/clip-00003.parquet   all that one clip gives
LAKE/_staging/<video_id>/<config>/part-00001.parquet   described scenes, rows as they will be
LAKE/_staging/<video_id>/<config>/joined               who put the clips together

A file is there whole or not at all, so that its being there is the proof. All of it goes
when the film is committed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from scenelake.pipeline.storing.folder import Folder
from scenelake.pipeline.storing.store import packed
from scenelake.schemas.clips import Piece, Track
from scenelake.schemas.config import OF_FILMS
from scenelake.schemas.rows import Keyframe, Label, ScreenText, Word
from scenelake.schemas.tables import SCHEMA_VERSION, pieces_table

_CLIP, _PART = "clip", "part"
_LIGHT = ("keyframes.list.element.time_s",)
_WITHOUT_PICTURES = (
    "start_s",
    "end_s",
    "pictures_start_s",
    "pictures_end_s",
    "cuts_s",
    "words",
    "language",
    "tracks",
    "translation",
    *_LIGHT,
)


@dataclass(frozen=True, slots=True)
class Staging:
    """The unfinished films of a lake, for runs of one configuration.

    Attributes:
        clips_key, parts_key: hashes of all that shapes a clip's and a part's file.
    """

    folder: Folder
    clips_key: str
    parts_key: str

    @classmethod
    def of(cls, folder: Folder, configs: Mapping[str, str], *, clip_s: float) -> Staging:
        parts = {k: v for k, v in configs.items() if k not in OF_FILMS}
        clips = {k: v for k, v in parts.items() if k != "describe"}
        return cls(folder, _hash(clips, clip_s), _hash(parts, clip_s))

    def clips(self, video_id: str) -> set[int]:
        """Indices of the clips that are done."""
        return self._indices(video_id, self.clips_key, _CLIP)

    def put_clip(self, video_id: str, index: int, piece: Piece) -> None:
        self.folder.write(self._clip(video_id, index), packed(pieces_table([piece])))

    def outline(self, video_id: str, index: int) -> Piece:
        """A clip without its pictures: its keyframes have only their times."""
        return self._piece(video_id, index, columns=list(_WITHOUT_PICTURES))

    def piece(self, video_id: str, index: int) -> Piece:
        return self._piece(video_id, index, columns=None)

    def parts(self, video_id: str) -> set[int]:
        """Indices of the parts that are done."""
        return self._indices(video_id, self.parts_key, _PART)

    def put_part(self, video_id: str, index: int, table: pa.Table) -> None:
        self.folder.write(self._part(video_id, index), packed(table))

    def part_names(self, video_id: str, count: int) -> list[str]:
        """The parts' files, in order."""
        return [self._part(video_id, index) for index in range(count)]

    def part_tables(self, video_id: str, count: int) -> Iterator[pa.Table]:
        """The parts' tables in order, one in memory at a time."""
        for name in self.part_names(video_id, count):
            with self.folder.parquet(name) as file:
                yield file.read()

    def win(self, video_id: str, race: str, *, token: str) -> bool:
        """Be the one that does what only one should; the same token wins again.

        Workers finish the last clips of a film at the same time, and a worker that dies
        is replaced by one that does its work again.
        """
        name = f"_staging/{video_id}/{self.parts_key}/{race}"
        if self.folder.create(name, token.encode()):
            return True
        try:
            return self.folder.read(name).decode() == token
        except FileNotFoundError:
            return False

    def forget_races(self, video_id: str) -> None:
        """A new run begins: what was won by a worker that is no more is open again."""
        for race in ("joined", "gathered"):
            self.folder.remove(f"_staging/{video_id}/{self.parts_key}/{race}")

    def clear(self, video_id: str) -> None:
        """Remove all that was done of a film on the way, its claim too."""
        self.folder.remove_tree(f"_staging/{video_id}")

    def _indices(self, video_id: str, key: str, kind: str) -> set[int]:
        names = self.folder.names(f"_staging/{video_id}/{key}")
        own = [n for n in names if n.startswith(f"{kind}-") and n.endswith(".parquet")]
        return {int(n.removeprefix(f"{kind}-").removesuffix(".parquet")) for n in own}

    def _clip(self, video_id: str, index: int) -> str:
        return f"_staging/{video_id}/{self.clips_key}/{_CLIP}-{index:05}.parquet"

    def _part(self, video_id: str, index: int) -> str:
        return f"_staging/{video_id}/{self.parts_key}/{_PART}-{index:05}.parquet"

    def _piece(self, video_id: str, index: int, *, columns: list[str] | None) -> Piece:
        with self.folder.parquet(self._clip(video_id, index)) as file:
            row = file.read(columns=columns).to_pylist()[0]
        return Piece(
            start_s=row["start_s"],
            end_s=row["end_s"],
            pictures_start_s=row["pictures_start_s"],
            pictures_end_s=row["pictures_end_s"],
            cuts_s=tuple(row["cuts_s"]),
            keyframes=tuple(keyframe_of(k) for k in row["keyframes"]),
            words=tuple(Word(**word) for word in row["words"]),
            language=row["language"],
            tracks=tuple(Track(**{**t, "notes": tuple(t["notes"])}) for t in row["tracks"]),
            translation=tuple(Word(**word) for word in row["translation"]),
        )


def keyframe_of(row: Mapping[str, Any]) -> Keyframe:
    """A keyframe from its row; what was not read of it is empty."""
    return Keyframe(
        time_s=row["time_s"],
        jpeg=row.get("jpeg", b""),
        vector=np.asarray(row.get("vector", ()), dtype=np.float32),
        labels=tuple(Label(**label) for label in row.get("labels", ())),
        ocr=tuple(ScreenText(**text) for text in row.get("ocr", ())),
    )


def _hash(configs: Mapping[str, str], clip_s: float) -> str:
    text = json.dumps([sorted(configs.items()), clip_s, SCHEMA_VERSION])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
