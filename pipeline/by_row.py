"""The step `describe` in two, around a model that Ray Data itself runs: ask, and hear.

Part -> ask -> Asked -> (ray.data.llm) -> Told -> describe -> Part of one scene
"""

from __future__ import annotations

from collections.abc import Iterator

from scenelake.pipeline.storing.lake_access import LakeAccess
from scenelake.schemas.config import Config
from scenelake.schemas.flow import Part
from scenelake.workers import registry
from scenelake.workers.describe_rows import Asked, RowDescriber, Told
from scenelake.workers.stage import Resources
from scenelake.workers.write import usage_of


class Ask:
    """Parts to prompts, one a scene; scenes that are staged already are not asked about."""

    resources = Resources(cpus=0.5)

    def __init__(self, config: Config, lake: LakeAccess) -> None:
        self._lake = lake
        self._describer: RowDescriber = registry.make("describe", config.describe)

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: Part) -> Iterator[Part | Asked]:
        """Ask about a part's scenes.

        Errors:
            LakeError: the lake cannot be read.
        """
        done = self._lake.staging.parts(item.source.video_id)
        yield from self._describer.ask(item, done=done)


class Hear:
    """Replies to descriptions, as far as they are true."""

    resources = Resources(cpus=0.5)

    def __init__(self, config: Config) -> None:
        self._describer: RowDescriber = registry.make("describe", config.describe)

    def setup(self) -> None:
        """Nothing to load."""

    def process(self, item: Told) -> Iterator[Part]:
        """Describe a scene.

        Errors:
            TransientError, UsageError: see `RowDescriber.hear`.
        """
        yield self._describer.hear(item)

    def take_counts(self) -> dict[str, float]:
        """Prompts, tokens, and so on."""
        return usage_of(self._describer)
