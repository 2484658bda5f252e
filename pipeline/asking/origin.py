"""What every answer of a batch says of its origin, and what must be alike to keep one."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from scenelake.pipeline.asking.ledger import FINGERPRINT, Key
from scenelake.pipeline.asking.one import Asker
from scenelake.pipeline.asking.questions import Item
from scenelake.schemas.config import digest, section_hash
from scenelake.schemas.rows import Provenance
from scenelake.workers import registry


@dataclass(frozen=True, slots=True)
class Origin:
    """One batch's configuration and models.

    Attributes:
        answer: hash of the section `answer`, its model and prompts.
        films: id -> hash of all that shaped the film's columns: an answer from a film that
            has been made anew is given anew.
    """

    run_id: str
    answer: str
    models: Mapping[str, str]
    prompt_hash: str
    films: Mapping[str, str]

    @classmethod
    def of(cls, asker: Asker) -> Origin:
        answerer, config = asker.answerer, asker.config
        text = registry.make("text", config.text)
        models = {"answer": answerer.model, "text": text.model}
        by = f"{answerer.model} {answerer.prompt_hash} {text.model}"
        return cls(
            run_id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
            answer=section_hash(config.answer, by=by),
            models=models,
            prompt_hash=answerer.prompt_hash,
            films=asker.film_hashes,
        )

    def key(self, item: Item) -> Key:
        film = self.films.get(item.question.video_id or "", "")
        return item.question_id, digest([item.content, self.answer, film])

    def provenance(self, item: Item, frames_s: tuple[float, ...]) -> Provenance:
        return Provenance(
            run_id=self.run_id,
            version=version("scenelake"),
            created_at=datetime.now(UTC),
            configs={"answer": self.answer, FINGERPRINT: self.key(item)[1]},
            models=self.models,
            prompt_hash=self.prompt_hash,
            frames_s=frames_s,
        )
