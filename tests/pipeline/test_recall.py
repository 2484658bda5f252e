"""What a committed film knows is read back as if it had just been made."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from scenelake.pipeline.commit import Commit
from scenelake.pipeline.join import Join
from scenelake.pipeline.storing.lake_access import LakeAccess
from scenelake.pipeline.storing.recall import Recall
from scenelake.pipeline.summarise import Summarise
from scenelake.schemas.clips import Piece
from scenelake.schemas.config import Config
from scenelake.schemas.film import Source
from scenelake.schemas.flow import Part, Receipt
from scenelake.schemas.rows import Scene, Shot, Word
from scenelake.schemas.story import Summed
from scenelake.workers.align import outline
from tests.pipeline.staged import DIM, MadeUp, lake_access, random_film, source

SEEDS = range(8)
CONFIG = Config.model_validate({"clips": {"length_s": 60.0}})


def commit(film: MadeUp, access: LakeAccess) -> list[Scene]:
    """Bring a film into a lake as a run does; gives its scenes."""
    access.claims.take(film.source.video_id, uri=film.source.uri)
    dims = {"visual_dim": DIM, "text_dim": 2}
    join, put = Join(CONFIG, access), Commit(access, **dims)
    sum_up = Summarise(CONFIG, access, **dims)
    (clip,) = film.clips()
    parts = [part for part in join.process(clip) if isinstance(part, Part)]
    summed = [item for part in parts for item in sum_up.process(part)]
    ends = [end for item in summed if isinstance(item, Summed) for end in put.process(item)]
    assert [type(end) for end in ends] == [Receipt]
    return [scene for part in parts for scene in part.scenes]


Committed = tuple[MadeUp, list[Scene], Recall]
CommittedFilm = Callable[[int], Committed]


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> CommittedFilm:
    """``committed(seed)``: a film of chance, its scenes, and what the lake recalls of it."""

    @functools.cache
    def build(seed: int) -> Committed:
        film = random_film(seed)
        access = lake_access(tmp_path_factory.mktemp("recall"))
        scenes = commit(film, access)
        return film, scenes, Recall(access.folder, film.source)

    return build


def stretches(film: Source, *, n: int) -> list[tuple[float, float]]:
    return list(pairwise(film.duration_s * i / n for i in range(n + 1)))


def recalled(recall: Recall, film: MadeUp, *, n: int) -> list[Piece]:
    return [recall.piece(*stretch) for stretch in stretches(film.source, n=n)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n", [1, 3, 7])
def test_pieces_of_a_film_are_all_of_it_each_thing_once(
    committed: CommittedFilm, seed: int, n: int
) -> None:
    film, _, recall = committed(seed)
    pieces = recalled(recall, film, n=n)
    assert [c for piece in pieces for c in piece.cuts_s] == list(film.cuts_s)
    words = [w for piece in pieces for w in piece.words]
    assert sorted(words, key=_start) == sorted(film.words, key=_start)
    translation = [w for piece in pieces for w in piece.translation]
    assert sorted(translation, key=_start) == sorted(film.translation, key=_start)
    found = [k for piece in pieces for k in piece.keyframes]
    for ours, theirs in zip(found, film.keyframes, strict=True):
        assert (ours.time_s, ours.jpeg) == (theirs.time_s, theirs.jpeg)
        assert (ours.labels, ours.ocr) == (theirs.labels, theirs.ocr)
        assert (ours.vector == theirs.vector).all()


def _start(word: Word) -> float:
    return word.start_s


@pytest.mark.parametrize("seed", SEEDS)
def test_pieces_tile_the_film_and_lay_the_same_time_line(
    committed: CommittedFilm, seed: int
) -> None:
    film, _, recall = committed(seed)
    pieces = recalled(recall, film, n=5)
    assert all(a.end_s == b.start_s for a, b in pairwise(pieces))
    line = outline(pieces, duration_s=film.source.duration_s)
    (whole,) = film.clips()
    theirs = outline([whole.piece], duration_s=film.source.duration_s)
    assert (line.shots, line.words) == (theirs.shots, theirs.words)
    assert line.translation == theirs.translation
    assert line.language == theirs.language


@pytest.mark.parametrize("seed", SEEDS)
def test_scenes_come_back_as_they_were_before_they_were_described(
    committed: CommittedFilm, seed: int
) -> None:
    film, scenes, recall = committed(seed)
    spans = recall.spans()
    assert spans == [(scene.start_s, scene.end_s) for scene in scenes]
    middle_s = spans[len(spans) // 2][0]
    again = [
        *recall.scenes(0.0, middle_s),
        *recall.scenes(middle_s, film.source.duration_s),
    ]
    assert_same_scenes(again, scenes)


def assert_same_scenes(ours: Sequence[Scene], theirs: Sequence[Scene]) -> None:
    names = ("scene_id", "index", "start_s", "end_s", "shots", "labels", "ocr", "words", "language")
    names += ("translated_words", "translation")
    for one, two in zip(ours, theirs, strict=True):
        for name in names:
            assert getattr(one, name) == getattr(two, name), name
        assert [k.jpeg for k in one.keyframes] == [k.jpeg for k in two.keyframes]
        assert (one.embedding is None) == (two.embedding is None)
        if one.embedding is not None and two.embedding is not None:
            assert (one.embedding == two.embedding).all()


def test_what_the_films_row_says_comes_back(tmp_path: Path) -> None:
    notes = ("video: a plain sentence", "audio: another", "a third")
    film = MadeUp((Shot(0.0, 8.0), Shot(8.0, 20.0)), notes=notes)
    access = lake_access(tmp_path)
    commit(film, access)
    facts = Recall(access.folder, film.source).facts()
    assert (facts.n_scenes, facts.cuts_s, facts.warnings) == (2, (8.0,), notes)


def test_warnings_are_told_once_by_the_track_they_are_of(tmp_path: Path) -> None:
    """What is read anew tells its own; what is kept keeps what was said of it."""
    notes = ("audio: the first", "video: the second")
    film = MadeUp((Shot(0.0, 20.0),), notes=notes)
    access = lake_access(tmp_path)
    commit(film, access)
    pieces = recalled(Recall(access.folder, film.source), film, n=3)
    told = {track.kind: track.notes for track in pieces[0].tracks}
    assert told == {"audio": ("audio: the first",), "video": ("video: the second",)}
    assert [track.notes for piece in pieces[1:] for track in piece.tracks] == [()] * 4


def test_a_film_that_is_not_in_the_lake_is_not_recalled(tmp_path: Path) -> None:
    recall = Recall(lake_access(tmp_path).folder, source(10.0))
    with pytest.raises(LookupError, match=r"film\.mp4: its rows are gone"):
        recall.facts()
