"""One question to a lake: find scenes, answer from them, cite them, or say that none tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from scenelake.pipeline.asking.asked import Asked, asked_of, together
from scenelake.pipeline.asking.finding import Finder
from scenelake.pipeline.asking.shelf import Shelf
from scenelake.pipeline.asking.whole_film import asks_about_whole
from scenelake.pipeline.lake import Lake
from scenelake.schemas.config import Config, digest
from scenelake.schemas.errors import SceneLakeError, UsageError
from scenelake.workers import registry
from scenelake.workers.choosing import LETTERS
from scenelake.workers.engines import Answerer, Passage, Query, Reply

MAX_FILMS = 20
"""Of a lake that a question about its films as a whole is put to, each by itself."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the film it is about (None: all), and options to choose from."""

    text: str
    video_id: str | None = None
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise UsageError("the question is empty")
        if len(self.options) == 1 or len(self.options) > len(LETTERS):
            raise UsageError(f"{len(self.options)} options: expected 2 to {len(LETTERS)}, or none")


class Asker:
    """A lake with an answerer whose models are loaded; takes any number of questions.

    It reads which films there are when it is made: one that is committed later is for the
    next.

    Errors:
        UsageError: an empty lake, or a configuration that no answerer takes.
    """

    def __init__(self, lake: Lake, config: Config) -> None:
        self.lake = lake
        self.config = config
        columns = ["video_id", "uri", "summary", "provenance"]
        videos = lake.videos().select(columns).to_pylist()
        if not videos:
            raise UsageError(f"{lake.folder.uri}: holds no film yet")
        self.uris: dict[str, str] = {row["video_id"]: row["uri"] for row in videos}
        self.film_hashes = {r["video_id"]: digest(r["provenance"]["configs"]) for r in videos}
        self._summaries = {row["video_id"]: row["summary"] or "" for row in videos}
        self.answerer: Answerer = registry.make("answer", config.answer)
        self._finder = Finder(lake, config=config)
        self._shelf = Shelf(lake, with_pictures=self.answerer.sees)

    def setup(self) -> Asker:
        """Load the answerer's models, once in a process."""
        self.answerer = registry.ready("answer", self.config.answer)
        return self

    def ask(self, question: Question) -> Asked:
        """The reply to one question.

        Errors:
            SceneLakeError: the answerer gave none.
        """
        films = self._films_as_wholes(question)
        if len(films) > 1:
            told = together([(self._name(v), self._one(question, v)) for v in films])
            return told if len(films) == len(self.uris) else self._and_more(told, len(films))
        return self._one(question, films[0] if films else question.video_id)

    def _and_more(self, told: Asked, n_told: int) -> Asked:
        """The reply, and that it leaves films out."""
        more = f"and {len(self.uris) - n_told} more films, each by --video"
        return replace(told, answer=f"{told.answer}\n{more}")

    def _one(self, question: Question, video_id: str | None) -> Asked:
        query = self.query(Question(question.text, video_id, question.options))
        (reply,) = self.answerer.answer([query])
        if isinstance(reply, SceneLakeError):
            raise reply
        return self.asked(reply)

    def film(self, video_id: str) -> tuple[Passage, ...]:
        """All scenes of a film in time order, without pictures."""
        return self._shelf.film(video_id, uri=self.uris[video_id])

    def asked(self, reply: Reply) -> Asked:
        return asked_of(reply, uris=self.uris, model=self.answerer.model)

    def query(self, question: Question) -> Query:
        """A question with the scenes that may answer it, for the answerer."""
        film = question.video_id or self._only_film()
        if film is not None and self._is_whole(question):
            return Query(
                question.text,
                self._shelf.film(film, uri=self.uris[film]),
                is_whole=True,
                summary=self._summaries[film],
            )
        return Query(question.text, tuple(self._found(question)), question.options)

    def is_for_each_film(self, question: Question) -> bool:
        """Whether it is answered film by film: about wholes, and about no one film."""
        return len(self._films_as_wholes(question)) > 1

    def _films_as_wholes(self, question: Question) -> list[str]:
        if question.video_id is not None or not self._is_whole(question):
            return []
        return list(self.uris)[:MAX_FILMS]

    def _is_whole(self, question: Question) -> bool:
        return not question.options and asks_about_whole(question.text)

    def _only_film(self) -> str | None:
        return next(iter(self.uris)) if len(self.uris) == 1 else None

    def _name(self, video_id: str) -> str:
        return PurePosixPath(self.uris[video_id]).name

    def _found(self, question: Question) -> Sequence[Passage]:
        """The found scenes, best first; behind them their neighbours."""
        text = " ".join((question.text, *question.options))
        hits = self._finder.find(text, video_id=question.video_id)
        films: dict[str, dict[str, float]] = {}
        for film, scene_id, score in hits:
            if film in self.uris:
                films.setdefault(film, {})[scene_id] = score
        found: list[Passage] = []
        beside: list[Passage] = []
        for film, scores in films.items():
            found += self._shelf.passages(film, scores, uri=self.uris[film])
            beside += self._beside(film, scores)
        return [*sorted(found, key=lambda p: -p.score), *beside]

    def _beside(self, film: str, scores: dict[str, float]) -> list[Passage]:
        if not self.answerer.joins_scenes:
            return []
        return self._shelf.neighbours(film, list(scores), uri=self.uris[film])


def ask(
    lake: Lake,
    question: str,
    *,
    video: str | None = None,
    options: Sequence[str] = (),
    config: Config,
) -> Asked:
    """Answer from the best scenes of the lake, or of one film.

    Args:
        video: id or file name of the only film to look into.
        options: answers to choose from.

    Errors:
        UsageError: an empty question, no such film, an empty lake.
        SceneLakeError: the answerer gave no usable answer.
    """
    video_id = lake.find_video(video)["video_id"] if video else None
    asked = Question(question, video_id, tuple(options))
    return Asker(lake, config).setup().ask(asked)
