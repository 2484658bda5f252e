"""The last step: a film that lacks nothing, into the lake."""

from __future__ import annotations

from collections.abc import Iterator

from scenelake.pipeline.storing.lake_access import LakeAccess
from scenelake.schemas.film import Source
from scenelake.schemas.flow import Facts, Receipt, Skipped
from scenelake.schemas.rows import Video
from scenelake.schemas.story import Summary, Summed
from scenelake.workers.files import forget_copy
from scenelake.workers.stage import Resources


class Commit:
    """A film's staged parts to its tables; of one whose scenes are there, its row alone."""

    resources = Resources(cpus=0.2)

    def __init__(self, lake: LakeAccess, *, visual_dim: int, text_dim: int) -> None:
        self._lake = lake
        self._dims = {"visual_dim": visual_dim, "text_dim": text_dim}

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: Summed) -> Iterator[Receipt | Skipped]:
        """Write a film's tables.

        Errors:
            LakeError: the lake cannot be written.
        """
        receipt = self._lake.receipt(item.source)
        if receipt is not None:
            self._lake.staging.clear(item.source.video_id)
            yield receipt
        elif self._lake.claims.holds(item.source.video_id):
            yield self._commit(item)
        else:
            yield Skipped(item.source.video_id, item.source.uri, "another run took it over")

    def _commit(self, item: Summed) -> Receipt:
        source, facts, n_parts = item.source, item.film.facts, item.film.n_parts
        staging, store = self._lake.staging, self._lake.store
        video = self._video(source, facts, item.summary)
        if n_parts:
            store.commit(video, staging.part_tables(source.video_id, n_parts), **self._dims)
        else:
            store.commit_row(video)
        staging.clear(source.video_id)
        forget_copy(source.uri)
        return Receipt(
            source.video_id, source.uri, facts.n_scenes, source.duration_s, facts.warnings
        )

    def _video(self, source: Source, facts: Facts, summary: Summary) -> Video:
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
            summary=summary.text,
            summary_grounded=summary.grounded,
            chapters=summary.chapters,
            warnings=facts.warnings,
            cuts_s=facts.cuts_s,
            provenance=self._lake.run.of_film(),
        )
