"""A disk that fills up, or takes nothing at all, stops a run; the next one completes it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenelake.pipeline import Lake, run
from scenelake.schemas.config import Config
from scenelake.schemas.errors import LakeError, UsageError
from tests.media import films
from tests.media.disk import NoMountsHereError, SmallDisk, files_up_to, small_disk
from tests.pipeline.lakes import assert_same_lakes, assert_whole_files, finished_clips, unfinished
from tests.pipeline.light import light_config, light_engines

N_CLIPS = 4
ROOMY = 64 << 20
_RUN = "from scenelake.pipeline.cli import main; main()"
REMEDY = "mend that and give the same command again: what is committed stays"


@pytest.fixture(scope="module", autouse=True)
def _light() -> Iterator[None]:
    with light_engines():
        yield


@pytest.fixture(scope="module")
def config() -> Config:
    return light_config(clips={"length_s": 3.0, "search_s": 1.0})


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of four clips, whose pictures weigh something."""
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    cuts_s = [1.5, 3.1, 4.5, 6.1, 7.5, 9.1, 10.5]
    return films.hard_cuts(path, cuts_s=cuts_s, duration_s=12.0, size=(640, 360)).path


@pytest.fixture(scope="module")
def undisturbed(film: Path, config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("undisturbed")
    assert run([film], lake, config=config).committed == 1
    return lake


@pytest.fixture(scope="module")
def n_bytes(undisturbed: Path) -> int:
    """What the film's scenes weigh in the lake; its clips weigh about as much together."""
    (scenes,) = (undisturbed / "scenes").glob("*.parquet")
    return scenes.stat().st_size


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path, n_bytes=ROOMY) as mounted:
            yield mounted
    except NoMountsHereError:
        pytest.skip("this machine lets nobody mount a disk")


def check_completed(lake: Path, undisturbed: Path) -> None:
    assert_same_lakes(lake, undisturbed)
    assert_whole_files(lake)
    assert unfinished(lake) == []


def check_stopped(lake: Path, *, n_staged: int) -> None:
    """No film for readers, and nothing half written; what was finished waits."""
    with pytest.raises(UsageError, match="holds no film yet"):
        Lake(lake).scenes()
    assert list((lake / "videos").glob("*.parquet")) == []
    assert len(finished_clips(lake)) == n_staged
    assert [p for p in lake.rglob("*") if p.is_file() and ".partial" in p.name] == []


@pytest.mark.parametrize(("share", "n_staged"), [(0.4, 1), (1.6, N_CLIPS)], ids=["clip", "commit"])
def test_a_disk_that_fills_up_stops_the_run_and_the_next_one_goes_on(
    disk: SmallDisk,
    film: Path,
    config: Config,
    undisturbed: Path,
    n_bytes: int,
    share: float,
    n_staged: int,
) -> None:
    lake = disk.path / "lake"
    disk.remount(f"size={int(share * n_bytes) + (32 << 10)}")
    with pytest.raises(LakeError) as caught:
        run([film], lake, config=config)
    assert str(caught.value) == (
        f"{lake}: the lake cannot be written: No space left on device; {REMEDY}"
    )
    check_stopped(lake, n_staged=n_staged)
    disk.remount(f"size={ROOMY}")
    again = run([film], lake, config=config)
    assert (again.committed, again.failed) == (1, 0)
    assert again.stages["decode"]["items"] == N_CLIPS - n_staged
    check_completed(lake, undisturbed)


@pytest.mark.parametrize(("share", "n_staged"), [(0.01, 0), (0.6, N_CLIPS)], ids=["clip", "commit"])
def test_files_that_may_not_grow_stop_the_run_and_the_next_one_goes_on(
    tmp_path: Path,
    film: Path,
    config: Config,
    undisturbed: Path,
    n_bytes: int,
    share: float,
    n_staged: int,
) -> None:
    """As with a quota; on machines where nobody may mount a disk too."""
    lake = tmp_path / "lake"
    told = pytest.raises(LakeError, match=f"{lake}: .* written: File too large; {REMEDY}")
    with files_up_to(int(share * n_bytes)), told:
        run([film], lake, config=config)
    check_stopped(lake, n_staged=n_staged)
    again = run([film], lake, config=config)
    assert again.stages["decode"]["items"] == N_CLIPS - n_staged
    check_completed(lake, undisturbed)


def test_a_lake_that_may_only_be_read_is_told_read_and_left_as_it_is(
    disk: SmallDisk, film: Path, config: Config, undisturbed: Path
) -> None:
    lake = disk.path / "lake"
    run([film], lake, config=config)
    disk.remount("ro")
    other = light_config(clips={"length_s": 3.0}, scene={"min_s": 3.0})
    with pytest.raises(LakeError) as caught:
        run([film], lake, config=other)
    assert str(caught.value) == (
        f"{lake}: the lake cannot be written: Read-only file system; {REMEDY}"
    )
    assert_same_lakes(lake, undisturbed)
    disk.remount("rw")
    assert run([film], lake, config=other).committed == 1


def test_the_command_says_so_in_one_line(disk: SmallDisk, film: Path) -> None:
    lake = disk.path / "lake"
    disk.remount("size=4096")
    (disk.path / "filler").write_bytes(bytes(4096))
    command = [sys.executable, "-c", _RUN, "run", str(film), "--lake", str(lake)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    *_, last = done.stderr.splitlines()
    assert last == f"scenelake: {lake}: the lake cannot be written: No space left on device; " + (
        REMEDY
    )
    assert "Traceback" not in done.stderr
