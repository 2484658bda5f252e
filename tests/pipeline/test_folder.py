"""What a lake needs of its place, held by a folder of this machine and by a bucket of S3."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import BinaryIO

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scenelake.pipeline.storing.folder import Folder, folder_at
from scenelake.schemas.errors import LakeError
from tests.media.s3 import S3Server

NAMES = ["a.parquet", "two words.parquet", "Wörter für 猫 🎬.parquet", "50% + [1]#?.parquet"]


@pytest.fixture(params=["local", "s3"])
def lake_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a lake, nothing in it."""
    if request.param == "local":
        return str(tmp_path / "a lake")
    server: S3Server = request.getfixturevalue("s3_user")
    return server.uri(f"lakes/{tmp_path.name}")


@pytest.fixture
def folder(lake_uri: str) -> Folder:
    made = folder_at(lake_uri)
    made.make()
    return made


def test_what_is_written_is_read_listed_and_removed(folder: Folder) -> None:
    for name in NAMES:
        folder.write(f"videos/{name}", name.encode())
    assert folder.names("videos") == sorted(NAMES)
    assert folder.folders() == ["videos"]
    assert [folder.read(f"videos/{name}").decode() for name in NAMES] == NAMES
    for name in NAMES:
        folder.remove(f"videos/{name}")
    assert folder.names("videos") == []


def test_only_what_lies_directly_in_a_folder_is_listed(folder: Folder) -> None:
    for name in ["top.txt", "a/1.txt", "a/b/2.txt", "ab/3.txt", "a/.hidden", ".hidden/4.txt"]:
        folder.write(name, b"x")
    assert folder.names() == ["top.txt"]
    assert folder.names("a") == ["1.txt"]
    assert folder.folders() == ["a", "ab"]
    assert folder.folders("a") == ["b"]


def test_a_mark_stays_while_its_file_does_and_changes_with_it(folder: Folder) -> None:
    folder.write("videos/a.parquet", b"one")
    folder.write("videos/b.parquet", b"two")
    before = folder.marks("videos")
    assert set(before) == {"a.parquet", "b.parquet"}
    assert folder.mark("videos/a.parquet") == before["a.parquet"]
    folder.write("videos/a.parquet", b"ONE")
    after = folder.marks("videos")
    assert after["a.parquet"] != before["a.parquet"]
    assert after["b.parquet"] == before["b.parquet"]
    assert folder.mark("videos/c.parquet") is None
    assert folder.stamp("nothing") is None
    assert folder.marks("nothing") == {}


def test_where_nothing_is_nothing_is_found(folder: Folder) -> None:
    assert folder.names("videos") == []
    assert folder.folders("videos") == []
    assert not folder.exists("videos/a.parquet")
    assert folder.age_s("videos/a.parquet") is None
    folder.remove("videos/a.parquet")
    folder.remove_tree("videos")
    with pytest.raises(FileNotFoundError):
        folder.read("videos/a.parquet")
    with pytest.raises(FileNotFoundError):
        folder.parquet("videos/a.parquet")


def test_a_folder_is_not_a_file(folder: Folder) -> None:
    folder.write("a/b/file", b"x")
    assert folder.exists("a/b/file")
    assert not folder.exists("a/b")


def test_a_second_writing_replaces_the_first(folder: Folder) -> None:
    folder.write("a/file", b"first, and longer")
    folder.write("a/file", b"second")
    assert folder.read("a/file") == b"second"
    assert folder.names("a") == ["file"]


def test_others_see_at_once_what_one_has_done(folder: Folder, lake_uri: str) -> None:
    other = folder_at(lake_uri)
    assert other.names("a") == []
    folder.write("a/1", b"x")
    assert other.names("a") == ["1"]
    folder.remove("a/1")
    assert other.names("a") == []
    assert not other.exists("a/1")


def test_a_tree_goes_with_all_in_it_and_its_neighbours_stay(folder: Folder) -> None:
    for name in ["s/one/a", "s/one/deep/er/b", "s/one more/c", "s/on"]:
        folder.write(name, b"x")
    folder.remove_tree("s/one")
    assert folder.names("s/one") == []
    assert folder.names("s/one/deep/er") == []
    assert folder.read("s/one more/c") == b"x"
    assert folder.names("s") == ["on"]


def test_the_lake_itself_is_never_swept_away(folder: Folder) -> None:
    folder.write("a", b"x")
    with pytest.raises(ValueError, match="not the lake"):
        folder.remove_tree("")
    assert folder.read("a") == b"x"


def test_age_is_counted_from_the_last_writing(folder: Folder) -> None:
    folder.write("claim", b"x")
    age_s = folder.age_s("claim")
    assert age_s is not None
    assert 0.0 <= age_s < 5.0


