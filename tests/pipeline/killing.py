"""The real command, killed by SIGKILL at moments of chance and given again until it ends."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.pipeline.lakes import committed_films, finished_clips
from tests.pipeline.living import Process, descendants, end, living

ROOT = Path(__file__).parents[2]
SABOTAGE = ROOT / "tests" / "media" / "sabotage"
QUICK = ("describe.engine=evidence", "clips.length_s=2.5")
"""No language model, and clips so short that small films have several."""

_RUN = "from scenelake.pipeline.cli import main; main()"
_SHORT = "/tmp"
"""Ray's own temporary folder: a socket's path holds a hundred characters only."""
_END_S = 900.0
_BEGIN_S = 120.0
_POLL_S = 0.02
_AFTER_PROGRESS = 0.75
_MAX_RUNS = 5
"""A run that is left in peace gives a film up whose decoder was killed; the next has it."""


@dataclass(frozen=True, slots=True)
class Command:
    """``scenelake run`` on some inputs; its runs leave their notes in folders under `home`."""

    inputs: Sequence[Path | str]
    lake: Path | str
    home: Path
    engine: str = "inline"
    settings: Sequence[str] = QUICK
    options: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    sabotage: bool = True

    def start(self, *, stop: str | None = None) -> Running:
        """A run, in a session and with a temporary folder of its own.

        Args:
            stop: it dies just before it writes what begins so into its lake.
        """
        home = self.home / f"run-{len(list(self.home.glob('run-*'))):02}"
        home.mkdir(parents=True)
        if stop is not None:
            (home / "stop").write_text(stop)
        arguments = ["run", *map(str, self.inputs), "--lake", str(self.lake), "--json"]
        arguments += ["--engine", self.engine, *self.options]
        arguments += [a for setting in self.settings for a in ("--set", setting)]
        env = os.environ | {"TMPDIR": str(home), "RAY_TMPDIR": _SHORT} | dict(self.env)
        if self.sabotage:
            env["PYTHONPATH"] = f"{SABOTAGE}{os.pathsep}{env.get('PYTHONPATH', '')}"
        with (home / "out").open("wb") as out, (home / "err").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-c", _RUN, *arguments],
                env=env,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        return Running(process, home)


Found = tuple[set[tuple[str, int]], set[str]]
"""Finished clips and whole films that are in a lake."""


@dataclass(slots=True)
class Running:
    """A run of the command; `found` is what it found in the lake."""

    process: subprocess.Popen[bytes]
    home: Path
    family: set[Process] = field(default_factory=set)
    found: Found = field(default_factory=lambda: (set(), set()))

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def document(self) -> dict[str, Any]:
        """What it printed at its end."""
        document: dict[str, Any] = json.loads((self.home / "out").read_text())
        return document

    @property
    def errors(self) -> str:
        return (self.home / "err").read_text(errors="replace")

    def decoded(self) -> list[tuple[str, str, int]]:
        """Decoder, film and clip of each reading of pictures that was begun."""
        diary = self.home / "diary"
        lines = diary.read_text().splitlines() if diary.exists() else []
        entries = [line.split() for line in lines]
        return [(backend, video_id, int(index)) for backend, video_id, index in entries]

    def wait(self, timeout_s: float = _END_S) -> int:
        """Its exit code."""
        return self.process.wait(timeout_s)

    def look(self) -> set[Process]:
        """Its processes that live now; all that were ever seen are remembered."""
        now = descendants(self.process.pid)
        self.family = now | self.family
        return now

    def kill(self) -> None:
        """End the command as a machine's owner or the kernel may: no goodbye."""
        self.look()
        self.process.kill()
        self.process.wait()

    def leftovers(self) -> set[Process]:
        """Processes of it that go on after its end."""
        return {p for p in self.family if living(p.pid) == p}

    def sweep(self) -> None:
        """End what is left of it, and nothing else."""
        for process in self.leftovers():
            end(process)


VICTIMS: Mapping[str, Callable[[Process], bool]] = {
    "decoder": lambda process: "sandbox_child" in process.command,
    "actor": lambda process: "ray::MapWorker" in process.command,
    "raylet": lambda process: "raylet/raylet" in process.command,
}
"""Processes of a run besides the driver, which is the command itself."""


