"""Films on which decoders hang, eat memory or die: through the real command, end to end."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tests.media.numbered import numbered_film, numbers
from tests.pipeline.killing import Command, Running
from tests.pipeline.lakes import rows, unfinished

TROUBLES = {"hangs": "timeout", "eats": "out_of_memory", "dies": "crashed"}
"""What the name of a film makes its decoders do, and what that is called."""

LIMITS = (
    "describe.engine=evidence",
    "ocr.engine=none",
    "limits.decode_timeout_s=8",
    "limits.decode_timeout_factor=0.1",
    "limits.decode_memory_bytes=900000000",
)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Command, Running]:
    """A run of three films that no decoder survives, in the middle of three good ones."""
    folder = tmp_path_factory.mktemp("troubled")
    names = ["good1", "hangs", "good2", "eats", "dies", "good3"]
    films = [
        numbered_film(folder / f"{name}.mp4", number, duration_s=2.5)
        for name, number in zip(names, numbers(len(names)), strict=True)
    ]
    command = Command(films, folder / "lake", folder / "home", settings=LIMITS)
    run = command.start()
    assert run.wait() == 3, run.errors
    return command, run


def test_each_fails_alone_and_says_what_its_decoder_did(
    troubled: tuple[Command, Running],
) -> None:
    command, run = troubled
    found = {Path(f["uri"]).stem: f["error_type"] for f in rows(command.lake, "failures")}
    assert found == TROUBLES
    assert {Path(f["uri"]).stem: f["error_type"] for f in run.document["failures"]} == TROUBLES
    committed = {Path(row["uri"]).stem for row in rows(command.lake, "videos")}
    assert committed == {"good1", "good2", "good3"}


def test_both_decoders_had_their_try_and_good_films_needed_one(
    troubled: tuple[Command, Running],
) -> None:
    command, run = troubled
    tries = defaultdict(list)
    for decoder, video_id, _ in run.decoded():
        tries[video_id].append(decoder)
    names = {
        row["video_id"]: Path(row["uri"]).stem
        for table in ("videos", "failures")
        for row in rows(command.lake, table)
    }
    by_name = {names[video_id]: decoders for video_id, decoders in tries.items()}
    assert by_name == {
        name: ["pyav", "decord"] if name in TROUBLES else ["pyav"] for name in names.values()
    }


def test_when_the_cause_is_mended_just_these_are_run_again(
    troubled: tuple[Command, Running],
) -> None:
    command, _ = troubled
    again = Command(
        [],
        command.lake,
        command.home,
        settings=LIMITS,
        options=("--retry-failed", "timeout"),
        sabotage=False,
    ).start()
    assert again.wait() == 0, again.errors
    document = again.document
    assert (document["committed"], document["skipped"], document["failed"]) == (1, 0, 0)
    committed = {Path(row["uri"]).stem for row in rows(command.lake, "videos")}
    assert committed == {"good1", "good2", "good3", "hangs"}
    left = {Path(f["uri"]).stem for f in rows(command.lake, "failures")}
    assert left == {"eats", "dies"}
    assert unfinished(Path(str(command.lake))) == []
