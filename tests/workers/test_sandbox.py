"""Calls that hang, crash or eat memory end with an error, and the next call works."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from scenelake.schemas.errors import InputError
from scenelake.workers.sandbox import Sandbox, SandboxError

TARGETS = Path(__file__).parent
LONG_S = 60.0
"""For calls that are to end by themselves, on a busy machine too."""
SHORT_S = 1.0
MEMORY_BYTES = 320 << 20


@pytest.fixture(autouse=True)
def targets_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child finds them too: it gets this process's `sys.path`."""
    monkeypatch.syspath_prepend(str(TARGETS))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(memory_bytes=MEMORY_BYTES) as sandbox:
        yield sandbox


def test_arrays_come_back_whole_and_writable(sandbox: Sandbox) -> None:
    array = sandbox.call("sandbox_targets:ramp", 4_000_000, timeout_s=LONG_S)
    assert np.array_equal(array, np.arange(4_000_000))
    array[0] = 7.0


def test_large_arguments_arrive(sandbox: Sandbox) -> None:
    samples = np.ones(4_000_000)
    assert sandbox.call("sandbox_targets:total", samples, timeout_s=LONG_S) == 4_000_000


def test_an_empty_array_comes_back(sandbox: Sandbox) -> None:
    assert sandbox.call("sandbox_targets:ramp", 0, timeout_s=LONG_S).shape == (0,)


def test_one_child_answers_all_calls(sandbox: Sandbox) -> None:
    pids = {sandbox.call("os:getpid", timeout_s=LONG_S) for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_errors_come_back_with_their_type_and_where_they_were_raised(sandbox: Sandbox) -> None:
    with pytest.raises(InputError, match=r"a\.mp4: nothing of it decodes") as caught:
        sandbox.call("sandbox_targets:refuse", "a.mp4", timeout_s=LONG_S)
    assert caught.value.error_type == "corrupt"
    assert "sandbox_targets.py" in caught.value.__notes__[0]


def test_an_error_that_cannot_be_pickled_still_says_what_it_is(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError, match=r"TwoPartError: film\.mp4: it has no end"):
        sandbox.call("sandbox_targets:fail_in_two_parts", timeout_s=LONG_S)


def test_a_result_that_cannot_be_pickled_is_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(TypeError, match="lock"):
        sandbox.call("sandbox_targets:give_lock", timeout_s=LONG_S)
    assert sandbox.call("math:sqrt", 4.0, timeout_s=LONG_S) == 2.0


def test_a_target_that_does_not_import_is_that_error(sandbox: Sandbox) -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_decoder"):
        sandbox.call("no_such_decoder:look", timeout_s=LONG_S)


@pytest.mark.parametrize("hang", ["sleep_long", "match_long"])
def test_a_hang_is_stopped_and_the_next_call_works(
    sandbox: Sandbox, hang: str, tmp_path: Path
) -> None:
    sandbox.call("sandbox_targets:turn", 1, timeout_s=LONG_S)  # has imported what it needs
    with pytest.raises(SandboxError, match=r"^decoder did not end within 1 s") as caught:
        sandbox.call(f"sandbox_targets:{hang}", tmp_path / "pid", timeout_s=SHORT_S)
    assert caught.value.error_type == "timeout"
    assert is_gone(int((tmp_path / "pid").read_text()))
    assert sandbox.call("math:sqrt", 4.0, timeout_s=LONG_S) == 2.0


def test_what_a_hanging_call_started_is_stopped_too(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.call("sandbox_targets:turn", 1, timeout_s=LONG_S)
    with pytest.raises(SandboxError):
        sandbox.call("sandbox_targets:start_helper", tmp_path / "pid", timeout_s=SHORT_S)
    wait_until(lambda: is_gone(int((tmp_path / "pid").read_text())))


@pytest.mark.parametrize(
    ("target", "arguments", "ending"),
    [
        ("ctypes:string_at", (0,), "died of SIGSEGV$"),
        ("os:abort", (), "died of SIGABRT$"),
        ("os:_exit", (3,), "ended by itself with exit code 3$"),
        ("sys:exit", (4,), "ended by itself with exit code 4$"),
        ("sandbox_targets:complain_and_abort", (), "SIGABRT; .* slice 7 overlaps slice 6$"),
    ],
)
def test_a_crash_is_named_and_the_next_call_works(
    sandbox: Sandbox, target: str, arguments: tuple[int, ...], ending: str
) -> None:
    with pytest.raises(SandboxError, match=f"(?m){ending}") as caught:
        sandbox.call(target, *arguments, timeout_s=LONG_S)
    assert caught.value.error_type == "crashed"
    assert sandbox.call("math:sqrt", 4.0, timeout_s=LONG_S) == 2.0


def test_a_child_that_died_between_calls_is_replaced(sandbox: Sandbox) -> None:
    pid = sandbox.call("os:getpid", timeout_s=LONG_S)
    os.kill(pid, signal.SIGKILL)
    # All its threads, not only the first: before that nobody can tell that it ended.
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert sandbox.call("os:getpid", timeout_s=LONG_S) != pid


def test_a_call_whose_child_somebody_kills_is_made_again(tmp_path: Path) -> None:
    """As the system does when memory runs out: another attempt may go well."""
    with Sandbox(memory_bytes=1 << 30, attempts=3) as sandbox:
        target = "sandbox_targets:be_killed"
        assert sandbox.call(target, 2, tmp_path / "diary", timeout_s=LONG_S) == 3
        with pytest.raises(SandboxError, match="died of SIGKILL"):
            sandbox.call(target, 9, tmp_path / "other", timeout_s=LONG_S)
    assert len((tmp_path / "other").read_text().splitlines()) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="no memory limit elsewhere")
@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        ("builtins:bytearray", (8 << 30,)),
        ("sandbox_targets:reserve", (4,)),
        ("sandbox_targets:grow_array", ()),
        ("sandbox_targets:grow_lists", ()),
        ("sandbox_targets:share_much", (400,)),
        ("sandbox_targets:abort_for_want_of_memory", ()),
    ],
)
def test_want_of_memory_is_named_and_the_next_call_works(
    sandbox: Sandbox, target: str, arguments: tuple[int, ...]
) -> None:
    with pytest.raises(SandboxError, match=r"(?m)than 0\.3 GiB of memory$") as caught:
        sandbox.call(target, *arguments, timeout_s=LONG_S)
    assert caught.value.error_type == "out_of_memory"
    assert sandbox.call("math:sqrt", 4.0, timeout_s=LONG_S) == 2.0


