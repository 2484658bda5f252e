"""The step that sums films up: described scenes are staged, and the last calls for the whole."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from scenelake.pipeline.storing.lake_access import SUMMARISE, LakeAccess
from scenelake.pipeline.story import read_story
from scenelake.schemas.config import Config
from scenelake.schemas.flow import Part, Receipt
from scenelake.schemas.story import Gathered, Story, Summed
from scenelake.schemas.tables import scenes_table
from scenelake.workers import registry
from scenelake.workers.engines import Summariser
from scenelake.workers.stage import Resources
from scenelake.workers.write import hang_up, resources_of, usage_of


class Summarise:
    """Parts to a film with its summary and chapters.

    Every part is staged. The worker that stages a film's last one reads the words of all of
    them, without pictures, and has them summed up.
    """

    resources = Resources(cpus=1.0)

    def __init__(self, config: Config, lake: LakeAccess, *, visual_dim: int, text_dim: int) -> None:
        self._lake = lake
        self._dims = {"visual_dim": visual_dim, "text_dim": text_dim}
        self._engine: Summariser = registry.make(SUMMARISE, config.summarise)
        self.resources = resources_of(self._engine, self.resources)

    def setup(self) -> None:
        """Load the language model, where there is one."""
        self._engine.setup()

    def process(self, item: Part | Gathered) -> Iterator[Summed | Receipt]:
        """Stage a part; sum the film up when it is the last.

        Errors:
            LakeError: the lake cannot be written.
            TransientError: the model cannot be reached at all, for now.
        """
        receipt = self._lake.receipt(item.source)
        if receipt is not None:
            yield receipt
            return
        film = self._stage(item) if isinstance(item, Part) else item
        if film is not None:
            yield Summed(film, self._engine.summarise(self._story(film)))

    def take_counts(self) -> dict[str, float]:
        """Prompts, tokens, retries and so on, where the summariser counts them."""
        return usage_of(self._engine)

    def close(self) -> None:
        """Hang up on a server, where the summariser asks one."""
        hang_up(self._engine)

    def _stage(self, part: Part) -> Gathered | None:
        """Put a part down; the film, where this was its last."""
        staging, video_id = self._lake.staging, part.source.video_id
        staging.put_part(video_id, part.index, self._table(part))
        if len(staging.parts(video_id)) < part.count:
            return None
        token = f"{self._lake.run.run_id} {part.index}"
        is_ours = staging.win(video_id, "gathered", token=token)
        return Gathered(part.source, part.facts, part.count) if is_ours else None

    def _table(self, part: Part) -> pa.Table:
        rows = [(s, self._lake.run.of_scene(frames_s=s.frames_s)) for s in part.scenes]
        return scenes_table(rows, **self._dims)

    def _story(self, film: Gathered) -> Story:
        video_id = film.source.video_id
        staged = self._lake.staging.part_names(video_id, film.n_parts)
        names = staged or [f"scenes/{video_id}.parquet"]
        return read_story(self._lake.folder, names, source=film.source, facts=film.facts)
