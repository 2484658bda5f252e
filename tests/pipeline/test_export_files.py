"""Exports as files: what they are called, what they hold, and what they never replace."""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from scenelake.pipeline import Lake
from scenelake.pipeline.cli import execute
from scenelake.pipeline.export.filenames import names, safe_stem
from scenelake.pipeline.export.job import FORMATS, Exported, export
from scenelake.pipeline.export.outbox import Outbox
from scenelake.schemas.errors import SceneLakeError, UsageError
from scenelake.schemas.tables import VIDEOS
from tests.media import s3
from tests.media.disk import files_up_to
from tests.pipeline.exporting import Filmed, jpeg, spoken

TALK = Filmed(words=spoken("Here is the sea. " * 20), ocr=("Beach 7",))
SILENT = Filmed(video_id="dd44ee55ff66", uri="s3://films/Silent%20night.mkv")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    for film in (TALK, SILENT):
        film.commit(tmp_path / "lake")
    return Lake(tmp_path / "lake")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name[0] != "."}


def test_files_are_called_as_their_films(lake: Lake, out: Path) -> None:
    done = [Path(f).name for f in export(lake, "vtt", out).files + export(lake, "jsonl", out).files]
    assert done == ["holiday.vtt", "holiday.jsonl", "Silent night.jsonl"]
    assert set(files(out)) == set(done)


@pytest.mark.parametrize(
    ("uri", "stem"),
    [
        ("/films/A: b?.tar.mp4", "A_ b_.tar"),
        ("https://x.org/a/Caf%C3%A9.webm?key=secret.mp4", "Café"),
        ("/films/what?.mp4", "what_"),
        ("/films/.hidden", "hidden"),
        ("/films/-rf.mp4", "rf"),
        ("/films/two\nlines\u202e\udcff.mp4", "two_lines__"),
        ("/films/" + "日" * 90 + ".mp4", "日" * 50),
        ("/films/....mp4", ""),
    ],
)
def test_a_name_is_fit_for_any_disk(uri: str, stem: str) -> None:
    assert safe_stem(uri) == stem


def test_no_two_films_share_a_name() -> None:
    paths = ["/a/x.mp4", "/b/X.mkv", "/c/nul.mp4", "/d/index.mp4", "/e/y.mp4", "/f/..mp4"]
    called = names({"video_id": f"{n}" * 12, "uri": path} for n, path in enumerate(paths))
    assert list(called.values()) == [
        "x-00000000",
        "X-11111111",
        "nul-22222222",
        "index-33333333",
        "y",
        "555555555555",
    ]


def test_a_film_without_words_gives_no_subtitles_and_says_so(lake: Lake, out: Path) -> None:
    done = export(lake, "srt", out)
    assert [note.uri for note in done.notes] == [SILENT.uri]
    assert "nothing is said" in done.notes[0].message
    assert set(files(out)) == {"holiday.srt"}


def test_one_film_alone_is_called_as_among_all(lake: Lake, out: Path, tmp_path: Path) -> None:
    replace(TALK, video_id="77twin77twin", uri="/b/holiday.mkv").commit(tmp_path / "lake")
    export(lake, "srt", out, video=TALK.video_id)
    assert set(files(out)) == {"holiday-aa11bb22.srt"}


def test_jsonl_holds_each_scene_on_a_line_without_pictures_or_vectors(
    lake: Lake, out: Path
) -> None:
    export(lake, "jsonl", out)
    told = [json.loads(line) for line in files(out)["holiday.jsonl"].splitlines()]
    assert [scene["index"] for scene in told] == [0, 1, 2, 3]
    assert {scene["uri"] for scene in told} == {TALK.uri}
    assert told[0]["words"][0]["text"] == "Here"
    assert told[0]["provenance"]["models"]["describe"] == "teller@7"
    assert told[0]["provenance"]["created_at"].startswith("2026-11-22T01:40:00")
    assert set(told[0]["keyframes"][0]) == {"time_s", "labels", "ocr"}
    assert not {"embedding", "text_embedding"} & set(told[0])


def test_jsonl_holds_vectors_if_asked(lake: Lake, out: Path) -> None:
    export(lake, "jsonl", out, vectors=True)
    scene = json.loads(files(out)["holiday.jsonl"].splitlines()[0])
    assert scene["embedding"] == [1.0, 1.0, 1.0]
    assert set(scene["keyframes"][0]) == {"time_s", "labels", "ocr", "vector"}


def test_a_data_set_is_shards_of_pictures_and_what_is_known_of_them(lake: Lake, out: Path) -> None:
    (shard,) = export(lake, "webdataset", out).files
    with tarfile.open(shard) as tar:
        held = {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]
    order = [name.partition(".")[0] for name in held]
    assert order[::2] == order[1::2]
    assert len(set(order)) == 8
    told = json.loads(held[f"{TALK.video_id}-10000.json"])
    assert told["transcript"].startswith("is the sea.")
    assert "vector" not in told["keyframes"][0]
    picture = np.frombuffer(held[f"{TALK.video_id}-10000.jpg"], np.uint8)
    assert cv2.imdecode(picture, cv2.IMREAD_COLOR).shape == (360, 640, 3)


def test_shards_keep_to_their_size_and_old_ones_go(tmp_path: Path, out: Path) -> None:
    from scenelake.pipeline.export.dataset import write_shards
    from scenelake.pipeline.export.film import Film

    many = replace(TALK, n_scenes=40, pictures=(jpeg(width=1280, height=720),))
    many.commit(tmp_path / "lake")
    lake = Lake(tmp_path / "lake")
    film = Film(lake, lake.videos().to_pylist()[0], "holiday")
    small = write_shards([film], Outbox(out), n_bytes=64 * 1024)
    assert len(small.names) > 3
    assert all(len(data) <= 64 * 1024 for data in files(out).values())
    assert small.counts == {TALK.video_id: 40}
    whole = write_shards([film], Outbox(out))
    assert list(files(out)) == whole.names == ["scenes-000000.tar"]


