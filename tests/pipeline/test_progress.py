"""What a run says while it goes, where nobody looks at a terminal and where somebody does."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from scenelake.pipeline.names import Names, short
from scenelake.pipeline.parcels import Event
from scenelake.pipeline.watching.progress import Lines, Screen, clock
from scenelake.pipeline.watching.tally import Tally
from scenelake.pipeline.watching.watcher import Watcher
from scenelake.schemas.flow import Receipt, Skipped
from scenelake.schemas.rows import Failure

URIS = ["/films/one.mp4", "/films/two.mkv", "/films/three.avi"]
STEPS = tuple("decode visual ocr speech align describe text summarise commit".split())


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def failure(uri: str, error_type: str = "corrupt", message: str = "nothing decodes") -> Failure:
    return Failure(uri, "decode", error_type, message, "run-1", datetime.now(UTC))


def receipt(uri: str, media_s: float) -> Receipt:
    return Receipt(uri, uri, n_scenes=3, media_s=media_s)


def skipped(uri: str) -> Skipped:
    return Skipped(uri, uri, "already committed with this configuration")


def work_clip(watcher: Watcher | Tally, uri: str, clip: int, n_clips: int, media_s: float) -> None:
    """All steps of one clip."""
    tell = watcher.count_event if isinstance(watcher, Tally) else watcher.event
    for step in STEPS:
        tell(Event(uri, step, "started", clip, n_clips, media_s))
        tell(Event(uri, step, "finished", clip, n_clips, media_s, busy_s=0.1))


def drawn(screen: Screen, *, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, record=True)
    console.print(screen)
    return console.export_text().splitlines()


def test_a_log_has_one_plain_line_for_each_of_few_films_with_pace_and_time_left() -> None:
    out, now = io.StringIO(), Clock()
    lines = Lines(out, now=now)
    lines.begin(URIS)
    lines.event(Event(URIS[0], "decode", "started", 0, 1, 65.0))
    now.now_s += 5
    lines.verdict(URIS[0], receipt(URIS[0], 65.0))
    lines.verdict(URIS[1], skipped(URIS[1]))
    lines.verdict(URIS[2], failure(URIS[2]))
    assert out.getvalue().splitlines() == [
        "3 films to look at",
        "[1/3] one.mp4: committed, 3 scenes, 1:05 (13.0x real time, about 0:10 left)",
        "[2/3] two.mkv: skipped, already committed with this configuration "
        "(13.0x real time, about 0:05 left)",
        "[3/3] three.avi: failed in decode (corrupt): nothing decodes (13.0x real time)",
    ]


def test_a_log_names_the_clip_that_a_long_film_is_at() -> None:
    out, now = io.StringIO(), Clock()
    lines = Lines(out, now=now)
    lines.begin(["/films/tape 17.mp4"])
    work_clip(lines, "/films/tape 17.mp4", 0, 12, 3600.0)
    now.now_s += 60
    lines.event(Event("/films/tape 17.mp4", "speech", "started", 3, 12, 3600.0))
    assert out.getvalue().splitlines()[-1] == (
        "[0/1] 0 done, 1 running, 0 failed, 0 skipped; 5.0x real time, about 11:00 left; "
        "tape 17.mp4 clip 4/12: speech"
    )


def test_a_log_of_ten_thousand_films_has_failures_and_a_line_now_and_then() -> None:
    out, now = io.StringIO(), Clock()
    lines = Lines(out, now=now)
    uris = [f"/archive/{n // 100}/tape {n % 100}.mp4" for n in range(10_000)]
    lines.begin(uris)
    for n, uri in enumerate(uris):
        lines.event(Event(uri, "plan", "started"))
        now.now_s += 3.6
        failed = n % 10 == 0
        lines.verdict(uri, failure(uri) if failed else receipt(uri, 60.0))
    lines.close()
    said = out.getvalue().splitlines()
    assert 100 < len(said) < 1000
    assert sum("failed in decode" in line for line in said) == 20
    assert "more failures of type corrupt are only counted here" in out.getvalue()
    assert said[-1].startswith(
        "[10,000/10,000] 9,000 done, 0 running, 1,000 failed, 0 skipped; 15.0x"
    )


def test_memory_of_ended_films_is_let_go_even_if_a_cluster_reports_late() -> None:
    tally = Tally()
    tally.begin(10_000)
    for n in range(10_000):
        uri = f"/archive/{n}.mp4"
        work_clip(tally, uri, 0, 1, 10.0)
        tally.count_verdict(uri, receipt(uri, 10.0))
        tally.count_event(Event(uri, "commit", "finished", 0, 1, 10.0))
    assert len(tally.films) == 0
    assert (tally.n_committed, tally.n_running, tally.share) == (10_000, 0, 1.0)
    assert tally.committed_s == 100_000.0


def test_time_left_goes_by_seconds_of_film_where_durations_are_known() -> None:
    """At 20 x real time, the short films first."""
    now = Clock()
    lengths_s = [60.0] * 200 + [5400.0] * 200
    tally = Tally(clock=now)
    tally.begin(len(lengths_s))
    for n, media_s in enumerate(lengths_s):
        tally.count_event(Event(f"{n}", "plan", "finished", media_s=media_s))
    for n, media_s in enumerate(lengths_s[:300]):
        work_clip(tally, f"{n}", 0, 1, media_s)
        now.now_s += media_s / 20
        tally.count_verdict(f"{n}", receipt(f"{n}", media_s))
    assert tally.left_s() == pytest.approx(100 * 5400 / 20, rel=0.1)


def test_skipped_films_do_not_make_a_resumed_run_look_fast() -> None:
    """400 films done before are passed by, half a second each; then 20 x real time."""
    now = Clock()
    lengths_s = [30.0, 600.0, 5400.0] * 100
    tally = Tally(clock=now)
    tally.begin(400 + len(lengths_s))
    for n in range(400):
        tally.count_verdict(f"old {n}", skipped(f"old {n}"))
        now.now_s += 0.5
    for n, media_s in enumerate(lengths_s[:150]):
        work_clip(tally, f"{n}", 0, 1, media_s)
        now.now_s += media_s / 20
        tally.count_verdict(f"{n}", receipt(f"{n}", media_s))
    assert tally.left_s() == pytest.approx(sum(lengths_s[150:]) / 20, rel=0.1)


def test_time_left_of_one_film_of_ten_hours_is_known_from_its_clips() -> None:
    now = Clock()
    tally = Tally(clock=now)
    tally.begin(1)
    for clip in range(30):
        work_clip(tally, "long", clip, 120, 36_000.0)
        now.now_s += 60
    assert tally.left_s() == pytest.approx(90 * 60, rel=0.1)
    assert tally.realtime_factor == pytest.approx(5.0)
    assert tally.share == pytest.approx(0.25)


def test_a_slow_start_is_forgotten() -> None:
    now = Clock()
    tally = Tally(clock=now)
    tally.begin(1000)
    tally.count_event(Event("0", "decode", "started", 0, 1, 100.0))
    now.now_s += 300
    for n in range(500):
        work_clip(tally, f"{n}", 0, 1, 100.0)
        now.now_s += 2
        tally.count_verdict(f"{n}", receipt(f"{n}", 100.0))
    assert tally.left_s() == pytest.approx(1000, rel=0.05)


def test_nothing_is_said_of_the_time_left_before_anything_is_done() -> None:
    tally = Tally()
    tally.begin(3)
    tally.count_verdict(URIS[0], skipped(URIS[0]))
    assert tally.left_s() is None


@pytest.mark.parametrize("width", [80, 200])
def test_a_terminal_shows_counts_pace_and_films_at_work_within_its_width(width: int) -> None:
    now = Clock()
    screen = Screen(Console(file=io.StringIO()), now=now)
    screen.begin([f"/films/tape {n}.mp4" for n in range(10_000)])
    for n in range(7):
        screen.event(Event(f"/films/tape {n}.mp4", "decode", "started", n, 12, 3600.0))
    now.now_s += 100
    screen.verdict("/films/tape 0.mp4", receipt("", 3600.0))
    shown = [line.rstrip() for line in drawn(screen, width=width)]
    assert shown[0].endswith("0%  1 of 10,000 films  1:40")
    assert shown[1:4] == [
        "1 done, 6 running, 0 failed, 0 skipped",
        "36.0x real time, about 277:45:00 left",
        "  tape 1.mp4 clip 2/12: decode",
    ]
    assert shown[-1] == "  and 2 more"
    assert all(len(line) <= width for line in shown)


def test_the_display_keeps_its_height_so_that_nothing_jumps() -> None:
    screen = Screen(Console(file=io.StringIO()))
    screen.begin(URIS)
    idle = drawn(screen, width=80)
    for uri in URIS:
        screen.event(Event(uri, "decode", "started"))
    assert len(drawn(screen, width=80)) == len(idle)


def test_failures_stay_above_the_display_up_to_twenty_of_a_kind() -> None:
    out = io.StringIO()
    screen = Screen(Console(file=out, width=80))
    uris = [f"/films/{n}.mp4" for n in range(100)]
    screen.begin(uris)
    for uri in uris:
        screen.verdict(uri, failure(uri))
    assert "19.mp4: failed in decode (corrupt): nothing decodes" in out.getvalue()
    assert len(out.getvalue().splitlines()) == 21


def test_films_of_one_name_in_several_folders_are_told_apart() -> None:
    long = "/b/" + "a very long name of a lecture " * 2
    uris = [
        "/a/1/x.mp4",
        "/a/2/x.mp4",
        "/b/2/x.mp4",
        "/a/y.mp4",
        f"{long} 1 {long}",
        f"{long} 2 {long}",
    ]
    names = Names(uris)
    assert [names(uri) for uri in uris[:4]] == ["a/1/x.mp4", "a/2/x.mp4", "b/2/x.mp4", "y.mp4"]
    assert len({names(uri) for uri in uris}) == len(uris)
    assert max(len(names(uri)) for uri in uris) <= 40


def test_names_and_messages_cannot_write_over_the_screen() -> None:
    out = io.StringIO()
    lines = Lines(out)
    uri = "/films/\x1b[2Jgone\n\udcff.mp4"
    lines.begin([uri])
    lines.verdict(uri, failure(uri, message="bad\x1b[31m"))
    assert out.getvalue().encode().isascii() is False
    assert "\x1b" not in out.getvalue()
    assert len(out.getvalue().splitlines()) == 2


def test_times_and_names_are_short() -> None:
    assert (clock(59.6), clock(3723), clock(0)) == ("1:00", "1:02:03", "0:00")
    assert len(short("/films/" + "x" * 90 + ".mp4")) == 40
    assert short("https://films.example/a.mp4?signature=secret") == "a.mp4"
