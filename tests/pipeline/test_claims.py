"""Two runs on one lake do not work on the same film, and a dead one holds nobody up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenelake.pipeline.storing import claims
from scenelake.pipeline.storing.claims import Claims
from scenelake.pipeline.storing.folder_local import LocalFolder

A, B = "/films/a.mp4", "/films/b.mp4"


@pytest.fixture
def folder(tmp_path: Path) -> LocalFolder:
    return LocalFolder(tmp_path)


@pytest.fixture
def ours(folder: LocalFolder) -> Iterator[Claims]:
    """Claims of a run that is alive."""
    run = Claims(folder, "run-1")
    with run.alive():
        yield run


@pytest.fixture
def theirs(folder: LocalFolder) -> Iterator[Claims]:
    """Claims of another run that is alive."""
    run = Claims(folder, "run-2")
    with run.alive():
        yield run


def write_sign(folder: LocalFolder, run_id: str, **changed: object) -> None:
    """A sign of life as another process would leave it."""
    sign = {"machine": claims._machine(), "pid": os.getpid(), "started": "0"}
    folder.write(f"_staging/_runs/{run_id}", json.dumps(sign | changed).encode())


def sleep_for(folder: LocalFolder, run_id: str, seconds: float) -> None:
    """Pretend that a run has not shown a sign of life for so long."""
    path = folder.root / "_staging" / "_runs" / run_id
    then_s = time.time() - seconds
    os.utime(path, (then_s, then_s))


def test_the_first_has_the_film_and_the_second_is_told_who(ours: Claims, theirs: Claims) -> None:
    assert ours.take("film", uri=A) is None
    assert theirs.take("film", uri=B) == ("run-1", A)
    assert (ours.holds("film"), theirs.holds("film")) == (True, False)


def test_the_same_content_at_another_address_of_one_run_is_told(ours: Claims) -> None:
    assert ours.take("film", uri=A) is None
    assert ours.take("film", uri=B) == ("run-1", A)


def test_a_worker_that_is_replaced_has_its_film_still(ours: Claims) -> None:
    assert ours.take("film", uri=A) is None
    assert ours.take("film", uri=A) is None


def test_a_film_that_is_given_free_is_there_for_the_other(ours: Claims, theirs: Claims) -> None:
    ours.take("film", uri=A)
    theirs.release("film")  # not theirs to give
    assert not theirs.is_free("film")
    ours.release("film")
    assert theirs.is_free("film")
    assert theirs.take("film", uri=B) is None


def test_what_a_finished_run_claimed_is_free(folder: LocalFolder, theirs: Claims) -> None:
    run = Claims(folder, "run-0")
    with run.alive():
        run.take("film", uri=A)
        assert not theirs.is_free("film")
    assert theirs.is_free("film")
    assert theirs.take("film", uri=B) is None
    assert not run.holds("film")


def test_a_run_shows_life_while_it_lives_and_leaves_nothing(folder: LocalFolder) -> None:
    with Claims(folder, "run-1").alive():
        assert folder.names("_staging/_runs") == ["run-1"]
    assert folder.names("_staging/_runs") == []


def test_a_run_that_breaks_leaves_no_sign_of_life(folder: LocalFolder) -> None:
    with pytest.raises(KeyboardInterrupt), Claims(folder, "run-1").alive():
        raise KeyboardInterrupt
    assert folder.names("_staging/_runs") == []


KILLED = """
import os, sys
from pathlib import Path
from scenelake.pipeline.storing.claims import Claims
from scenelake.pipeline.storing.folder_local import LocalFolder
run = Claims(LocalFolder(Path(sys.argv[1])), "run-0")
with run.alive():
    run.take("film", uri="/films/a.mp4")
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_of_this_machine_claimed_is_taken_over_at_once(
    folder: LocalFolder, theirs: Claims
) -> None:
    command = [sys.executable, "-c", KILLED, str(folder.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"claimed\n"
        assert theirs.take("film", uri=B) == ("run-0", A)
        process.kill()
    assert theirs.take("film", uri=B) is None


def test_another_process_with_the_same_number_is_not_the_run(
    folder: LocalFolder, theirs: Claims
) -> None:
    """Numbers of processes come round again: this process is not the one that was."""
    Claims(folder, "run-0").take("film", uri=A)
    write_sign(folder, "run-0", started="1")
    assert theirs.take("film", uri=B) is None


def test_a_run_on_another_machine_lives_as_long_as_it_shows_it(
    folder: LocalFolder, theirs: Claims
) -> None:
    """Its process cannot be looked for here."""
    Claims(folder, "run-0").take("film", uri=A)
    write_sign(folder, "run-0", machine="elsewhere", pid=1)
    assert theirs.take("film", uri=B) == ("run-0", A)
    sleep_for(folder, "run-0", claims.EXPIRES_S / 2)
    assert theirs.take("film", uri=B) == ("run-0", A)
    sleep_for(folder, "run-0", claims.EXPIRES_S + 5)
    assert theirs.is_free("film")
    assert theirs.take("film", uri=B) is None


def test_a_sign_of_life_is_renewed(folder: LocalFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "_RENEW_S", 0.05)
    with Claims(folder, "run-1").alive():
        sleep_for(folder, "run-1", 1000)
        deadline_s = time.monotonic() + 5
        while (folder.age_s("_staging/_runs/run-1") or 0) > 100 and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert (folder.age_s("_staging/_runs/run-1") or 1000) < 100


@pytest.mark.parametrize("content", [b"", b"{", b'{"run_id": "run-0"}'])
def test_a_claim_that_nobody_can_read_is_nobodys(
    folder: LocalFolder, theirs: Claims, content: bytes
) -> None:
    folder.write("_staging/film/claim", content)
    assert theirs.take("film", uri=B) is None
    assert theirs.holds("film")


@pytest.mark.parametrize("content", [b"", b"{"])
def test_a_sign_of_life_that_nobody_can_read_is_none(
    folder: LocalFolder, theirs: Claims, content: bytes
) -> None:
    Claims(folder, "run-0").take("film", uri=A)
    folder.write("_staging/_runs/run-0", content)
    assert theirs.take("film", uri=B) is None


def test_of_many_runs_at_once_one_has_the_film(folder: LocalFolder) -> None:
    runs = [Claims(folder, f"run-{i}") for i in range(8)]
    start, got = threading.Barrier(len(runs)), list[str]()

    def race(run: Claims) -> None:
        with run.alive():
            start.wait()
            if run.take("film", uri=A) is None:
                got.append(run.run_id)
            start.wait()

    threads = [threading.Thread(target=race, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