@pytest.mark.skipif(sys.platform != "linux", reason="no memory limit elsewhere")
def test_no_call_pays_for_the_memory_that_another_one_left(sandbox: Sandbox) -> None:
    pids = [sandbox.call("sandbox_targets:keep", 200, timeout_s=LONG_S) for _ in range(3)]
    assert len(set(pids)) == 3


def test_secrets_stay_in_this_process(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("SCENELAKE_MODELS", "/models")
    environment = sandbox.call("sandbox_targets:environment", timeout_s=LONG_S)
    assert "hush" not in environment.values()
    assert environment["SCENELAKE_MODELS"] == "/models"
    assert environment["PATH"] == os.environ["PATH"]


def test_open_files_and_sockets_stay_in_this_process(sandbox: Sandbox, tmp_path: Path) -> None:
    with (tmp_path / "lake").open("wb") as file, socket.socket() as connection:
        ours = set()
        for open_one in (file, connection):
            os.set_inheritable(open_one.fileno(), True)
            status = os.fstat(open_one.fileno())
            ours.add((status.st_dev, status.st_ino))
        theirs = sandbox.call("sandbox_targets:open_files", timeout_s=LONG_S)
    assert theirs
    assert not ours & theirs


def test_the_working_directory_is_kept(sandbox: Sandbox) -> None:
    assert sandbox.call("os:getcwd", timeout_s=LONG_S) == str(Path.cwd())


def test_what_libraries_print_neither_blocks_nor_shows(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    assert sandbox.call("sandbox_targets:shout", 3, timeout_s=LONG_S) == "done"
    assert sandbox.call("math:sqrt", 4.0, timeout_s=LONG_S) == 2.0
    assert capfd.readouterr() == ("", "")


def test_calls_from_threads_take_turns(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: sandbox.call("sandbox_targets:turn", n, timeout_s=LONG_S), range(16))
        )
    assert [number for number, _ in answers] == list(range(16))
    assert len({pid for _, pid in answers}) == 1


def test_the_child_outlives_the_thread_that_started_it(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(1) as pool:
        pid = pool.submit(sandbox.call, "os:getpid", timeout_s=LONG_S).result()
    time.sleep(0.2)
    assert sandbox.call("os:getpid", timeout_s=LONG_S) == pid


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """As a process does that was not started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_stops_a_call(sandbox: Sandbox, tmp_path: Path) -> None:
    started = tmp_path / "pid"

    def interrupt() -> None:
        wait_until(lambda: started.exists() and bool(started.read_text()))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        sandbox.call("sandbox_targets:match_long", started, timeout_s=LONG_S)
    thread.join()
    assert is_gone(int(started.read_text()))


def test_closing_ends_a_call_that_another_thread_waits_for(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    started = tmp_path / "pid"
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(
            sandbox.call, "sandbox_targets:sleep_long", started, timeout_s=10 * LONG_S
        )
        wait_until(started.exists)
        sandbox.close()
        with pytest.raises(SandboxError, match="was stopped before it had answered"):
            call.result()


def test_a_forgotten_sandbox_leaves_no_child() -> None:
    sandbox = Sandbox(memory_bytes=MEMORY_BYTES)
    pid = sandbox.call("os:getpid", timeout_s=LONG_S)
    del sandbox
    gc.collect()
    assert is_gone(pid)


def test_no_child_is_left_by_a_process_that_ends() -> None:
    process = start_caller("print(sandbox.call('os:getpid', timeout_s=60), flush=True)")
    printed, complaints = process.communicate(timeout=LONG_S)
    assert complaints == ""
    wait_until(lambda: is_gone(int(printed)))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a hang in C code stays")
@pytest.mark.parametrize("hang", ["sleep_long", "match_long"])
def test_a_hanging_child_dies_with_a_killed_parent(hang: str, tmp_path: Path) -> None:
    started = tmp_path / "pid"
    call = f"sandbox.call('sandbox_targets:{hang}', Path({str(started)!r}), timeout_s=600)"
    with start_caller(call) as process:
        wait_until(lambda: started.exists() and bool(started.read_text()))
        process.kill()
    child = int(started.read_text())
    wait_until(lambda: is_gone(child))
    assert is_gone(child)


def test_a_caller_that_hears_ctrl_c_and_goes_on_gets_its_answer(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    call = (
        "import signal; signal.signal(signal.SIGINT, lambda *_: print('heard', flush=True))\n"
        f"print(sandbox.call('sandbox_targets:nap', Path({str(started)!r}), timeout_s=60))"
    )
    with start_caller(call) as process:
        wait_until(lambda: started.exists() and bool(started.read_text()))
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.communicate(timeout=LONG_S) == ("heard\nrested\n", "")


def test_a_sandbox_error_survives_pickling(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError) as caught:
        sandbox.call("sandbox_targets:complain_and_abort", timeout_s=LONG_S)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.error_type) == (str(caught.value), "crashed")
    assert "reading the index" in copy.__notes__[0]


def start_caller(call: str) -> subprocess.Popen[str]:
    """Another process that makes a call, leader of its own process group."""
    code = (
        "from pathlib import Path\n"
        "from scenelake.workers.sandbox import Sandbox\n"
        f"sandbox = Sandbox(memory_bytes={MEMORY_BYTES})\n{call}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, f"not so within {timeout_s} s"
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody buried yet has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    if sys.platform != "linux":
        return False
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
