"""One child process; waiting for it always ends.

Reading /proc/fs/cifs or asking a hung server can block in the kernel, where not even SIGKILL ends
it. So every source is read by a child: killed with its whole group when its time is up, and left
behind when it does not die. A child's end is seen through a pidfd: no thread and no signal handler,
and it is not reaped before its group was killed, so the group's id cannot be another's by then."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO, Final, Self, cast

from msgspec import Struct

from aod._native import lib
from aod.actions.job import Job
from aod.actions.mask import LineMask
from aod.actions.output import FullError
from aod.host.children import spawn

KILL_GRACE_SEC: Final = 1.0
STDERR_TAIL_BYTES: Final = 2048
_CHUNK: Final = 1 << 14
"""Masking as much takes some milliseconds at most, in which the loop answers nobody."""
_NO_PIDFD_POLL_SEC: Final = 0.02

_abandoned: list[tuple[tuple[str, ...], subprocess.Popen[bytes]]] = []
"""Reaped when they die after all."""


class StartError(Exception):
    """A command cannot be started; the text says why."""


class Ended(Struct, frozen=True, kw_only=True):
    """How a child ended, or that it did not end."""

    exit_status: int | None
    """Negative: killed by that signal; None: it was abandoned."""
    timed_out: bool
    enough: bool
    """Killed because `take` wanted no more."""
    stderr_tail: bytes
    """Secrets are masked before it is cut, as half a line may not show that it holds one."""


async def run(
    argv: Sequence[str],
    take: Callable[[bytes], None],
    timeout_sec: float,
    job: Job | None = None,
    known_as: Sequence[str] = (),
) -> Ended:
    """Run a command and give its output to `take`, piece by piece, until it ends or has to.

    Its time is up after `timeout_sec`, or when its job is in a hurry. Returns twice
    `KILL_GRACE_SEC` later at the latest.

    Args:
        job: what it is run for; None: nothing that could be in a hurry, or reports its children.
        known_as: how `hanging` names it, if it has to be abandoned; empty: by its command line.

    Raises:
        StartError: no such program, or no more processes.
        OSError: from `take`."""
    hurry = job.hurry if job else asyncio.get_running_loop().create_future()
    popen = _spawn(argv)
    tail = _Tail()
    with (
        job.children.running(popen.pid) if job else nullcontext(),
        _Reader(popen.stdout, take) as output,
        _Reader(popen.stderr, tail.take) as errors,
    ):
        try:
            with _Exit(popen.pid) as exited:
                timed_out = await _until_finished(output, exited, hurry, timeout_sec)
                _kill_group(popen)
                await asyncio.wait((exited.done,), timeout=KILL_GRACE_SEC)
                if exited.done.done():
                    # The output is in the pipes; only what left the group holds them open.
                    await asyncio.wait((output.done, errors.done), timeout=KILL_GRACE_SEC)
        finally:
            _leave(known_as or argv, popen)
    if isinstance(output.error, OSError):
        raise output.error
    return Ended(
        exit_status=popen.returncode,
        timed_out=timed_out,
        enough=output.error is not None,
        stderr_tail=tail.finish(),
    )


def hanging() -> list[tuple[str, ...]]:
    """The commands of abandoned children that still have not died; those that have are reaped."""
    _abandoned[:] = [(known_as, popen) for known_as, popen in _abandoned if popen.poll() is None]
    return [known_as for known_as, _ in _abandoned]


class _Reader:
    """Reads a pipe on the event loop, until its end or until `take` raises."""

    def __init__(self, pipe: IO[bytes] | None, take: Callable[[bytes], None]) -> None:
        self._pipe = cast(IO[bytes], pipe)
        self._take = take
        self._loop = asyncio.get_running_loop()
        self.done = self._loop.create_future()
        self.error: OSError | FullError | None = None

    def __enter__(self) -> Self:
        os.set_blocking(self._pipe.fileno(), False)
        self._loop.add_reader(self._pipe, self._readable)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._pipe)
        self._pipe.close()

    def _readable(self) -> None:
        try:
            piece = os.read(self._pipe.fileno(), _CHUNK)
            if piece:
                self._take(piece)
                return
        except BlockingIOError:
            return
        except (OSError, FullError) as error:
            self.error = error
        self._loop.remove_reader(self._pipe)
        self.done.set_result(None)


class _Exit:
    """Notices a child's end without reaping it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._pidfd = -1
        self._loop = asyncio.get_running_loop()
        self.done = self._loop.create_future()

    def __enter__(self) -> Self:
        try:
            self._pidfd = os.pidfd_open(self._pid)
        except OSError:  # Linux before 5.3
            self._poll()
        else:
            self._loop.add_reader(self._pidfd, self._exited)
        return self

    def __exit__(self, *_: object) -> None:
        self.done.cancel()
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)

    def _exited(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self.done.set_result(None)

    def _poll(self) -> None:
        if self.done.cancelled():
            return
        if os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            self.done.set_result(None)
        else:
            self._loop.call_later(_NO_PIDFD_POLL_SEC, self._poll)


async def _until_finished(
    output: _Reader, exited: _Exit, hurry: asyncio.Future[None], timeout_sec: float
) -> bool:
    """Wait for the child's end or its reader's; whether time was up before."""
    try:
        async with asyncio.timeout(timeout_sec):
            await _first_of(output.done, exited.done, hurry)
            if output.error is None:
                await _first_of(exited.done, hurry)
    except TimeoutError:
        return True
    return output.error is None and not exited.done.done()


async def _first_of(*futures: asyncio.Future[None]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


def _spawn(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        popen = spawn(argv, Path("/"))
    except OSError as error:
        raise StartError(str(error)) from error
    lib.aod_idle_io(popen.pid)  # where that is refused, it competes for the disk like others
    return popen


def _kill_group(popen: subprocess.Popen[bytes]) -> None:
    """SIGKILL at once: a source has nothing to save. Called before the child is reaped."""
    with suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGKILL)


def _leave(known_as: Sequence[str], popen: subprocess.Popen[bytes]) -> None:
    """Reap a child, or abandon it; also when we were cancelled or failed and it still runs."""
    _kill_group(popen)
    if popen.poll() is None:
        _abandoned.append((tuple(known_as), popen))


class _Tail:
    """The end of an output."""

    def __init__(self) -> None:
        self._mask = LineMask()
        self._kept = b""

    def take(self, piece: bytes) -> None:
        self._kept = (self._kept + self._mask.feed(piece))[-STDERR_TAIL_BYTES:]

    def finish(self) -> bytes:
        return (self._kept + self._mask.finish())[-STDERR_TAIL_BYTES:]
