"""Change one thing and one thing is made again; all else stays as it was, bit for bit."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scenelake.pipeline import Lake, run
from scenelake.pipeline.plan import is_described, to_make
from scenelake.pipeline.watching.summary import RunSummary
from scenelake.schemas.config import Config
from tests.media import films
from tests.params import slow
from tests.pipeline.light import light_engines

UInt8 = NDArray[np.uint8]
N_CLIPS = 3
BASE: dict[str, dict[str, object]] = {
    "clips": {"length_s": 8.0, "search_s": 3.0},
    "describe": {"engine": "evidence"},
    "visual": {"engine": "mean-colour"},
}
CHANGES: dict[str, dict[str, dict[str, object]]] = {
    "summary": {"summarise": {"max_sentences": 1}},
    "describe": {"describe": {"engine": "evidence", "max_tokens": 50}},
    "ocr": {"ocr": {"min_score": 1.0}},
    "visual": {"visual": {"engine": "mean-colour", "min_label_score": 0.4}},
    "speech": {"speech": {"min_avg_logprob": -0.01}},
    "cut": {"keyframes": {"candidate_every_s": 0.3}, "cut": {"min_shot_frames": 14}},
}
MADE_AGAIN = {
    "summary": {},
    "describe": {},
    "ocr": {"ocr": N_CLIPS},
    "visual": {"visual": N_CLIPS},
    "speech": {"decode": N_CLIPS, "speech": N_CLIPS},
    "cut": {"decode": N_CLIPS, "visual": N_CLIPS, "ocr": N_CLIPS},
}
KEPT = {
    "summary": {"jpeg", "vector", "label", "ocr", "words"},
    "describe": {"jpeg", "vector", "label", "ocr", "words"},
    "ocr": {"jpeg", "vector", "label", "words"},
    "visual": {"jpeg", "ocr", "words"},
    "speech": {"jpeg", "vector", "label", "ocr"},
    "cut": {"words"},
}
"""What no byte of may change."""


def config_of(*changes: str) -> Config:
    sections = dict(BASE)
    for change in changes:
        sections |= CHANGES[change]
    return Config.model_validate(sections)


@dataclass(frozen=True)
class Ran:
    lake: Path
    summary: RunSummary

    @property
    def video(self) -> dict[str, Any]:
        rows: list[dict[str, Any]] = Lake(self.lake).videos().to_pylist()
        (row,) = rows
        return row

    @property
    def scenes(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = Lake(self.lake).scenes().to_pylist()
        return rows

    @property
    def worked(self) -> dict[str, int]:
        return {name: int(step["items"]) for name, step in self.summary.stages.items()}

    def made(self, what: str) -> list[Any]:
        """All of one kind that is in the lake, in order."""
        keyframes = [keyframe for scene in self.scenes for keyframe in scene["keyframes"]]
        return {
            "jpeg": lambda: [(k["time_s"], k["jpeg"]) for k in keyframes],
            "vector": lambda: [k["vector"] for k in keyframes],
            "label": lambda: [k["labels"] for k in keyframes],
            "ocr": lambda: [k["ocr"] for k in keyframes],
            "words": lambda: [word for scene in self.scenes for word in scene["words"]],
        }[what]()


@pytest.fixture(scope="module", autouse=True)
def _light() -> Iterator[None]:
    with light_engines():
        yield


@pytest.fixture(scope="module")
def film(media_dir: Path, photographs: dict[str, UInt8]) -> Path:
    """24 s: three photographs, one of them captioned, and a sentence with each."""
    captioned = photographs["rocket"].copy()
    cv2.putText(
        captioned, "GATE 7 OPEN", (40, 300), cv2.FONT_HERSHEY_SIMPLEX, 2, (255, 255, 255), 5
    )
    path = media_dir / "redo.mp4"
    sentences = [
        (1.0, "A cat looks out of the window."),
        (10.0, "The rocket stands on the coast."),
        (17.0, "Somebody drinks a cup of coffee."),
    ]
    pictures = [(0.0, photographs["cat"]), (9.0, captioned), (16.4, photographs["coffee"])]
    films.spoken(path, sentences, pictures=pictures, tail_s=4.0)
    return path


@pytest.fixture(scope="module")
def base(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    lake = tmp_path_factory.mktemp("redo") / "lake"
    return Ran(lake, run([film], lake, config=config_of()))


Redo = Callable[[str], Ran]


@pytest.fixture(scope="module")
def redo(film: Path, base: Ran, tmp_path_factory: pytest.TempPathFactory) -> Redo:
    """``redo(change)``: the lake after one thing was changed, made once."""
    done: dict[str, Ran] = {}

    def changed(change: str) -> Ran:
        if change not in done:
            lake = tmp_path_factory.mktemp("redone") / "lake"
            shutil.copytree(base.lake, lake)
            done[change] = Ran(lake, run([film], lake, config=config_of(change)))
        return done[change]

    return changed


def test_a_first_run_makes_everything(base: Ran) -> None:
    expected = dict.fromkeys(("decode", "visual", "ocr", "speech", "align"), N_CLIPS)
    assert base.worked.items() >= expected.items()
    texts = {text["text"] for texts in base.made("ocr") for text in texts}
    assert any("GATE" in text for text in texts)
    assert [len(base.made(what)) > 2 for what in ("jpeg", "vector", "label", "words")] == [True] * 4
    assert [round(cut_s, 1) for cut_s in base.video["cuts_s"]] == [9.0, 16.4]


@pytest.mark.parametrize("change", CHANGES)
def test_only_what_a_change_shapes_is_made_again(redo: Redo, change: str) -> None:
    ran = redo(change)
    assert ran.summary.committed == 1
    worked = {name: ran.worked[name] for name in ("decode", "visual", "ocr", "speech")}
    assert {name: n for name, n in worked.items() if n} == MADE_AGAIN[change]


@pytest.mark.parametrize("change", CHANGES)
def test_all_else_stays_bit_for_bit(base: Ran, redo: Redo, change: str) -> None:
    ran = redo(change)
    for what in KEPT[change]:
        assert ran.made(what) == base.made(what), what


@pytest.mark.parametrize("change", ["summary", "describe", "ocr", "visual", "speech"])
def test_scenes_stay_where_they_were(base: Ran, redo: Redo, change: str) -> None:
    for column in ("scene_id", "start_s", "end_s", "shots"):
        ours, theirs = ([row[column] for row in ran.scenes] for ran in (redo(change), base))
        assert ours == theirs
    assert redo(change).video["cuts_s"] == base.video["cuts_s"]


def test_what_was_changed_is_another(base: Ran, redo: Redo) -> None:
    assert redo("ocr").made("ocr") != base.made("ocr")
    assert redo("speech").made("words") != base.made("words")
    assert redo("cut").made("jpeg") != base.made("jpeg")
    assert redo("visual").made("label") != base.made("label")


@pytest.mark.parametrize("change", CHANGES)
def test_rows_say_the_new_configuration_and_run(base: Ran, redo: Redo, change: str) -> None:
    ours, theirs = (dict(ran.video["provenance"]["configs"]) for ran in (redo(change), base))
    changed = {family for family in ours if ours[family] != theirs[family]}
    # Keyframes shape what is seen and read of them too.
    assert changed == {"cut": {"cut", "visual", "ocr"}}.get(change, {change})
    of_scenes = {family: digest for family, digest in ours.items() if family != "summary"}
    by = (base if change == "summary" else redo(change)).summary.run_id
    for scene in redo(change).scenes:
        assert dict(scene["provenance"]["configs"]) == of_scenes
        assert scene["provenance"]["run_id"] == by


def test_another_summary_touches_nothing_but_the_films_row(base: Ran, redo: Redo) -> None:
    assert scenes_bytes(redo("summary")) == scenes_bytes(base)
    assert redo("summary").worked["describe"] == 0
    assert redo("summary").video["summary"] != base.video["summary"]
    assert redo("summary").video["summary"]


def test_another_describer_means_another_summary(redo: Redo) -> None:
    worked = redo("describe").worked
    assert worked["describe"] > 0
    assert worked["summarise"] > 0


def scenes_bytes(ran: Ran) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (ran.lake / "scenes").glob("*.parquet")}


@pytest.mark.parametrize("change", ["summary", "cut", *slow("visual", "speech")])
def test_going_back_gives_the_first_lake_again(
    film: Path, base: Ran, redo: Redo, change: str
) -> None:
    lake = redo(change).lake.with_name("back")
    shutil.copytree(redo(change).lake, lake)
    back = Ran(lake, run([film], lake, config=config_of()))
    assert back.summary.committed == 1
    assert without_clocks(back.video) == without_clocks(base.video)
    assert [without_clocks(row) for row in back.scenes] == [
        without_clocks(row) for row in base.scenes
    ]


def without_clocks(row: dict[str, Any]) -> dict[str, Any]:
    provenance = {k: v for k, v in row["provenance"].items() if k not in ("run_id", "created_at")}
    return {**row, "provenance": provenance}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_of_the_way_is_left(redo: Redo, change: str) -> None:
    assert [p for p in (redo(change).lake / "_staging").rglob("*") if p.is_file()] == []


@pytest.mark.parametrize(
    ("changed", "made"),
    [
        ((), ()),
        (("describe",), ()),
        (("speech",), ("speech",)),
        (("ocr",), ("ocr",)),
        (("visual", "ocr"), ("visual", "ocr")),
        (("cut",), ("cut", "visual", "ocr")),
        (("cut", "describe"), ("cut", "visual", "ocr")),
        (("cut", "speech"), ("cut", "visual", "ocr", "speech")),
        (("ocr", "speech"), ("cut", "visual", "ocr", "speech")),
    ],
)
def test_what_must_be_made_follows_from_what_was_changed(
    changed: tuple[str, ...], made: tuple[str, ...]
) -> None:
    before = dict.fromkeys(("cut", "visual", "ocr", "speech", "describe"), "as it was")
    after = before | dict.fromkeys(changed, "changed")
    assert to_make(before, after) == set(made)
    assert to_make(None, after) == {"cut", "visual", "ocr", "speech"}
    assert not is_described(None, after)
    assert is_described(before, after | {"summary": "changed"}) == (not changed)


def test_another_length_of_clips_is_no_change(film: Path, base: Ran) -> None:
    longer = Config.model_validate(BASE | {"clips": {"length_s": 100.0}})
    assert run([film], base.lake, config=longer).skipped == 1


def test_a_film_in_one_clip_keeps_what_was_not_changed_too(
    film: Path, base: Ran, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    shutil.copytree(base.lake, lake)
    one = {"clips": {"length_s": 100.0}}
    sections = BASE | CHANGES["speech"] | one
    ran = Ran(lake, run([film], lake, config=Config.model_validate(sections)))
    assert {name: ran.worked[name] for name in ("decode", "visual", "ocr", "speech")} == {
        "decode": 1,
        "visual": 0,
        "ocr": 0,
        "speech": 1,
    }
    for what in KEPT["speech"]:
        assert ran.made(what) == base.made(what), what
