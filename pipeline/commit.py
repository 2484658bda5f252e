"""The last step: a described film into the lake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from scenelake.pipeline.lake_access import LakeAccess
from scenelake.schemas.flow import Part, Receipt, Skipped
from scenelake.schemas.rows import Video
from scenelake.schemas.tables import scenes_table
from scenelake.workers.files import forget_copy
from scenelake.workers.stage import Resources


class Commit:
    """Parts to a film's tables: each part is staged, the last one commits them all."""

    resources = Resources(cpus=0.2)

    def __init__(self, lake: LakeAccess, *, visual_dim: int, text_dim: int) -> None:
        self._lake = lake
        self._dims = {"visual_dim": visual_dim, "text_dim": text_dim}

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: Part) -> Iterator[Receipt | Skipped]:
        """Add a part; write the film's tables when it is the last.

        Errors:
            LakeError: the lake cannot be written.
        """
        receipt = self._lake.receipt(item.source)
        if receipt is not None:
            self._lake.staging.clear(item.source.video_id)
            yield receipt
            return
        table = self._table(item)
        if item.count == 1:
            yield self._commit(item, [table])
            return
        staging, video_id = self._lake.staging, item.source.video_id
        staging.put_part(video_id, item.index, table)
        if len(staging.parts(video_id)) < item.count:
            return
        if staging.win(video_id, "committed", token=f"{self._lake.run.run_id} {item.index}"):
            yield self._commit(item, staging.part_tables(video_id, item.count))

    def _commit(self, part: Part, tables: Iterable[pa.Table]) -> Receipt | Skipped:
        source, facts = part.source, part.facts
        if not self._lake.claims.holds(source.video_id):
            return Skipped(source.video_id, source.uri, "another run took it over")
        self._lake.store.commit(self._video(part), tables, **self._dims)
        self._lake.staging.clear(source.video_id)
        forget_copy(source.uri)
        return Receipt(
            source.video_id, source.uri, facts.n_scenes, source.duration_s, facts.warnings
        )

    def _table(self, part: Part) -> pa.Table:
        rows = [(s, self._lake.run.provenance(frames_s=s.frames_s)) for s in part.scenes]
        return scenes_table(rows, **self._dims)

    def _video(self, part: Part) -> Video:
        source, facts = part.source, part.facts
        video, audio = source.video, source.audio
        return Video(
            video_id=source.video_id,
            uri=source.uri,
            container=source.container,
            duration_s=source.duration_s,
            width=video.width if video else None,
            height=video.height if video else None,
            fps=video.rate if video else None,
            rotation=video.rotation if video else 0,
            video_codec=video.codec if video else None,
            audio_codec=audio.codec if audio else None,
            language=facts.language,
            n_scenes=facts.n_scenes,
            n_bytes=source.n_bytes,
            warnings=facts.warnings,
            cuts_s=facts.cuts_s,
            provenance=self._lake.run.provenance(),
        )
