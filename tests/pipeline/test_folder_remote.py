"""A lake in a bucket: what networks, servers and keys do to it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenelake.pipeline.storing.folder import folder_at
from scenelake.schemas.errors import LakeError, UsageError
from tests.media.cutting_proxy import CuttingProxy, proxy_to
from tests.media.disk import files_up_to
from tests.media.s3 import S3Server

QUICK = {"AWS_MAX_ATTEMPTS": "2", "AWS_RETRY_MODE": "standard"}
"""For a user who is told quickly."""


@pytest.fixture
def wire(s3_user: S3Server, s3_environment: Callable[..., None]) -> Iterator[CuttingProxy]:
    """The way to the server, for a user who is told quickly that it is cut."""
    with proxy_to(s3_user.ports[0]) as proxy:
        s3_environment(AWS_ENDPOINT_URL=proxy.endpoint, **QUICK)
        yield proxy


def test_a_wire_that_is_cut_for_a_moment_is_not_noticed(
    wire: CuttingProxy, s3_server: S3Server
) -> None:
    folder = folder_at(s3_server.uri("lakes/cut once"))
    wire.cut_after_sent, wire.n_cuts = 1 << 20, 1
    folder.write("a/big", bytes(5 << 20))
    assert wire.n_cuts < 1
    assert folder.read("a/big") == bytes(5 << 20)


def test_a_wire_that_stays_cut_leaves_what_was_there(
    wire: CuttingProxy, s3_server: S3Server
) -> None:
    folder = folder_at(s3_server.uri("lakes/cut"))
    folder.write("a/big", b"old")
    wire.cut_after_sent, wire.n_cuts = 1 << 20, 1000
    with pytest.raises(LakeError, match=r"lakes/cut: the lake cannot be written: .*; mend that"):
        folder.write("a/big", bytes(5 << 20))
    with (
        pytest.raises(LakeError, match="the lake cannot be written"),
        folder.writing("a/new") as file,
    ):
        file.write(bytes(5 << 20))
    wire.n_cuts = 0
    assert folder.read("a/big") == b"old"
    assert folder.names("a") == ["big"]


def test_who_wins_but_does_not_hear_it_has_won(wire: CuttingProxy, s3_server: S3Server) -> None:
    folder = folder_at(s3_server.uri("lakes/unheard"))
    folder.make()
    wire.cut_at_answer, wire.n_cuts = True, 1
    assert folder.create("claim", b"mine")
    assert wire.n_cuts < 1
    assert not folder.create("claim", b"theirs")


def test_an_upload_in_parts_that_nobody_ended_is_not_seen(s3_user: S3Server) -> None:
    folder = folder_at(s3_user.uri("lakes/parts"))
    folder.write("a/old", b"old")
    for name in ["a/old", "a/new"]:
        start_upload(s3_user, f"lakes/parts/{name}")
    assert folder.read("a/old") == b"old"
    assert folder.names("a") == ["old"]
    assert folder.folders() == ["a"]
    folder.remove_tree("a")
    assert folder.folders("a") == []


def start_upload(server: S3Server, key: str) -> None:
    """What a process leaves that dies between two parts."""
    client = server.client
    upload = client.create_multipart_upload(Bucket=server.bucket, Key=key)
    client.upload_part(
        Bucket=server.bucket,
        Key=key,
        UploadId=upload["UploadId"],
        PartNumber=1,
        Body=bytes(5 << 20),
    )


def test_a_file_too_large_for_one_request_goes_in_parts(s3_user: S3Server) -> None:
    folder = folder_at(s3_user.uri("lakes/large"))
    with folder.writing("a/film") as file:
        for _ in range(101):
            file.write(bytes(1 << 20))
    assert folder.names("a") == ["film"]
    head = s3_user.client.head_object(Bucket=s3_user.bucket, Key="lakes/large/a/film")
    assert head["ContentLength"] == 101 << 20
    assert head["ETag"].strip('"').endswith("-3")


def test_a_server_that_is_killed_is_told_and_keeps_what_it_said_it_had(
    tmp_path: Path, s3_environment: Callable[..., None]
) -> None:
    (tmp_path / "s3").mkdir()
    server = S3Server(tmp_path / "s3")
    s3_environment(**server.env, **QUICK)
    folder = folder_at(server.uri("lake"))
    try:
        server.start()
        folder.write("a/b", b"kept")
        server.kill()
        with pytest.raises(LakeError, match="the lake cannot be read: "):
            folder.read("a/b")
        server.start()
        assert folder.read("a/b") == b"kept"
    finally:
        server.kill()


def test_a_bucket_that_is_not_there_is_told_before_anything_is_done(s3_user: S3Server) -> None:
    folder = folder_at("s3://nobodys-bucket/lake")
    with pytest.raises(LakeError, match=r"^s3://nobodys-bucket/lake: the lake cannot be written: "):
        folder.make()
    with pytest.raises(LakeError, match=r"The specified bucket does not exist; mend"):
        folder.write("a", b"x")


def test_somebody_without_the_right_key_is_told(
    s3_user: S3Server, s3_environment: Callable[..., None]
) -> None:
    s3_environment(AWS_SECRET_ACCESS_KEY="guessed")
    folder = folder_at(s3_user.uri("lake"))
    with pytest.raises(LakeError, match="cannot be written: The request signature"):
        folder.make()
    for ask in (folder.read, folder.exists):
        with pytest.raises(LakeError, match=r"cannot be read: (Forbidden|The request)"):
            ask("a")


def test_a_temporary_folder_that_takes_no_more_is_named(s3_user: S3Server) -> None:
    folder = folder_at(s3_user.uri("lakes/full temp"))
    with files_up_to(1 << 20), pytest.raises(LakeError) as caught, folder.writing("a") as file:
        file.write(bytes(2 << 20))
    assert str(caught.value).startswith(
        f"{tempfile.gettempdir()}: the temporary folder cannot be written: File too large; "
        "make room there, or set TMPDIR"
    )
    assert folder.names() == []


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("gopher://host/lake", "Protocol not known: gopher"),
        ("s3://", "names no bucket"),
    ],
)
def test_an_address_that_can_be_no_lake_is_refused_at_once(uri: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        folder_at(uri)
    assert message in str(caught.value)
    assert str(caught.value).startswith(uri)
