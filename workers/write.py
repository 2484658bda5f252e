"""The steps that write about scenes: descriptions, and vectors of all their text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from scenelake.schemas.config import Config
from scenelake.schemas.flow import Part
from scenelake.schemas.rows import Scene
from scenelake.workers import registry
from scenelake.workers.engines import Describer as DescriberEngine
from scenelake.workers.engines import TextEncoder
from scenelake.workers.evidence import NOTHING
from scenelake.workers.stage import Resources


class Describe:
    """Titles and descriptions, checked against each scene's own evidence."""

    resources = Resources(cpus=2.0)

    def __init__(self, config: Config) -> None:
        self._describer: DescriberEngine = registry.make("describe", config.describe)
        self.resources = resources_of(self._describer, self.resources)

    @property
    def models(self) -> dict[str, str]:
        return {"describe": self._describer.model}

    @property
    def prompt_hash(self) -> str:
        return self._describer.prompt_hash

    @property
    def by_row(self) -> bool:
        """Whether the describer does not ask its model itself, but Ray Data, scene by scene."""
        return bool(getattr(self._describer, "by_row", False))

    def setup(self) -> None:
        """Load the language model."""
        self._describer.setup()

    def process(self, item: Part) -> Iterator[Part]:
        """Describe a part's scenes."""
        yield replace(item, scenes=self._describer.describe(item.scenes))

    def take_counts(self) -> dict[str, float]:
        """Prompts, tokens, retries and so on, where the describer counts them."""
        return usage_of(self._describer)

    def close(self) -> None:
        """Hang up on a server, where the describer asks one."""
        hang_up(self._describer)


class EmbedText:
    """Vectors of what is said, shown and described."""

    resources = Resources(cpus=1.0)

    def __init__(self, config: Config) -> None:
        self._encoder: TextEncoder = registry.make("text", config.text)

    @property
    def models(self) -> dict[str, str]:
        return {"text": self._encoder.model}

    @property
    def dim(self) -> int:
        return self._encoder.dim

    def setup(self) -> None:
        """Load the text encoder."""
        self._encoder.setup()

    def process(self, item: Part) -> Iterator[Part]:
        """Encode a part's scenes."""
        vectors = self._encoder.encode([scene_text(scene) for scene in item.scenes])
        scenes = zip(item.scenes, vectors, strict=True)
        yield replace(
            item, scenes=tuple(replace(scene, text_embedding=vector) for scene, vector in scenes)
        )


def resources_of(engine: Any, usual: Resources) -> Resources:
    """What an engine occupies, where it says that it is less than others of its kind."""
    own: Resources = getattr(engine, "resources", usual)
    return own


def usage_of(engine: Any) -> dict[str, float]:
    """What an engine's prompts have cost since this was last asked, where it counts that."""
    take = getattr(engine, "take_usage", None)
    return {} if take is None else asdict(take())


def hang_up(engine: Any) -> None:
    """Let an engine go that holds more than memory."""
    close = getattr(engine, "close", None)
    if close is not None:
        close()


def scene_text(scene: Scene) -> str:
    """All that a scene says in words: speech first, then screen text, then its description.

    Nothing for a scene in which nothing was recognised: no query should find it.
    """
    description = "" if scene.description == NOTHING else scene.description
    parts = [scene.transcript, ". ".join(t.text for t in scene.ocr), description]
    return "\n".join(part for part in parts if part)
