"""Subtitles in English of films that are not: beside those in the film's own language."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scenelake.pipeline import Lake
from scenelake.pipeline.cli import execute
from scenelake.pipeline.export.job import Exported, export
from scenelake.schemas.errors import UsageError
from tests.pipeline.exporting import Filmed, spoken

GERMAN = Filmed(
    words=spoken("Hier ist das Meer, und dort die Stadt."),
    translation=spoken("Here is the sea, and there is the town."),
    language="de",
)
ENGLISH = Filmed(video_id="bb22", uri="/films/english.mp4", words=spoken("Here is the sea."))
FRENCH = Filmed(video_id="cc33", uri="/films/fr.mp4", words=spoken("Voici."), language="fr")
SILENT = Filmed(video_id="dd44", uri="/films/silent.mp4")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def lake_of(tmp_path: Path, *films: Filmed) -> Lake:
    for film in films:
        film.commit(tmp_path / "lake")
    return Lake(tmp_path / "lake")


def written(done: Exported) -> list[str]:
    return [Path(file).name for file in done.files]


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_subtitles_in_both_languages_lie_side_by_side(tmp_path: Path, out: Path, kind: str) -> None:
    lake = lake_of(tmp_path, GERMAN)
    assert written(export(lake, kind, out)) == [f"holiday.{kind}"]
    assert written(export(lake, kind, out, translated=True)) == [f"holiday.en.{kind}"]
    assert written(export(lake, kind, out)) == [f"holiday.{kind}"]
    assert "Hier ist das Meer" in (out / f"holiday.{kind}").read_text("utf-8")
    assert "Here is the sea" in (out / f"holiday.en.{kind}").read_text("utf-8")


def test_films_without_a_translation_are_named_with_the_reason(tmp_path: Path, out: Path) -> None:
    done = export(lake_of(tmp_path, GERMAN, ENGLISH, FRENCH, SILENT), "srt", out, translated=True)
    assert written(done) == ["holiday.en.srt"]
    told = {note.video_id: note.message for note in done.notes}
    assert told == {
        "bb22": "is in English: no translation",
        "cc33": "no translation in the lake; `run` with --set speech.translate=true, and a Whisper "
        "of all languages, makes one",
        "dd44": "nothing is said in it: no subtitles",
    }


def test_a_film_of_the_translations_name_keeps_its_own_subtitles(tmp_path: Path, out: Path) -> None:
    other = Filmed(video_id="ee55", uri="/films/holiday.en.mp4", words=spoken("Quite another."))
    lake = lake_of(tmp_path, GERMAN, other)
    assert "holiday.en.srt" in written(export(lake, "srt", out))
    assert written(export(lake, "srt", out, translated=True)) == ["holiday-aa11bb22.en.srt"]
    assert "Quite another." in (out / "holiday.en.srt").read_text("utf-8")


@pytest.mark.parametrize("kind", ["html", "jsonl", "chapters", "webdataset"])
def test_other_formats_have_no_translation_apart(tmp_path: Path, out: Path, kind: str) -> None:
    with pytest.raises(UsageError, match=f"--translated is for srt and vtt, not for {kind}"):
        export(lake_of(tmp_path, GERMAN), kind, out, translated=True)
    assert not out.exists()


def test_the_command_writes_it(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake_of(tmp_path, GERMAN)
    command = ["export", str(tmp_path / "lake"), "--format", "vtt", "--translated"]
    monkeypatch.setattr(sys, "argv", ["scenelake", *command, "--out", str(out)])
    assert execute() == 0
    assert capsys.readouterr().out.split() == [str(out / "holiday.en.vtt")]