@pytest.mark.parametrize("n_rows", [10, 100_000], ids=["small", "large"])
def test_columns_and_row_groups_of_a_table_are_read(folder: Folder, n_rows: int) -> None:
    table = pa.table({"id": range(n_rows), "text": [os.urandom(40).hex() for _ in range(n_rows)]})
    with folder.writing("scenes/a.parquet") as file:
        pq.write_table(table, file, row_group_size=n_rows // 2)
    opened = folder.parquet("scenes/a.parquet")
    assert opened.metadata.num_row_groups == 2
    assert opened.read(columns=["id"]).equals(table.select(["id"]))
    assert opened.read_row_group(1).equals(table.slice(n_rows // 2))


def test_a_file_that_is_not_parquet_is_named(folder: Folder) -> None:
    folder.write("scenes/a.parquet", b"this is no table")
    with pytest.raises(LakeError, match=r"scenes/a\.parquet: is damaged: .*; remove it and run"):
        folder.parquet("scenes/a.parquet")


def test_a_writing_that_breaks_leaves_what_was_there(folder: Folder, lake_uri: str) -> None:
    folder.write("a/old", b"old")
    for name in ["a/old", "a/new"]:
        with pytest.raises(ZeroDivisionError), folder.writing(name) as file:
            write_half(file)
    assert folder.read("a/old") == b"old"
    assert folder.names("a") == ["old"]
    assert files_under(lake_uri) == ["old"]


def write_half(file: BinaryIO) -> None:
    file.write(bytes(1 << 20))
    raise ZeroDivisionError


def test_what_goes_wrong_in_the_block_is_not_blamed_on_the_lake(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError), folder.writing("a/merged") as file:
        file.write(folder.read("a/part-that-somebody-removed"))
    with pytest.raises(ConnectionError), folder.writing("a/merged"):
        raise ConnectionError
    assert folder.names("a") == []


def test_nothing_appears_before_a_writing_ends(folder: Folder) -> None:
    with folder.writing("a/file") as file:
        file.write(b"all of it")
        file.flush()
        assert folder.names("a") == []
        assert not folder.exists("a/file")
    assert folder.read("a/file") == b"all of it"


def test_a_killed_writer_leaves_nothing_that_is_seen(folder: Folder, lake_uri: str) -> None:
    folder.write("a/old", b"old")
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, lake_uri], stdout=subprocess.PIPE
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half written\n"
        writer.send_signal(signal.SIGKILL)
    assert folder.read("a/old") == b"old"
    assert folder.names("a") == ["old"]
    assert folder.folders("a") == []
    folder.remove_tree("a")
    assert files_under(lake_uri) == []


WRITE_AND_WAIT = textwrap.dedent(
    """
    import sys, time
    from scenelake.pipeline.storing.folder import folder_at

    with folder_at(sys.argv[1]).writing("a/old") as file:
        file.write(bytes(3_000_000))
        file.flush()
        print("half written", flush=True)
        time.sleep(60)
    """
)


def test_of_many_creators_one_wins(folder: Folder) -> None:
    for name in ["claims/first", "claims/second"]:
        won = created_at_once(folder, name)
        assert sum(won) == 1
        assert folder.read(name) == str(won.index(True)).encode()


def created_at_once(folder: Folder, name: str) -> list[bool]:
    barrier = Barrier(4)

    def create(number: int) -> bool:
        barrier.wait()
        return folder.create(name, str(number).encode())

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(create, range(4)))


def test_of_two_processes_that_create_one_wins(folder: Folder) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        calls = [pool.apply_async(folder.create, ("claim", b"x")) for _ in range(2)]
        assert sorted(call.get(60) for call in calls) == [False, True]


def test_what_is_there_is_not_created_again(folder: Folder) -> None:
    folder.write("a/claim", b"older")
    assert not folder.create("a/claim", b"newer")
    assert folder.read("a/claim") == b"older"
    folder.remove("a/claim")
    assert folder.create("a/claim", b"newer")
    assert folder.read("a/claim") == b"newer"
    assert folder.names("a") == ["claim"]


def test_a_folder_travels_to_other_processes(folder: Folder) -> None:
    folder.write("a/file", b"x")
    sent = pickle.dumps(folder)
    assert len(sent) < 500
    assert pickle.loads(sent) == folder
    assert pickle.loads(sent).read("a/file") == b"x"


def test_folders_of_one_place_are_one_folder(lake_uri: str, folder: Folder) -> None:
    assert folder_at(lake_uri + "/") == folder
    assert folder_at(folder.uri) == folder


def files_under(uri: str) -> list[str]:
    """All files that lie there in truth, hidden ones too."""
    filesystem, path = fsspec.url_to_fs(uri)
    return sorted(found.rpartition("/")[2] for found in filesystem.find(path) if found != path)
