"""A model may be a name, a folder or a hub's; nothing is downloaded unasked."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scenelake.schemas.config import Config
from scenelake.schemas.errors import MissingWeightsError, SceneLakeError, UsageError
from scenelake.workers import registry
from scenelake.workers import weights as store

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = {
    "config.json": b'{"model_type": "toy"}',
    "model.safetensors": b"tensors" * 1000,
    "pytorch_model.bin": b"pickled",
    "small.gguf": b"GGUF of a few bytes",
}


class _Hub(BaseHTTPRequestHandler):
    """The part of a hub's protocol by which one repository, toys/toy, is downloaded."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self._answer()

    def log_message(self, *_args: object) -> None:
        """Keeps quiet."""

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        found = re.fullmatch(rf"/toys/toy/resolve/{COMMIT}/(.+)", path)
        if path == "/api/models/toys/toy/revision/main":
            siblings = [{"rfilename": name} for name in REPOSITORY]
            self._send(json.dumps({"id": "toys/toy", "sha": COMMIT, "siblings": siblings}))
        elif path.startswith(f"/api/models/toys/toy/tree/{COMMIT}"):
            self._send(json.dumps([_entry(n, data) for n, data in REPOSITORY.items()]))
        elif found and found[1] in REPOSITORY:
            self._send(REPOSITORY[found[1]])
        else:
            self._send(b'{"error": "no such thing"}', status=404)

    def _send(self, body: str | bytes, *, status: int = 200) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)


def _entry(name: str, data: bytes) -> dict[str, object]:
    oid = hashlib.sha1(data).hexdigest()
    return {"type": "file", "path": name, "size": len(data), "oid": oid}


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty hub cache, and nobody who answers."""
    import huggingface_hub.constants as constants

    cache = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    return cache


@pytest.fixture
def hub(no_hub: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub on loopback with one model, toys/toy; gives what it was asked for."""
    asked: list[str] = []
    handler = type("Hub", (_Hub,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        yield asked
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mine" / "toy"
    folder.mkdir(parents=True)
    for name, data in REPOSITORY.items():
        (folder / name).write_bytes(data)
    return folder


def ignore(line: str) -> None:
    """A report that nobody reads."""


def test_a_folder_is_used_where_it_is(folder: Path) -> None:
    assert store.locate(str(folder)) == folder
    assert store.locate(str(folder / "small.gguf")) == folder / "small.gguf"
    assert store.place(str(folder)).state == "valid"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="/nowhere: there is no such file or folder"):
        store.locate(str(tmp_path / "nowhere"))


def test_a_copied_folder_is_the_same_model_and_a_changed_one_another(
    folder: Path, tmp_path: Path
) -> None:
    known = store.identity(str(folder))
    assert re.fullmatch("toy@[0-9a-f]{12}", known)
    copy = tmp_path / "elsewhere" / "toy"
    shutil.copytree(folder, copy)
    assert store.identity(str(copy)) == known
    (copy / "config.json").write_bytes(b'{"model_type": "tot"}')
    assert store.identity(str(copy)) != known


def test_a_change_at_the_end_of_a_large_file_is_another_model(tmp_path: Path) -> None:
    large = tmp_path / "large.gguf"
    with large.open("wb") as stream:
        stream.truncate(40 << 20)
    known = store.identity(str(large))
    with large.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"x")
    assert store.identity(str(large)) != known


def test_a_hubs_model_that_was_not_fetched_says_what_to_type(no_hub: Path) -> None:
    for look in (store.locate, store.identity):
        with pytest.raises(MissingWeightsError, match="`scenelake models fetch`") as caught:
            look("toys/toy")
        assert "toys/toy@main" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert store.place("toys/toy").state == "missing"


def test_looking_for_a_hubs_model_asks_nobody(hub: list[str]) -> None:
    with pytest.raises(MissingWeightsError):
        store.locate("toys/toy")
    assert hub == []


def test_a_fetched_model_is_found_without_a_network(
    hub: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.fetch("toys/toy", report=ignore)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    path = store.locate("toys/toy")
    assert (path / "model.safetensors").read_bytes() == REPOSITORY["model.safetensors"]
    assert store.identity("toys/toy") == f"toys/toy@{COMMIT[:12]}"
    assert store.place("toys/toy").n_bytes is not None
    assert not store.fetch("toys/toy", report=ignore)


def test_pickled_weights_are_not_taken_from_a_hub(hub: list[str]) -> None:
    store.fetch("toys/toy", report=ignore)
    assert not (store.locate("toys/toy") / "pytorch_model.bin").exists()
    assert not any("pytorch_model" in path for path in hub)


def test_one_file_of_a_repository_is_fetched_alone(hub: list[str]) -> None:
    reference = f"toys/toy@{COMMIT}:small.gguf"
    assert store.fetch(reference, report=ignore)
    assert store.locate(reference).read_bytes() == REPOSITORY["small.gguf"]
    assert store.identity(reference) == f"toys/toy@{COMMIT[:12]}:small.gguf"
    assert not any("safetensors" in path for path in hub)
    with pytest.raises(MissingWeightsError):
        store.locate("toys/toy")


def test_a_hub_that_does_not_answer_is_one_clear_line(no_hub: Path) -> None:
    with pytest.raises(SceneLakeError, match="toys/toy@main: the hub gave nothing") as caught:
        store.fetch("toys/toy", report=ignore)
    assert "\n" not in str(caught.value)


def test_a_model_that_a_hub_does_not_have_is_one_clear_line(hub: list[str]) -> None:
    with pytest.raises(SceneLakeError, match="the hub gave nothing"):
        store.fetch("toys/lost", report=ignore)


def test_what_is_no_reference_lists_the_names_there_are() -> None:
    with pytest.raises(UsageError, match=r"known: .*whisper-tiny"):
        store.locate("whisper-enormous")


def test_the_users_own_models_folder_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCENELAKE_MODELS", str(tmp_path))
    with pytest.raises(MissingWeightsError, match=str(tmp_path)):
        store.locate("minilm")


@pytest.mark.parametrize("name", registry.weights_of(Config()))
def test_weights_of_the_embedded_profile_are_on_this_machine(name: str) -> None:
    assert store.place(name).state == "valid", "type `scenelake models fetch` first"
    main = store.locate(name) / store.CATALOGUE[name].files[0].name
    sha256 = hashlib.sha256(main.read_bytes()).hexdigest()
    assert store.identity(name) == f"{name}@{sha256[:12]}"


def test_only_the_weights_of_engines_that_are_named_are_needed() -> None:
    assert "transnetv2" not in registry.weights_of(Config())
    gradual = Config.model_validate({"cut": {"engine": "transnetv2"}})
    assert "transnetv2" in registry.weights_of(gradual)
