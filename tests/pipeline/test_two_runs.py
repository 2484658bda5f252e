"""Two runs on one lake at a time share the films and spoil nothing."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenelake.pipeline import Lake, job, run
from scenelake.pipeline.build import build
from scenelake.pipeline.parcels import Event
from scenelake.pipeline.plan import Plan
from scenelake.pipeline.storing.claims import Claims
from scenelake.pipeline.storing.folder_local import LocalFolder
from scenelake.pipeline.storing.lake_access import LakeAccess
from scenelake.pipeline.watching.summary import RunSummary
from scenelake.pipeline.watching.watcher import Watcher
from scenelake.schemas.clips import Clip
from scenelake.schemas.flow import Busy, Skipped
from scenelake.workers.probe import content_id
from tests.media import films
from tests.pipeline.lakes import assert_same_lakes, assert_whole_files, unfinished
from tests.pipeline.light import light_config, light_engines

CONFIG = light_config(clips={"length_s": 4.0, "search_s": 1.5})


@pytest.fixture(scope="module", autouse=True)
def _light() -> Iterator[None]:
    with light_engines():
        yield


@pytest.fixture(scope="module")
def inputs(media_dir: Path) -> list[Path]:
    return [
        films.hard_cuts(
            media_dir / f"shared{i}.mkv", cuts_s=(2.0, 5.0 + i / 5), duration_s=8.0, size=(64, 48)
        ).path
        for i in range(4)
    ]


@pytest.fixture(scope="module")
def alone(inputs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake that one run makes."""
    lake = tmp_path_factory.mktemp("alone") / "lake"
    assert run(inputs, lake, config=CONFIG).committed == len(inputs)
    return lake


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(job, "_LOOK_AGAIN_S", 0.1)
    return tmp_path / "lake"


def test_runs_side_by_side_commit_each_film_once(
    inputs: list[Path], alone: Path, lake: Path
) -> None:
    summaries: list[RunSummary] = []
    orders = (inputs, inputs[::-1])
    threads = [
        threading.Thread(target=lambda o=order: summaries.append(run(o, lake, config=CONFIG)))
        for order in orders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(s.committed + s.skipped, s.failed) for s in summaries] == [(len(inputs), 0)] * 2
    assert sum(s.committed for s in summaries) == len(inputs)
    assert_whole_files(lake)
    assert_same_lakes(lake, alone)
    assert unfinished(lake) == []


def test_a_film_that_another_run_has_is_waited_for_and_then_skipped(
    inputs: list[Path], alone: Path, lake: Path
) -> None:
    """The other run is done with it while we wait."""
    film = inputs[0]
    other = Claims(LocalFolder(lake), "another run")
    video_id = content_id(film)

    def work() -> None:
        with other.alive():
            assert other.take(video_id, uri="/elsewhere.mkv") is None
            taken.set()
            time.sleep(2.0)
            for table in ("scenes", "videos"):
                (lake / table).mkdir(exist_ok=True)
                shutil.copy(alone / table / f"{video_id}.parquet", lake / table)
            other.release(video_id)

    taken = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    taken.wait()
    summary = run([film], lake, config=CONFIG)
    thread.join()
    assert (summary.committed, summary.skipped) == (0, 1)
    assert summary.stages["decode"]["items"] == 0


def test_a_film_that_another_run_gave_up_is_worked_on(inputs: list[Path], lake: Path) -> None:
    other = Claims(LocalFolder(lake), "another run")
    taken = threading.Event()

    def give_up() -> None:
        with other.alive():
            other.take(content_id(inputs[0]), uri="/elsewhere.mkv")
            taken.set()
            time.sleep(1.0)

    thread = threading.Thread(target=give_up)
    thread.start()
    taken.wait()
    summary = run(inputs[:2], lake, config=CONFIG)
    thread.join()
    assert (summary.committed, summary.skipped, summary.failed) == (2, 0, 0)
    assert unfinished(lake) == []


def test_the_other_films_do_not_wait_for_one_that_is_taken(inputs: list[Path], lake: Path) -> None:
    other = Claims(LocalFolder(lake), "another run")
    verdicts: list[str] = []

    class Release(Watcher):
        """The other run gives its film up when two of ours have come to their end."""

        def verdict(self, uri: str, item: object) -> None:
            verdicts.append(uri)
            if len(verdicts) == 2:
                other.release(content_id(inputs[0]))

    with other.alive():
        other.take(content_id(inputs[0]), uri="/elsewhere.mkv")
        summary = run(inputs[:3], lake, config=CONFIG, watcher=Release())
    assert summary.committed == 3
    assert verdicts[-1] == str(inputs[0])


def test_copies_of_one_film_are_one_film(inputs: list[Path], lake: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(inputs[0], tmp_path / "copy.mkv"))
    summary = run([inputs[0], copy], lake, config=CONFIG)
    assert (summary.committed, summary.skipped) == (1, 1)
    assert Lake(lake).videos().num_rows == 1


def test_a_film_taken_over_by_another_run_is_not_committed_by_the_first(
    inputs: list[Path], lake: Path
) -> None:
    """As after a machine that slept for long: its claim has expired."""
    folder, video_id = LocalFolder(lake), content_id(inputs[0])
    other = Claims(folder, "another run")

    class TakeOver(Watcher):
        def event(self, event: Event) -> None:
            if (event.step, event.kind) == ("align", "finished"):
                claim = f'{{"run_id": "{other.run_id}", "uri": "x"}}'
                folder.write(f"_staging/{video_id}/claim", claim.encode())

    with other.alive():
        summary = run(inputs[:1], lake, config=CONFIG, watcher=TakeOver())
    assert (summary.committed, summary.skipped) == (0, 1)
    assert Lake(lake).videos().num_rows == 0


def test_what_was_committed_between_a_look_and_the_claim_is_not_done_again(
    inputs: list[Path], alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = LocalFolder(tmp_path / "lake")
    _, info = build(CONFIG, folder=folder, run_id="run-1")
    plan = Plan(CONFIG, LakeAccess(folder, info, CONFIG.clips.length_s))
    take = Claims.take

    def taken_late(self: Claims, video_id: str, *, uri: str) -> tuple[str, str] | None:
        shutil.copytree(alone, folder.root, dirs_exist_ok=True)
        return take(self, video_id, uri=uri)

    monkeypatch.setattr(Claims, "take", taken_late)
    (verdict,) = plan.process(str(inputs[0]))
    assert isinstance(verdict, Skipped)
    assert not folder.exists(f"_staging/{verdict.video_id}/claim")


def test_who_has_a_film_is_told(inputs: list[Path], tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path / "lake")
    plans = []
    for run_id in ("run-1", "run-2"):
        _, info = build(CONFIG, folder=folder, run_id=run_id)
        plans.append(Plan(CONFIG, LakeAccess(folder, info, CONFIG.clips.length_s)))
    with Claims(folder, "run-1").alive():
        first = list(plans[0].process(str(inputs[0])))
        (second,) = plans[1].process(str(inputs[0]))
    for plan in plans:
        plan.close()
    assert [type(item) for item in first] == [Clip, Clip]
    assert isinstance(second, Busy)
    assert second.run_id == "run-1"
