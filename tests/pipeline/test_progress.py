"""What a run says while it goes, where nobody looks at a terminal and where somebody does."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import Progress, TextColumn

from scenelake.pipeline.progress import Lines, Live, clock, short
from scenelake.pipeline.steps import Event
from scenelake.schemas.flow import Receipt, Skipped
from scenelake.schemas.rows import Failure

URIS = ["/films/one.mp4", "/films/two.mkv", "/films/three.avi"]
FAILED = Failure(
    URIS[2], "decode", "corrupt", "no picture of it can be decoded", "run-1", datetime.now(UTC)
)


def test_a_log_has_one_plain_line_for_each_film_with_pace_and_time_left() -> None:
    out = io.StringIO()
    lines = Lines(out)
    lines.begin(URIS)
    lines.verdict(URIS[0], Receipt("aa", URIS[0], n_scenes=3, media_s=65.0))
    lines.verdict(URIS[1], Skipped("bb", URIS[1], "already committed with this configuration"))
    lines.verdict(URIS[2], FAILED)
    first, *rest = out.getvalue().splitlines()[1:]
    assert first.startswith("[1/3] one.mp4: committed, 3 scenes, 1:05 (")
    assert "x real time, about" in first
    assert rest[0].startswith("[2/3] two.mkv: skipped, already committed with this configuration")
    assert "failed in decode (corrupt): no picture of it can be decoded" in rest[1]
    assert "\x1b" not in out.getvalue()


def test_a_terminal_shows_films_at_work_with_their_steps_and_keeps_failures() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120)
    with Progress(TextColumn("{task.fields[at_work]}", markup=False), console=console) as progress:
        live = Live(progress)
        live.begin(URIS)
        live.event(Event(URIS[0], "speech", "started"))
        live.event(Event(URIS[1], "decode", "started"))
        assert progress.tasks[0].fields["at_work"] == "one.mp4: speech | two.mkv: decode"
        live.verdict(URIS[0], Receipt("aa", URIS[0], n_scenes=3, media_s=65.0))
        assert progress.tasks[0].completed == 1
        assert progress.tasks[0].fields["at_work"].endswith("left  two.mkv: decode")
        live.verdict(URIS[2], FAILED)
    assert "three.avi: failed in decode" in out.getvalue()


def test_many_films_at_work_stay_on_one_line() -> None:
    progress = Progress(console=Console(file=io.StringIO()))
    live = Live(progress)
    live.begin(URIS)
    for number in range(10):
        live.event(Event(f"/films/{number}.mp4", "decode", "started"))
    assert progress.tasks[0].fields["at_work"].endswith("| and 7 more")


def test_times_and_names_are_short() -> None:
    assert (clock(59.6), clock(3723), clock(0)) == ("1:00", "1:02:03", "0:00")
    assert len(short("/films/" + "x" * 90 + ".mp4")) == 40