def test_films_without_pictures_are_no_samples(tmp_path: Path, out: Path) -> None:
    replace(TALK, pictures=()).commit(tmp_path / "lake")
    done = export(Lake(tmp_path / "lake"), "webdataset", out)
    assert done.files == []
    assert "no pictures" in done.notes[0].message


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_export_again_replaces_its_own_files(lake: Lake, out: Path, format_: str) -> None:
    first = export(lake, format_, out)
    before = files(out)
    assert first.files
    assert export(lake, format_, out) == first
    assert files(out) == before


@pytest.mark.parametrize("format_", ["srt", "html", "webdataset"])
def test_somebody_elses_files_are_never_replaced(lake: Lake, out: Path, format_: str) -> None:
    written = Path(export(lake, format_, out).files[-1])
    written.write_text("edited by hand")
    before = files(out)
    with pytest.raises(UsageError, match=rf"{written.name}.*--overwrite replaces"):
        export(lake, format_, out)
    assert files(out) == before
    export(lake, format_, out, overwrite=True)
    assert written.read_bytes() != b"edited by hand"


def test_a_film_that_is_called_otherwise_now_leaves_no_old_files(
    lake: Lake, out: Path, tmp_path: Path
) -> None:
    export(lake, "vtt", out)
    replace(TALK, video_id="77twin77twin", uri="/b/holiday.mkv").commit(tmp_path / "lake")
    export(lake, "vtt", out)
    assert set(files(out)) == {"holiday-aa11bb22.vtt", "holiday-77twin77.vtt"}


def test_a_disk_that_fills_leaves_the_old_file_whole(lake: Lake, out: Path) -> None:
    export(lake, "jsonl", out)
    before = files(out)
    with files_up_to(1 << 10), pytest.raises(SceneLakeError, match="cannot be written"):
        export(lake, "jsonl", out)
    assert files(out) == before
    assert not list(out.glob(".*partial*"))


def test_a_film_that_cannot_be_read_does_not_keep_the_others(lake: Lake, out: Path) -> None:
    broken = Path(lake.path) / "scenes" / f"{TALK.video_id}.parquet"
    broken.write_bytes(b"not Parquet")
    for format_ in ("jsonl", "html", "webdataset"):
        done = export(lake, format_, out)
        assert [failure.uri for failure in done.failures] == [TALK.uri]
        assert done.files


def test_lakes_of_an_older_version_are_exported(lake: Lake, out: Path) -> None:
    import pyarrow.parquet as pq

    for path in (Path(lake.path) / "videos").iterdir():
        pq.write_table(pq.read_table(path).drop_columns(["cuts_s"]), path)
    assert "cuts_s" in VIDEOS.names
    assert export(lake, "srt", out).files
    assert export(lake, "html", out).files


def test_a_lake_in_an_object_store_is_read_there(
    s3_user: s3.S3Server, out: Path, tmp_path: Path
) -> None:
    from scenelake.pipeline.storing.folder import folder_at

    TALK.commit(tmp_path / "lake")
    there = folder_at(s3_user.uri("exported"))
    for table in ("scenes", "videos"):
        name = f"{table}/{TALK.video_id}.parquet"
        there.write(name, (tmp_path / "lake" / name).read_bytes())
    assert len(export(Lake(there.uri), "html", out).files) == 1
    assert export(Lake(there.uri), "vtt", out).files


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def scenelake(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["scenelake", *map(str, words)])
        capsys.readouterr()
        code = execute()
        return code, *capsys.readouterr()

    return run


def test_the_command_lists_files_and_says_the_rest_on_stderr(
    scenelake: Command, lake: Lake, out: Path
) -> None:
    code, told, err = scenelake("export", lake.path, "--format", "srt", "--out", out)
    assert (code, told) == (0, f"{out / 'holiday.srt'}\n")
    assert err == f"{SILENT.uri}: nothing is said in it: no subtitles\n"
    code, told, _ = scenelake("export", lake.path, "--format", "srt", "--out", out, "--json")
    assert set(json.loads(told)) == {"format", "files", "notes", "failures"}


def test_a_film_that_cannot_be_read_is_exit_3(scenelake: Command, lake: Lake, out: Path) -> None:
    (Path(lake.path) / "scenes" / f"{TALK.video_id}.parquet").write_bytes(b"not Parquet")
    code, _, err = scenelake("export", lake.path, "--format", "jsonl", "--out", out)
    assert code == 3
    assert TALK.uri in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--format", "doc", "--out", "out"), "'doc' is not one of"),
        (("--format", "srt"), "--out"),
        (("--format", "srt", "--out", "out", "--video", "nobody.mp4"), "no film named"),
        (("--format", "srt", "--out", "stone"), "a file is there already"),
    ],
)
def test_a_wrong_command_is_exit_2_and_writes_nothing(
    scenelake: Command,
    lake: Lake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stone").touch()
    code, told, err = scenelake("export", lake.path, *options)
    assert (code, told) == (2, "")
    assert message in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "stone"]


def test_the_command_knows_the_formats_there_are() -> None:
    from scenelake.pipeline.commands import export as cli_export

    (choice,) = [p.type for p in cli_export.export.params if p.name == "format_"]
    assert tuple(choice.choices) == FORMATS  # type: ignore[attr-defined]


def test_what_was_done_is_one_document(lake: Lake, out: Path) -> None:
    done: Exported = export(lake, "srt", out)
    document: dict[str, Any] = json.loads(json.dumps(done.to_json()))
    assert document["notes"][0]["video_id"] == SILENT.video_id
