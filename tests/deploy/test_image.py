"""The image that deploy/Dockerfile describes, as far as it can be made without a container."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "workers", "pipeline")


def instructions() -> list[tuple[str, str]]:
    """Each instruction's name and what follows, in order."""
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """What ``pip install .`` builds of no more than the image copies."""
    folder = tmp_path_factory.mktemp("source")
    for name, rest in instructions():
        if name != "COPY":
            continue
        *sources, target = rest.split()
        for source in sources:
            if (ROOT / source).is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, folder / target, ignore=ignore)
            else:
                shutil.copy(ROOT / source, folder / target)
    out = folder / "dist"
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(out)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(folder)], check=True)
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def test_what_the_image_copies_is_enough_for_the_whole_package(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    modules = [path for room in PACKAGES for path in (ROOT / room).rglob("*.py")]
    assert len(modules) > 200
    installed = {f"scenelake/{path.relative_to(ROOT)}" for path in modules}
    assert installed - names == set()
    assert "scenelake/pipeline/demo/film.mp4" in names


def test_what_the_image_copies_is_all_that_the_builder_is_sent() -> None:
    copied = [s for name, rest in instructions() if name == "COPY" for s in rest.split()[:-1]]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert sorted(line[1:] for line in ignored if line.startswith("!")) == sorted(copied)


def test_its_command_is_one_that_the_package_installs(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    (command,) = re.findall(r'"(\w+)"', dict(instructions())["ENTRYPOINT"])
    assert re.search(rf"^{command} ?=", wheel.read(entry_points).decode(), re.MULTILINE)


def test_it_takes_the_opencv_that_wants_no_screen_as_the_makefile_does() -> None:
    (wanted,) = re.findall(r"^HEADLESS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert wanted in " ".join(rest for name, rest in instructions() if name == "RUN")


def test_who_runs_in_it_is_not_root_and_was_made_before() -> None:
    names = [name for name, _ in instructions()]
    user = dict(instructions())["USER"]
    made = [rest for name, rest in instructions()[: names.index("USER")] if name == "RUN"]
    assert user not in ("root", "0")
    assert any(re.search(rf"useradd\b.* {user}$", rest) for rest in made)
    assert names.index("USER") < names.index("ENTRYPOINT")
