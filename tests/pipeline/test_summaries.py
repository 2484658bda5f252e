"""Films in a lake have a summary and chapters, whoever writes them, and say who did."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scenelake.pipeline import Lake, run
from scenelake.pipeline.export.job import export
from scenelake.pipeline.show import video_json, video_text
from scenelake.schemas.config import Config
from scenelake.schemas.errors import UsageError
from tests.media.chat_servers import Answer, ChatServer, completion, refusal, scripted_server
from tests.media.stripes import striped_film
from tests.pipeline.light import light_config, light_engines

N_SCENES = 30


@pytest.fixture(scope="module", autouse=True)
def _light() -> Iterator[None]:
    with light_engines():
        yield


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Numbered plates, one a scene."""
    return striped_film(tmp_path_factory.mktemp("films") / "plates.mp4", N_SCENES)


def config(server: ChatServer | None = None, **summarise: object) -> Config:
    asked: dict[str, object] = {}
    if server is not None:
        asked = {"engine": "server", "base_url": server.url, "model": server.model}
        asked |= {"max_tokens": 200, "context_tokens": 2000, "attempts": 2}
    sections = {"ocr": {"engine": "stripes"}, "summarise": asked | summarise}
    return light_config(**sections)  # type: ignore[arg-type]


def tells_of_plates(request: dict[str, Any], _authorization: str) -> Answer:
    """Names the first plate that it is told of, and one that there is not."""
    told = json.dumps(request["messages"][-1]["content"])
    (plate, *_) = re.findall(r"Plate \d+", told)
    reply = {"summary": f"{plate}. Plate 4711."}
    if "title" in json.dumps(request.get("response_format", {})):
        reply["title"] = plate
    return completion(json.dumps(reply))


@pytest.fixture(scope="module")
def told(film: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A lake, and what was counted, of a run whose films a server sums up."""
    lake = tmp_path_factory.mktemp("told") / "lake"
    with scripted_server(tells_of_plates) as server:
        return lake, run([film], lake, config=config(server)).stages["summarise"]


def row_of(lake: Path) -> dict[str, Any]:
    (row,) = Lake(lake).videos().to_pylist()
    return dict(row)


def test_what_a_server_writes_and_is_true_is_in_the_films_row(told: tuple[Path, Any]) -> None:
    row = row_of(told[0])
    assert row["summary_grounded"]
    assert re.fullmatch(r"(Plate \d+\. ?)+", row["summary"])
    assert "4711" not in row["summary"]


def test_prompts_and_tokens_are_counted(told: tuple[Path, dict[str, Any]]) -> None:
    counted = told[1]
    assert counted["n_prompts"] >= 1
    assert counted["n_prompt_tokens"] == 7 * counted["n_prompts"]
    assert counted["n_failed"] == 0


def test_the_row_says_who_summed_the_film_up_and_scenes_do_not(told: tuple[Path, Any]) -> None:
    by = row_of(told[0])["provenance"]
    assert dict(by["models"])["summarise"].startswith("parrot@")
    assert "summary" in dict(by["configs"])
    for scene in Lake(told[0]).scenes(columns=["provenance"]).to_pylist():
        of_scene = scene["provenance"]
        assert "summary" not in dict(of_scene["configs"])
        assert "summarise" not in dict(of_scene["models"])


def test_chapters_tile_the_film_and_begin_where_scenes_do(told: tuple[Path, Any]) -> None:
    row = row_of(told[0])
    starts_s = {s["start_s"] for s in Lake(told[0]).scenes(columns=["start_s"]).to_pylist()}
    chapters = row["chapters"]
    assert chapters[0]["start_s"] == 0.0
    assert chapters[-1]["end_s"] == row["duration_s"]
    assert [c["end_s"] for c in chapters[:-1]] == [c["start_s"] for c in chapters[1:]]
    assert {c["start_s"] for c in chapters} <= starts_s
    assert all(c["title"] for c in chapters)


def test_a_server_that_refuses_leaves_the_films_own_words(film: Path, tmp_path: Path) -> None:
    with scripted_server(lambda *_: refusal(400, "too long for me")) as server:
        summary = run([film], tmp_path / "lake", config=config(server))
    row = row_of(tmp_path / "lake")
    assert (summary.committed, summary.failed) == (1, 0)
    assert summary.stages["summarise"]["n_failed"] >= 1
    assert 'On screen: "Plate 0"' in row["summary"]
    assert row["summary_grounded"] is False


def test_a_server_that_is_not_there_fails_the_film_which_goes_on_from_there(
    film: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    gone = ChatServer("http://127.0.0.1:9/v1", key="", model="parrot")
    first = run([film], lake, config=config(gone, attempts=1))
    assert [failure.error_type for failure in first.failures] == ["transient"]
    again = run([film], lake, config=config())
    assert [again.stages[name]["items"] for name in ("decode", "describe", "text")] == [0, 0, 0]
    assert again.committed == 1
    assert row_of(lake)["summary"]


def test_too_few_tokens_are_told_before_anything_is_written(film: Path, tmp_path: Path) -> None:
    with (
        scripted_server(tells_of_plates) as server,
        pytest.raises(UsageError, match=r"summarise\.max_tokens is 20"),
    ):
        run([film], tmp_path / "lake", config=config(server, max_tokens=20))
    assert not (tmp_path / "lake").exists()


def test_show_prints_summary_and_chapters(told: tuple[Path, Any]) -> None:
    row = row_of(told[0])
    printed = video_text(video_json(Lake(told[0]), "plates.mp4"))
    assert f"  {row['summary']}\n  chapters:\n    0:00  {row['chapters'][0]['title']}\n" in printed


def test_exported_chapters_are_the_films_own(told: tuple[Path, Any], tmp_path: Path) -> None:
    export(Lake(told[0]), "ffmetadata", tmp_path)
    exported = re.findall("title=(.*)", (tmp_path / "plates.ffmetadata").read_text("utf-8"))
    assert exported == [c["title"] for c in row_of(told[0])["chapters"]]
    export(Lake(told[0]), "html", tmp_path)
    page = (tmp_path / "plates.html").read_text("utf-8")
    assert html.escape(row_of(told[0])["summary"]) in page


def test_films_from_before_there_were_summaries_are_read_and_get_one_without_a_decoder(
    film: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    run([film], lake, config=config())
    (path,) = (lake / "videos").glob("*.parquet")
    _forget_summary(path)
    assert video_text(video_json(Lake(lake), "plates.mp4"))
    again = run([film], lake, config=config())
    assert again.committed == 1
    assert {name for name, stage in again.stages.items() if stage["items"]} == {
        "plan",
        "align",
        "summarise",
        "commit",
    }
    assert row_of(lake)["summary"]


def _forget_summary(path: Path) -> None:
    """Make a film's row what an earlier version wrote."""
    table = pq.read_table(path).drop_columns(["summary_grounded"])
    (row,) = table.to_pylist()
    kept = {k: v for k, v in row["provenance"]["configs"] if k != "summary"}
    row |= {"summary": None, "chapters": [], "provenance": row["provenance"] | {"configs": kept}}
    pq.write_table(table.from_pylist([row], schema=table.schema), path)


def test_a_wrong_section_is_named(film: Path, tmp_path: Path) -> None:
    for step in ("summarise", "describe"):
        wrong = light_config(**{step: {"engine": "server"}})
        with pytest.raises(UsageError, match=f"{step}: base_url is ''"):
            run([film], tmp_path / "lake", config=wrong)