@dataclass(slots=True)
class Ending:
    """How a command went that was killed and given again.

    Attributes:
        runs: the last ended by itself with all well.
        kills: whom, and in which run.
        redone: clips that were decoded again though they were in the lake, finished.
    """

    runs: list[Running] = field(default_factory=list)
    kills: list[tuple[str, int]] = field(default_factory=list)
    redone: list[tuple[str, int]] = field(default_factory=list)

    @property
    def n_found(self) -> int:
        """Clips and films that runs found finished, one run after another."""
        return sum(len(clips) + len(films) for clips, films in (run.found for run in self.runs))

    @property
    def n_decoded(self) -> int:
        """Clips that were begun, each as often as it was."""
        return sum(d == "pyav" for run in self.runs for d, _, _ in run.decoded())

    def sweep(self) -> None:
        for run in self.runs:
            run.sweep()


def outlive(
    command: Command, victims: Sequence[str], *, rng: random.Random, within_s: float
) -> Ending:
    """Kill these one after another, each so long after it is at work, and see the command through.

    Args:
        within_s: a kill comes at most so long after the run has shown a sign of life, has
            brought the lake forward (three drivers in four), or outlived the last kill.

    Errors:
        AssertionError: a run that was not killed ends otherwise than well.
        subprocess.TimeoutExpired: it hangs.
    """
    ending = Ending()
    try:
        for victim in victims:
            _strike(ending, command, victim, pause_s=rng.uniform(0.0, within_s), rng=rng)
        for _ in range(_MAX_RUNS):
            if ending.runs and _last_ended_well(ending, command):
                return ending
            _started(ending, command)
        raise AssertionError(f"still not done: {ending.runs[-1].errors[-2000:]}")
    finally:
        ending.sweep()


def _last_ended_well(ending: Ending, command: Command) -> bool:
    run = ending.runs[-1]
    code = run.wait()
    _check_not_redone(ending, run)
    if code < 0 or (ending.kills and ending.kills[-1] == ("raylet", len(ending.runs) - 1)):
        return False
    assert code in (0, 3), run.errors[-2000:]
    return code == 0 or {f["uri"] for f in run.document["failures"]} <= _hopeless(command)


def _hopeless(command: Command) -> set[str]:
    """Inputs that are no films at all."""
    return {str(uri) for uri in command.inputs if "bad" in Path(str(uri)).name}


def _strike(
    ending: Ending, command: Command, victim: str, *, pause_s: float, rng: random.Random
) -> None:
    run = ending.runs[-1] if ending.runs else None
    if run is None or run.ended:
        if run is not None:
            _check_not_redone(ending, run)
        run = _started(ending, command)
    if victim == "driver" and rng.random() < _AFTER_PROGRESS:
        _wait_for_progress(run, Path(command.lake))
    time.sleep(pause_s)
    if victim == "driver" and not run.ended:
        run.kill()
        ending.kills.append((victim, len(ending.runs) - 1))
    target = None if victim == "driver" else _target(run, victim, rng)
    if target is not None and end(target):
        ending.kills.append((victim, len(ending.runs) - 1))


def _wait_for_progress(run: Running, lake: Path) -> None:
    """Until there is a clip or a film in the lake that was not at the run's start."""
    before = run.found
    while not run.ended and _finished(lake) == before:
        time.sleep(_POLL_S)


def _target(run: Running, victim: str, rng: random.Random) -> Process | None:
    """One of a kind of process of a run, as soon as there is one; None if the run ends first."""
    until_s = time.monotonic() + _BEGIN_S
    while not run.ended:
        found = sorted((p for p in run.look() if VICTIMS[victim](p)), key=lambda p: p.pid)
        if found:
            return rng.choice(found)
        assert time.monotonic() < until_s, f"no {victim} in {_BEGIN_S} s"
        time.sleep(_POLL_S)
    return None


def _started(ending: Ending, command: Command) -> Running:
    """A new run that has shown a sign of life."""
    lake = Path(command.lake)
    before, found = _signs(lake), _finished(lake)
    run = command.start()
    run.found = found
    ending.runs.append(run)
    until_s = time.monotonic() + _BEGIN_S
    while not run.ended and not _signs(lake) - before:
        assert time.monotonic() < until_s, f"no sign of life in {_BEGIN_S} s: {run.errors}"
        time.sleep(_POLL_S)
    return run


def _check_not_redone(ending: Ending, run: Running) -> None:
    clips, films = run.found
    ending.redone += [(v, i) for _, v, i in run.decoded() if (v, i) in clips or v in films]


def _finished(lake: Path) -> Found:
    return finished_clips(lake), committed_films(lake)


def _signs(lake: Path) -> set[str]:
    return {path.name for path in (lake / "_staging" / "_runs").glob("*")}
