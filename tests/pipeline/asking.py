"""Lakes that say what a test wants, and an answerer that needs no model, for tests of asking."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from unittest import mock

import numpy as np

from scenelake.pipeline.storing.folder import folder_at
from scenelake.pipeline.storing.store import Store
from scenelake.schemas.config import AnswerConfig, Config
from scenelake.schemas.errors import SceneLakeError
from scenelake.schemas.rows import Provenance, Scene, Shot, Video
from scenelake.schemas.tables import scenes_table
from scenelake.workers import registry
from scenelake.workers.chat import ChatError
from scenelake.workers.engines import Query, Reply
from scenelake.workers.quoting import locate
from tests.workers.telling import words

SCENE_S = 10.0
DIMS = {"visual_dim": 3, "text_dim": 4}
WORDS_ONLY = {"weights": {"told": 0.0, "seen": 0.0}}
QUICK = ("search.weights.told=0", "search.weights.seen=0", "answer.engine=echo")
"""Scenes are found by BM25 alone, and nothing loads a model."""
PACE = "SCENELAKE_TEST_PACE_S"
"""How long `Echo` takes for a question."""


def film(
    lake: Path, video_id: str, said: Sequence[str], *, uri: str = "", summary: str | None = None
) -> None:
    """Commit a film with a scene of ten seconds for each text."""
    store = Store(folder_at(lake))
    store.prepare()
    rows = [(_scene(video_id, i, text), _who()) for i, text in enumerate(said)]
    video = Video(
        video_id=video_id,
        uri=uri or f"/films/{video_id}.mp4",
        container="mp4",
        duration_s=SCENE_S * len(said),
        width=64,
        height=48,
        fps=25.0,
        rotation=0,
        video_codec="h264",
        audio_codec="aac",
        language="en",
        n_scenes=len(said),
        n_bytes=1000,
        provenance=_who(),
        summary=summary,
    )
    store.commit(video, [scenes_table(rows, **DIMS)], **DIMS)


def _who() -> Provenance:
    models = {"text": "minilm@1", "visual": "mean-colour@1"}
    return Provenance("run-1", "0.1", datetime(2026, 11, 22, tzinfo=UTC), {"cut": "c1"}, models)


def _scene(video_id: str, index: int, text: str) -> Scene:
    start_s = index * SCENE_S
    return Scene(
        video_id=video_id,
        index=index,
        start_s=start_s,
        end_s=start_s + SCENE_S,
        shots=(Shot(start_s, start_s + SCENE_S),),
        title=text[:20],
        description=text,
        words=words(text, start_s=start_s + 1),
        embedding=np.zeros(3, np.float32),
        text_embedding=np.zeros(4, np.float32),
        language="en",
    )


class Echo:
    """Answers with the first sentence of the best scene; "poison" fails, "crash" raises."""

    sees = False
    joins_scenes = False
    prompt_hash = "echo"
    weights: tuple[str, ...] = ()

    def __init__(self, config: AnswerConfig) -> None:
        self._config = config

    @property
    def model(self) -> str:
        return "echo@1"

    def setup(self) -> None:
        """Nothing to load."""

    def answer(self, queries: Sequence[Query]) -> list[Reply | SceneLakeError]:
        return [self._reply(query) for query in queries]

    def _reply(self, query: Query) -> Reply | SceneLakeError:
        time.sleep(float(os.environ.get(PACE, "0")))
        if "poison" in query.text:
            return ChatError("no usable reply")
        if "crash" in query.text:
            raise RuntimeError("the answerer is broken")
        if not query.passages:
            return Reply("The film does not tell.", grounded=False, citations=())
        best = query.passages[0]
        sentence = best.scene.transcript.split(".")[0] + "."
        citation = locate(sentence, best)
        return Reply(sentence, grounded=True, citations=(citation,) if citation else ())


@contextmanager
def echo_engine() -> Iterator[None]:
    """``answer.engine: echo`` is known in this process."""
    point = EntryPoint("answer.echo", f"{__name__}:Echo", registry.GROUP)
    known = registry._engines() | {"answer.echo": point}
    with mock.patch.object(registry, "_engines", return_value=known):
        yield


def echo_config() -> Config:
    return Config.model_validate({"answer": {"engine": "echo"}, "search": WORDS_ONLY})


def main() -> None:
    """The command `scenelake`, where that answerer is known."""
    from scenelake.pipeline.cli import execute

    with echo_engine():
        sys.exit(execute())
