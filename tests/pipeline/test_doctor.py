"""`scenelake doctor`: what is wrong with this machine, and what to type about it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scenelake.pipeline.machine import doctor, doctor_text
from scenelake.pipeline.machine.doctor_report import Report
from scenelake.schemas.config import Config, OcrConfig

PutModule = Callable[[str, str], None]


def all_well(*args: str) -> dict[str, Any]:
    """A probe for which everything loads."""
    return {"model": "toy@1"} if args[0] == "step" else {}


def text_of(report: Report) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(doctor_text.render(report))
    out = console.file
    assert isinstance(out, io.StringIO)
    return out.getvalue()


@pytest.fixture
def broken_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> PutModule:
    """Puts a module before the installed ones, for child processes."""

    def put(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return put


@pytest.mark.slow
def test_on_this_machine_every_step_loads_its_model() -> None:
    report = doctor.examine()
    assert report.problems == ()
    assert report.ok
    assert all(step.ready and step.model for step in report.steps)


def test_a_step_that_loads_here_is_ready_and_tells_its_model() -> None:
    def probe(*args: str) -> dict[str, Any]:
        return doctor.run_probe(*args) if args[1:2] in (("cv2",), ("vad",)) else all_well(*args)

    report = doctor.examine(probe=probe)
    assert report.ok
    assert {step.name: step.model for step in report.steps}["vad"].startswith("silero-vad@")


def test_opencv_without_libgl_is_named_with_its_remedy(broken_module: PutModule) -> None:
    broken_module("cv2", "raise ImportError('libGL.so.1: cannot open shared object file')")

    def probe(*args: str) -> dict[str, Any]:
        return doctor.run_probe(*args) if "cv2" in args else all_well(*args)

    report = doctor.examine(probe=probe)
    [problem] = report.problems
    assert not report.ok
    assert "libGL.so.1" in problem.what
    assert problem.remedy.startswith(
        "pip install --force-reinstall --no-deps opencv-python-headless=="
    )


def test_a_library_that_crashes_does_not_take_doctor_down(broken_module: PutModule) -> None:
    broken_module("decord", "import os; os.abort()")
    assert "SIGABRT" in doctor.run_probe("import", "decord")["error"]


def test_a_library_that_leaves_python_says_its_last_words(broken_module: PutModule) -> None:
    broken_module("decord", "raise SystemExit('no licence')")
    assert "no licence" in doctor.run_probe("import", "decord")["error"]


def test_a_library_that_writes_to_stdout_is_no_trouble(broken_module: PutModule) -> None:
    broken_module("decord", "print('Welcome to decord!', end='')")
    assert doctor.run_probe("import", "decord") == {}


def test_a_library_that_hangs_is_given_up(
    broken_module: PutModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_module("decord", "import time; time.sleep(600)")
    monkeypatch.setattr(doctor, "TIMEOUT_S", 0.5)
    assert "no answer within" in doctor.run_probe("import", "decord")["error"]


def test_missing_weights_are_named_once_with_the_command_to_type(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCENELAKE_MODELS", str(tmp_path))

    def probe(*args: str) -> dict[str, Any]:
        if args[0] != "step":
            return {}
        return {
            "error_type": "MissingWeightsError",
            "error": "weights are missing",
            "weights": ["minilm", "whisper-tiny"],
        }

    report = doctor.examine(probe=probe)
    assert {p.remedy.partition(",")[0] for p in report.problems} == {"scenelake models fetch"}
    assert [row["name"] for row in report.weights] == ["minilm", "whisper-tiny"]
    assert len(report.problems) == len(report.weights)
    assert not any(step.ready for step in report.steps)


def test_an_engine_nobody_installed_is_a_problem_that_names_the_known_ones() -> None:
    config = Config(ocr=OcrConfig(engine="telescope"))

    def probe(*args: str) -> dict[str, Any]:
        return doctor.run_probe(*args) if args[:2] == ("step", "ocr") else all_well(*args)

    [problem] = doctor.examine(config=config, probe=probe).problems
    assert "telescope" in problem.what
    assert "rapidocr" in problem.what
    assert "ocr.engine=" in problem.remedy


def test_steps_are_examined_as_configured() -> None:
    report = doctor.examine(config=Config(ocr=OcrConfig(engine="none")), probe=all_well)
    assert {step.name: step.engine for step in report.steps}["ocr"] == "none"


def test_graphics_cards_are_listed_beside_the_processor() -> None:
    card = {"kind": "cuda", "name": "Toy 9000", "memory_bytes": 8 << 30}

    def probe(*args: str) -> dict[str, Any]:
        return {"devices": [card]} if args == ("devices",) else all_well(*args)

    report = doctor.examine(probe=probe)
    assert [device.kind for device in report.devices] == ["cpu", "cuda"]
    assert any("Toy 9000" in line and "8.0 GiB" in line for line in text_of(report).splitlines())


def test_the_report_is_json_and_text_that_ends_with_the_verdict() -> None:
    report = doctor.examine(probe=all_well)
    plain = json.loads(json.dumps(report.to_json()))
    assert plain["ok"] is True
    assert {step["ready"] for step in plain["steps"]} == {True}
    assert text_of(report).rstrip().endswith("All well.")


def test_brackets_in_an_error_reach_the_reader() -> None:
    def probe(*args: str) -> dict[str, Any]:
        broken = args[:2] == ("step", "cut")
        return {"error_type": "ValueError", "error": "[x] bad"} if broken else all_well(*args)

    assert "[x] bad" in text_of(doctor.examine(probe=probe))
