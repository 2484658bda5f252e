"""The report of a run: what the page says is what the document says, whatever films are called."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scenelake.pipeline.parcels import Event
from scenelake.pipeline.storing.lake_access import RunInfo
from scenelake.pipeline.watching.monitor import Monitor
from scenelake.pipeline.watching.processes import Usage
from scenelake.pipeline.watching.report import read_report, report, write_report
from scenelake.pipeline.watching.report_page import page
from scenelake.pipeline.watching.summary import RunSummary, StageCount
from scenelake.pipeline.watching.watcher import QueueState
from scenelake.schemas.flow import Receipt, Skipped
from scenelake.schemas.rows import Failure
from tests.pipeline.pages import Page

EVIL = "/films/<script>alert(1)</script>.mp4"


def failure(uri: str, error_type: str) -> Failure:
    message = f"{uri}: <b>nothing</b> decodes"
    return Failure(uri, "decode", error_type, message, "run-1", datetime.now(UTC))


def document(*, n_films: int = 40, failures: list[Failure] | None = None) -> dict[str, Any]:
    """Of a scripted run: one film a second, ten seconds of film each, one fails."""
    now_s = [0.0]
    used = Usage(memory_bytes=3 * 2**30, cpu_s=0.0, n_processes=4, exact=True)
    monitor = Monitor(now=lambda: now_s[0], look=lambda: used)
    failures = [failure(EVIL, "corrupt")] if failures is None else failures
    for n in range(n_films):
        uri = f"/films/{n} & more.mp4"
        monitor.event(Event(uri, "speech", "started", 0, 1, 10.0))
        now_s[0] += 1.0
        monitor.event(Event(uri, "speech", "finished", 0, 1, 10.0, busy_s=0.5))
        monitor.flow({"speech": QueueState(n % 4, n * 2**20)})
        monitor.verdict(uri, Receipt(uri, uri, n_scenes=2, media_s=10.0))
        monitor.sample()
    monitor.verdict("old.mp4", Skipped("old", "old.mp4", "known"))
    for failed in failures:
        monitor.verdict(failed.uri, failed)
    monitor.sample()
    summary = RunSummary(
        run_id="20261122T014000-ab12cd",
        wall_s=now_s[0],
        media_s=n_films * 10.0,
        committed=n_films,
        skipped=1,
        failures=failures,
        counts={"decode": StageCount(n_films, 12.5), "speech": StageCount(7, 99.0)},
    )
    info = RunInfo(summary.run_id, "0.1.0", {"cut": "c0ffee"}, {"ocr": "pp@5"}, prompt_hash=None)
    started = datetime(2026, 11, 22, 1, 40, tzinfo=UTC)
    return report(
        summary, info, monitor.record(), engine="inline", started_at=started, lake="my lake"
    )


def test_the_document_holds_the_run_and_comes_back_from_its_file(tmp_path: Path) -> None:
    written = document()
    write_report(lambda name, content: (tmp_path / name).write_bytes(content), written)
    assert read_report(tmp_path / "20261122T014000-ab12cd.json") == written
    assert (tmp_path / "20261122T014000-ab12cd.html").read_text("utf-8") == page(written)
    assert written["inputs"] == {"total": 42, "committed": 40, "skipped": 1, "failed": 1}
    assert written["series"]["committed"][-1] == 40
    assert written["series"]["media_s"][-1] == 400.0
    assert written["usage"]["peak_memory_bytes"] == 3 * 2**30
    assert max(written["series"]["queues"]["speech"]["n_items"]) == 3
    lengths = {len(column) for name, column in written["series"].items() if name != "queues"}
    assert lengths == {len(written["series"]["queues"]["speech"]["n_bytes"])}


def test_the_document_does_not_name_the_machine() -> None:
    import socket

    assert socket.gethostname() not in json.dumps(document()["machine"])
    assert set(document()["machine"]) == {"cpus", "memory_bytes", "python", "system"}


def test_a_document_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps({**document(), "schema": 99}), "utf-8")
    with pytest.raises(ValueError, match="schema 99, expected 1"):
        read_report(path)


def test_numbers_on_the_page_are_those_of_the_document() -> None:
    written = document()
    text = Page(page(written)).text
    for shown in ("films 42", "committed 40", "skipped 1", "failed 1", "x real time 10.0"):
        assert shown in text
    assert "of film 6:40" in text
    assert "memory, peak 3.0 GiB" in text
    assert "speech 7 99.0 89% 14.14" in text
    assert "corrupt: 1" in text


def test_the_page_needs_nothing_from_elsewhere() -> None:
    html = page(document())
    assert re.findall(r"https?://|//[a-z]+\.|@import|url\((?!#)", html) == []
    assert all(address.startswith("#") for address in Page(html).addresses)
    assert not {"script", "link", "img", "iframe"} & set(Page(html).tags)


def test_names_of_films_are_text_and_nothing_else() -> None:
    evil = [failure(EVIL, "corrupt"), failure('"><img src=x onerror=y>\udcff', "<i>type</i>")]
    parsed = Page(page(document(failures=evil)))
    assert EVIL in parsed.text
    assert "<i>type</i>: 1" in parsed.text
    assert not {"script", "img"} & set(parsed.tags)
    assert parsed.text.count("<b>nothing</b> decodes") == 2


def test_plots_show_steps_films_speed_memory_and_queues() -> None:
    parsed = Page(page(document()))
    assert parsed.tags.count("svg") == 7
    for title in ("Time by step", "Films that came", "Memory of all", "Items that wait"):
        assert title in parsed.text


def test_failures_are_grouped_with_what_to_do_and_the_command_for_it() -> None:
    failures = [failure(f"{n}.mp4", "timeout") for n in range(150)] + [failure(EVIL, "corrupt")]
    written = document(failures=failures)
    assert {name: group["count"] for name, group in written["failures"].items()} == {
        "timeout": 150,
        "corrupt": 1,
    }
    assert len(written["failures"]["timeout"]["rows"]) == 150
    text = Page(page(written)).text
    assert "scenelake run --retry-failed timeout --lake 'my lake'" in text
    assert "and 50 more, in the JSON document" in text


def test_a_run_in_which_nothing_happened_has_a_page_too() -> None:
    empty = document(n_films=0, failures=[]) | {"stages": {}, "slowest": []}
    empty["series"] = {name: [] for name in empty["series"]} | {"queues": {}}
    assert "svg" not in Page(page(empty)).tags
