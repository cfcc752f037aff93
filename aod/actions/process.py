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
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import IO, Final, cast

from msgspec import Struct

from aod._native import lib
from aod.actions.job import Job
from aod.actions.mask import LineMask
from aod.actions.output import FullError
from aod.files import closing_fd
from aod.host.children import spawn
from aod.kernel.reader_lock import Turn

KILL_GRACE_SEC: Final = 1.0
STDERR_TAIL_BYTES: Final = 2048
_CHUNK: Final = 1 << 14
"""Masking as much takes some milliseconds at most, in which the loop answers nobody."""
_NO_PIDFD_POLL_SEC: Final = 0.02

_abandoned: list[tuple[tuple[str, ...], subprocess.Popen[bytes]]] = []
"""Reaped when they die after all."""


class StartError(Exception):
    """A command cannot be started; the text says why."""


class Traits(Struct, frozen=True):
    """What is known of a child beside its command line."""

    known_as: tuple[str, ...] = ()
    """How `hanging` names it, if it has to be abandoned; empty: by its command line."""
    turn: Turn | None = None
    """What it holds as long as it lives."""


NO_TRAITS: Final = Traits()


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
    traits: Traits = NO_TRAITS,
) -> Ended:
    """Run a command and give its output to `take`, piece by piece, until it ends or has to.

    Its time is up after `timeout_sec`, or when its job is in a hurry. Returns twice
    `KILL_GRACE_SEC` later at the latest.

    Args:
        job: what it is run for; None: nothing that could be in a hurry, or reports its children.

    Raises:
        StartError: no such program, or no more processes.
        OSError: from `take`."""
    hurry = job.hurry if job else asyncio.get_running_loop().create_future()
    popen = _spawn(argv, traits.turn)
    exited = asyncio.ensure_future(_exit_of(popen.pid))
    tail = _Tail()
    with (
        job.children.running(popen.pid) if job else nullcontext(),
        closing(_Reader(popen.stdout, take)) as output,
        closing(_Reader(popen.stderr, tail.take)) as errors,
    ):
        try:
            timed_out = await _until_finished(output, exited, hurry, timeout_sec)
            _kill_group(popen)
            await asyncio.wait((exited,), timeout=KILL_GRACE_SEC)
            if exited.done():
                # The output is in the pipes; only what left the group holds them open.
                await asyncio.wait((output.done, errors.done), timeout=KILL_GRACE_SEC)
        finally:  # also when we were cancelled or failed and it still runs
            exited.cancel()
            _kill_group(popen)
            if popen.poll() is None:
                _abandoned.append((traits.known_as or tuple(argv), popen))
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
        os.set_blocking(self._pipe.fileno(), False)
        self._loop.add_reader(self._pipe, self._readable)

    def close(self) -> None:
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


async def _exit_of(pid: int) -> None:
    """Wait for a child's end, without reaping it."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:  # Linux before 5.3
        while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            await asyncio.sleep(_NO_PIDFD_POLL_SEC)
        return
    loop, exited = asyncio.get_running_loop(), asyncio.Event()
    with closing_fd(pidfd):
        loop.add_reader(pidfd, exited.set)
        try:
            await exited.wait()
        finally:
            loop.remove_reader(pidfd)


async def _until_finished(
    output: _Reader, exited: asyncio.Future[None], hurry: asyncio.Future[None], timeout_sec: float
) -> bool:
    """Wait for the child's end or its reader's; whether time was up before."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_sec):
            await asyncio.wait((output.done, exited, hurry), return_when=asyncio.FIRST_COMPLETED)
            if output.error is None:
                await asyncio.wait((exited, hurry), return_when=asyncio.FIRST_COMPLETED)
    return output.error is None and not exited.done()


def _spawn(argv: Sequence[str], turn: Turn | None) -> subprocess.Popen[bytes]:
    try:
        popen = spawn(argv, Path("/"), inherited=turn.inherited if turn else ())
    except OSError as error:
        raise StartError(str(error)) from error
    if turn:
        turn.started(popen.pid)
    lib.aod_idle_io(popen.pid)  # where that is refused, it competes for the disk like others
    return popen


def _kill_group(popen: subprocess.Popen[bytes]) -> None:
    """SIGKILL at once: a source has nothing to save. Called before the child is reaped."""
    with suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGKILL)


class _Tail:
    """The end of an output."""

    def __init__(self) -> None:
        self._mask = LineMask()
        self._kept = b""

    def take(self, piece: bytes) -> None:
        self._kept = (self._kept + self._mask.feed(piece))[-STDERR_TAIL_BYTES:]

    def finish(self) -> bytes:
        return (self._kept + self._mask.finish())[-STDERR_TAIL_BYTES:]
