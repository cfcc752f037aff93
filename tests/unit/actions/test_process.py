"""Whatever a child does, waiting for it ends, and nothing of it stays. All children are real."""

import asyncio
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aod.actions import process
from aod.actions.output import FullError
from aod.actions.process import STDERR_TAIL_BYTES, Ended, StartError

NO_TIME_SEC = 0.5
PLENTY_SEC = 30.0


def run(
    *argv: str, timeout_sec: float = PLENTY_SEC, take: Callable[[bytes], None] | None = None
) -> tuple[Ended, bytes]:
    """Run a command to its end; how it ended, and its output."""
    output = bytearray()
    ended = asyncio.run(process.run(argv, take or output.extend, timeout_sec))
    return ended, bytes(output)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code)


def children() -> set[str]:
    """The pids of what this thread has started, the dead that nobody waited for too."""
    return set(Path("/proc/thread-self/children").read_text().split())


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """Every test gives back its file descriptors and leaves no child.

    Those of tests before may still be there: what reads in the background is not waited for.
    """
    fds, others = sorted(Path("/proc/self/fd").iterdir()), children()
    yield
    assert sorted(Path("/proc/self/fd").iterdir()) == fds
    assert children() <= others


@pytest.fixture
def lifeline(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], bool]]]:
    """A FIFO for children to hold open for writing, and whether all who did are dead by now."""
    path = tmp_path / "lifeline"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def all_dead() -> bool:
        poll = select.poll()
        poll.register(reader, 0)
        return bool(poll.poll(5000))

    yield path, all_dead
    os.close(reader)


def test_output_and_success() -> None:
    ended, output = run("printf", "hello\\n")
    assert output == b"hello\n"
    assert ended == Ended(exit_status=0, timed_out=False, enough=False, stderr_tail=b"")


def test_large_output_arrives_whole() -> None:
    _, output = run(*python("import os; [os.write(1, bytes([n]) * 5000) for n in range(250)]"))
    assert output == b"".join(bytes([n]) * 5000 for n in range(250))


def test_failure_keeps_what_was_printed() -> None:
    ended, output = run("sh", "-c", "echo some; echo wrong >&2; exit 3")
    assert (output, ended.stderr_tail, ended.exit_status) == (b"some\n", b"wrong\n", 3)


def test_death_by_signal_is_seen() -> None:
    ended, _ = run("sh", "-c", "kill -SEGV $$")
    assert ended.exit_status == -signal.SIGSEGV


@pytest.mark.parametrize("program", ["/nowhere/program", "/etc/hostname", "/"])
def test_what_cannot_be_started_says_why(program: str) -> None:
    with pytest.raises(StartError, match=program):
        run(program)


@pytest.mark.parametrize(
    "code", ["exec sleep infinity", "trap '' TERM INT HUP; while :; do :; done"]
)
def test_a_child_that_hangs_is_killed(code: str) -> None:
    ended, output = run("sh", "-c", f"echo begun; {code}", timeout_sec=NO_TIME_SEC)
    assert ended.timed_out
    assert (output, ended.exit_status) == (b"begun\n", -signal.SIGKILL)


def test_its_children_are_killed_with_it(lifeline: tuple[Path, Callable[[], bool]]) -> None:
    path, all_dead = lifeline
    code = f"(trap '' TERM; sleep infinity) > {path} & wait"
    ended, _ = run("sh", "-c", code, timeout_sec=NO_TIME_SEC)
    assert ended.timed_out
    assert all_dead()


def test_children_that_outlive_it_are_killed(lifeline: tuple[Path, Callable[[], bool]]) -> None:
    path, all_dead = lifeline
    ended, _ = run("sh", "-c", f"exec 3> {path}; sleep infinity & exit 0")
    assert ended.exit_status == 0
    assert not ended.timed_out
    assert all_dead()


ESCAPE = """
import os
here, there = os.pipe()
if os.fork():
    os.read(here, 1)
else:
    os.setsid()
    print(os.getpid(), flush=True)
    os.write(there, b".")
    os.execvp("sleep", ["sleep", "600"])
"""


def test_who_leaves_the_group_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "KILL_GRACE_SEC", NO_TIME_SEC)
    ended, output = run(*python(ESCAPE))
    os.kill(int(output), signal.SIGKILL)  # alive, and had the pipe open
    assert ended.exit_status == 0
    assert not ended.timed_out


def test_a_child_that_prints_without_end_is_stopped_by_its_reader() -> None:
    taken = 0

    def take(piece: bytes) -> None:
        nonlocal taken
        taken += len(piece)
        if taken > 1_000_000:
            raise FullError

    ended, _ = run("yes", take=take)
    assert ended.enough
    assert not ended.timed_out
    assert ended.exit_status == -signal.SIGKILL
    assert taken < 1_200_000


