"""What the steps that touch the lake share: where it is, and for which run they work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from scenelake.pipeline.storing.claims import Claims
from scenelake.pipeline.storing.folder import Folder
from scenelake.pipeline.storing.staging import Staging
from scenelake.pipeline.storing.store import Store
from scenelake.schemas.config import OF_FILMS
from scenelake.schemas.film import Source
from scenelake.schemas.flow import Receipt
from scenelake.schemas.rows import Provenance

SUMMARISE = "summarise"
"""The step, and the key of its model, that shape films' rows alone."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What every row of a run says of its origin."""

    run_id: str
    version: str
    configs: Mapping[str, str]
    models: Mapping[str, str]
    prompt_hash: str | None

    def of_film(self) -> Provenance:
        """What a film's row says."""
        return self._provenance(self.configs, self.models)

    def of_scene(self, *, frames_s: tuple[float, ...]) -> Provenance:
        """What a scene's row says: nothing of what only the whole film has."""
        configs = {k: v for k, v in self.configs.items() if k not in OF_FILMS}
        models = {k: v for k, v in self.models.items() if k != SUMMARISE}
        return self._provenance(configs, models, frames_s=frames_s)

    def _provenance(
        self,
        configs: Mapping[str, str],
        models: Mapping[str, str],
        *,
        frames_s: tuple[float, ...] = (),
    ) -> Provenance:
        return Provenance(
            run_id=self.run_id,
            version=self.version,
            created_at=datetime.now(UTC),
            configs=configs,
            models=models,
            prompt_hash=self.prompt_hash,
            frames_s=frames_s,
        )


@dataclass(frozen=True, slots=True)
class LakeAccess:
    """A lake as one run sees it; travels to workers."""

    folder: Folder
    run: RunInfo
    clip_s: float

    @property
    def store(self) -> Store:
        return Store(self.folder)

    @property
    def claims(self) -> Claims:
        return Claims(self.folder, self.run.run_id)

    @property
    def staging(self) -> Staging:
        return Staging.of(self.folder, self.run.configs, clip_s=self.clip_s)

    def is_committed(self, video_id: str) -> bool:
        """Whether a film is in the lake with this run's configuration."""
        return self.store.committed_configs(video_id) == dict(self.run.configs)

    def receipt(self, source: Source) -> Receipt | None:
        """The receipt of a film that this very run has committed.

        A worker that dies after its commit is replaced by one that does its work again.
        """
        if not self.is_committed(source.video_id):
            return None
        row = self.store.committed_row(source.video_id)
        if row is None or row["provenance"]["run_id"] != self.run.run_id:
            return None
        return Receipt(
            source.video_id,
            source.uri,
            int(row["n_scenes"]),
            source.duration_s,
            tuple(row["warnings"]),
        )
