"""A lake in a folder of this machine: its addresses, and disks that refuse."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from scenelake.pipeline.storing.folder import folder_at
from scenelake.schemas.errors import LakeError
from tests.media.disk import files_up_to


def test_a_path_an_object_and_an_address_name_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = ["my lake", tmp_path / "my lake", (tmp_path / "my lake").as_uri()]
    assert {folder_at(place).uri for place in places} == {str(tmp_path / "my lake")}


def test_a_disk_that_takes_no_more_is_told_with_a_remedy(tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "lake")
    folder.write("a/old", b"old")
    with files_up_to(1 << 20), pytest.raises(LakeError) as caught:
        folder.write("a/old", bytes(2 << 20))
    assert str(caught.value) == (
        f"{tmp_path}/lake: the lake cannot be written: File too large; mend that and give the "
        "same command again: what is committed stays"
    )
    assert folder.read("a/old") == b"old"
    assert [path.name for path in (tmp_path / "lake" / "a").iterdir()] == ["old"]


def test_a_place_that_cannot_be_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    folder = folder_at(tmp_path / "file" / "lake")
    with pytest.raises(LakeError, match="the lake cannot be written: Not a directory; mend"):
        folder.make()
    with pytest.raises(LakeError, match="the lake cannot be written: Not a directory; mend"):
        folder.create("a", b"x")
    with pytest.raises(LakeError, match="the lake cannot be read: Not a directory; mend"):
        folder.read("a")


def test_where_a_disk_has_no_links_the_second_creator_loses_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    folder = folder_at(tmp_path)
    assert [folder.create("claim", b"first"), folder.create("claim", b"second")] == [True, False]
    assert folder.read("claim") == b"first"
    assert list(tmp_path.iterdir()) == [tmp_path / "claim"]