def test_a_full_disk_ends_the_child_and_is_reported() -> None:
    def take(_piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        run("yes", take=take)


def test_only_the_tail_of_a_huge_stderr_is_kept() -> None:
    code = "import os; os.write(2, b'x' * 3_000_000 + b'the end'); os.write(1, b'out')"
    ended, output = run(*python(code))
    assert output == b"out"
    assert ended.stderr_tail == b"x" * (STDERR_TAIL_BYTES - 7) + b"the end"


def test_a_secret_is_masked_though_the_tail_begins_within_it() -> None:
    code = "import os; os.write(2, b'password=' + b'hunter2' * 200 + b',domain=' + b'x' * 1000)"
    ended, _ = run(*python(code))
    assert ended.stderr_tail == b"password=***,domain=" + b"x" * 1000


def test_a_closed_stdout_is_not_the_end() -> None:
    ended, _ = run("sh", "-c", "exec >&-; exit 4")
    assert ended.exit_status == 4


def test_a_child_gets_nothing_of_ours_but_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AOD_SECRET", "hunter2")
    code = """
import json, os
while os.getpriority(os.PRIO_PROCESS, 0) < 10: pass  # its parent does it after the start
print(json.dumps({
    "env": dict(os.environ),
    "cwd": os.getcwd(),
    "leader": os.getsid(0) == os.getpid(),
    "stdin": os.read(0, 1).decode(),
    "open": os.listdir("/proc/self/fd"),
}))
"""
    told = json.loads(run(*python(code))[1])
    told["env"].pop("LC_CTYPE", None)  # Python's own
    assert told["env"] == {"LC_ALL": "C", "PATH": os.environ["PATH"]}
    assert (told["cwd"], told["leader"], told["stdin"]) == ("/", True, "")
    assert len(told["open"]) == 4  # 0, 1, 2 and the listing itself


IDLE = 3 << 13
PRIORITY = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
ioprio = lambda: libc.syscall({number}, 1, 0)
while ioprio() != {idle}: pass  # its parent does it after the start
print(ioprio(), os.getpriority(os.PRIO_PROCESS, 0), flush=True)
if os.fork():
    os.wait()
else:
    print(ioprio(), os.getpriority(os.PRIO_PROCESS, 0), flush=True)
"""


def test_a_child_and_its_children_yield_to_everybody() -> None:
    number = {"x86_64": 252, "aarch64": 31}[os.uname().machine]  # ioprio_get(2), IOPRIO_WHO_PROCESS
    ended, output = run(*python(PRIORITY.format(number=number, idle=IDLE)))
    assert (output, ended.stderr_tail) == (f"{IDLE} 10\n".encode() * 2, b"")


def test_a_child_that_does_not_die_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the kernel's D state, which cannot be had at will: SIGKILL does nothing."""
    argv = ("sleep", "infinity")
    with monkeypatch.context() as patch:
        patch.setattr(process, "KILL_GRACE_SEC", NO_TIME_SEC)
        patch.setattr(process, "_kill_group", lambda popen: None)
        ended, _ = run(*argv, timeout_sec=NO_TIME_SEC)
    assert ended.timed_out
    assert ended.exit_status is None
    assert process.hanging() == [argv]
    [(_, popen)] = process._abandoned
    popen.kill()
    os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT)
    assert process.hanging() == []


def test_cancelling_kills(lifeline: tuple[Path, Callable[[], bool]]) -> None:
    path, all_dead = lifeline

    async def cancel_when_it_runs() -> None:
        runs = asyncio.Event()
        argv = ("sh", "-c", f"exec 3> {path}; echo; sleep infinity")
        task = asyncio.create_task(process.run(argv, lambda _: runs.set(), PLENTY_SEC))
        await runs.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_when_it_runs())
    assert all_dead()
    for _, popen in process._abandoned:
        popen.wait()
    assert process.hanging() == []


def test_old_kernels_have_no_pidfd(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    ended, output = run("sh", "-c", "echo here; exit 5")
    assert (output, ended.exit_status) == (b"here\n", 5)
    ended, _ = run("sleep", "infinity", timeout_sec=NO_TIME_SEC)
    assert ended.timed_out
    assert ended.exit_status == -signal.SIGKILL


def test_many_at_once_do_not_disturb_each_other() -> None:
    async def one(number: int) -> bytes:
        output = bytearray()
        code = f"for i in 1 2 3 4 5; do echo {number}; done"
        await process.run(("sh", "-c", code), output.extend, PLENTY_SEC)
        return bytes(output)

    async def all_of_them() -> list[bytes]:
        return await asyncio.gather(*(one(number) for number in range(40)))

    assert asyncio.run(all_of_them()) == [f"{number}\n".encode() * 5 for number in range(40)]
