"""A lake is searched and asked while a run brings films into it."""

from __future__ import annotations

import time
from pathlib import Path

from scenelake.pipeline import Lake
from scenelake.pipeline.retrieval.filters import Filters
from scenelake.pipeline.retrieval.search import Query, Searcher
from tests.media.numbered import digits, numbered_film, numbers
from tests.pipeline.killing import Command, Running

N_FILMS = 4
BETWEEN_LOOKS_S = 0.3


def test_every_film_is_found_and_answered_from_as_soon_as_it_is_committed(tmp_path: Path) -> None:
    films = {n: numbered_film(tmp_path / f"{n}.mp4", n) for n in numbers(N_FILMS)}
    lake = tmp_path / "lake"
    command = Command(list(films.values()), lake, tmp_path / "home", sabotage=False)
    reader = Reader(lake)
    run = command.start()
    seen: list[int] = []
    try:
        while not run.ended:
            seen.append(reader.look())
            time.sleep(BETWEEN_LOOKS_S)
    finally:
        finish(run)
    seen.append(reader.look())
    assert run.process.returncode == 0, run.errors
    # Some looks were made while films were there and others were not yet.
    assert any(0 < n < N_FILMS for n in seen)
    assert seen == sorted(seen)
    assert seen[-1] == N_FILMS


class Reader:
    """Looks at what is committed, with an index that stays open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._searcher = Searcher(Lake(path))

    def look(self) -> int:
        """How many films are there; each must be found first by its number, and answered from."""
        there = sorted(path.stem for path in self._path.glob("videos/*.parquet"))
        for video_id in there:
            self._check(video_id)
        return len(there)

    def _check(self, video_id: str) -> None:
        chosen = Filters(video_ids=(video_id,))
        (own,) = self._searcher.search(Query("film number"), k=1, filters=chosen)
        number = Path(own.uri).stem
        hits = self._searcher.search(Query(number), k=1)
        assert [hit.video_id for hit in hits] == [video_id]
        asked = Lake(self._path).ask("What is the film number?", video=own.uri)
        assert digits(asked.answer) == number
        assert {citation.video_id for citation in asked.citations} == {video_id}


def finish(run: Running) -> None:
    """No run outlives its test."""
    if not run.ended:
        run.kill()
    run.sweep()
