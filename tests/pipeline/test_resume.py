"""A run that is stopped and given again goes on from the clips that were done."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from scenelake.pipeline import Lake, run
from scenelake.pipeline.parcels import Event
from scenelake.pipeline.summarise import Summarise
from scenelake.pipeline.watching.summary import RunSummary
from scenelake.pipeline.watching.watcher import Watcher
from tests.media import films
from tests.pipeline.lakes import assert_same_lakes, finished_clips, unfinished
from tests.pipeline.light import light_config, light_engines

N_CLIPS = 6
DURATION_S = 30.0
CONFIG = light_config(clips={"length_s": DURATION_S / N_CLIPS, "search_s": 2.0})


@pytest.fixture(scope="module", autouse=True)
def _light() -> Iterator[None]:
    with light_engines():
        yield


@pytest.fixture(scope="module")
def film(media_dir: Path) -> Path:
    cuts_s = (2.0, 4.4, 6.2, 9.0, 11.3, 14.5, 16.0, 19.1, 21.5, 24.0, 26.2)
    path = media_dir / "resume.mkv"
    films.hard_cuts(path, cuts_s=cuts_s, duration_s=DURATION_S, size=(64, 48))
    return path


@pytest.fixture(scope="module")
def undisturbed(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("undisturbed") / "lake"
    assert run([film], lake, config=CONFIG).committed == 1
    return lake


@dataclass
class StopAfter(Watcher):
    """Somebody types Ctrl-C when a step is done with so many items."""

    step: str
    n_items: int

    def event(self, event: Event) -> None:
        if (event.step, event.kind) == (self.step, "finished"):
            self.n_items -= 1
            if self.n_items == 0:
                raise KeyboardInterrupt


def stop(film: Path, lake: Path, *, step: str, n_items: int) -> set[tuple[str, int]]:
    """Run until it is stopped; gives the clips that are done."""
    with pytest.raises(KeyboardInterrupt):
        run([film], lake, config=CONFIG, watcher=StopAfter(step, n_items))
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(0.5)  # a clip that was in hand may still be put down
    return finished_clips(lake)


def items(summary: RunSummary, step: str) -> int:
    return int(summary.stages[step]["items"])


@pytest.mark.parametrize(("step", "n_items"), [("decode", 4), ("visual", 3), ("align", 5)])
def test_clips_that_were_done_are_not_done_again(
    film: Path, undisturbed: Path, tmp_path: Path, step: str, n_items: int
) -> None:
    lake = tmp_path / "lake"
    done = stop(film, lake, step=step, n_items=n_items)
    assert len(done) < N_CLIPS
    assert len(done) >= (n_items if step == "align" else 0)
    again = run([film], lake, config=CONFIG)
    assert (again.committed, again.failed) == (1, 0)
    for name in ("decode", "visual", "speech", "align"):
        assert items(again, name) == N_CLIPS - len(done)
    assert_same_lakes(lake, undisturbed)
    assert unfinished(lake) == []


def test_a_film_all_of_whose_clips_were_done_is_only_put_together(
    film: Path, undisturbed: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    done = stop(film, lake, step="describe", n_items=1)
    assert len(done) == N_CLIPS
    again = run([film], lake, config=CONFIG)
    assert [items(again, name) for name in ("decode", "visual", "speech")] == [0, 0, 0]
    assert_same_lakes(lake, undisturbed)
    assert unfinished(lake) == []


def test_descriptions_that_were_written_are_not_written_again(
    film: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """A model that writes may be what costs most."""
    lake = tmp_path / "lake"
    stop(film, lake, step="summarise", n_items=2)
    n_written = len(list(lake.rglob("part-*.parquet")))
    again = run([film], lake, config=CONFIG)
    assert n_written >= 2
    assert items(again, "summarise") == max(1, items(again, "describe"))
    assert_same_lakes(lake, undisturbed)


def test_a_film_that_lacks_only_its_summary_is_not_described_again(
    film: Path, undisturbed: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    killed = mock.patch.object(Summarise, "_story", side_effect=KeyboardInterrupt)
    with killed, pytest.raises(KeyboardInterrupt):
        run([film], lake, config=CONFIG)
    again = run([film], lake, config=CONFIG)
    assert [items(again, name) for name in ("describe", "text", "summarise")] == [0, 0, 1]
    assert_same_lakes(lake, undisturbed)
    assert unfinished(lake) == []


def test_a_film_that_is_not_done_does_not_exist(film: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    stop(film, lake, step="align", n_items=2)
    assert Lake(lake).videos().num_rows == 0


def test_a_half_written_clip_is_done_again(film: Path, undisturbed: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    done = stop(film, lake, step="align", n_items=3)
    whole = next(lake.rglob("clip-*.parquet"))
    half = whole.with_name(f".{whole.name}.4711-0badcafe.partial")
    half.write_bytes(whole.read_bytes()[:200])
    whole.unlink()
    again = run([film], lake, config=CONFIG)
    assert items(again, "decode") == N_CLIPS - len(done) + 1
    assert_same_lakes(lake, undisturbed)
    assert unfinished(lake) == []


def test_stopped_again_and_again_it_comes_to_its_end(
    film: Path, undisturbed: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    n_done = [len(stop(film, lake, step="align", n_items=1)) for _ in range(3)]
    assert n_done == sorted(set(n_done))
    run([film], lake, config=CONFIG)
    assert_same_lakes(lake, undisturbed)


def test_what_a_run_left_of_clips_of_another_configuration_goes_with_the_commit(
    film: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    stop(film, lake, step="align", n_items=2)
    other = CONFIG.model_copy(update={"cut": CONFIG.cut.model_copy(update={"window_frames": 3})})
    summary = run([film], lake, config=other)
    assert items(summary, "decode") == N_CLIPS
    assert unfinished(lake) == []
