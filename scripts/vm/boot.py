"""Boot the guest, run one program in it, and report how it ended."""

import os
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import IO, cast

from scripts.vm.console import Console, last_words
from scripts.vm.errors import (
    GuestError,
    GuestLostError,
    GuestPanicError,
    GuestProgramError,
    GuestStoppedError,
    GuestTimeoutError,
)
from scripts.vm.initramfs import initramfs_for
from scripts.vm.kernel import stock_kernel
from scripts.vm.machine import Machine, qemu_command
from scripts.vm.tools import REPO, require_tools

# Beside the results proper: what host and guest write to each other, and the console's log.
PRIVATE = ".vm"

# How long a silent guest may be past its limit.
_LIMIT_POLL_S = 0.5


@dataclass(frozen=True)
class GuestRun:
    """A program that ran in the guest and ended with status 0."""

    console: str
    seconds: float


@dataclass(frozen=True)
class Limit:
    """How long a guest may run: this many seconds, and not after another thread has set `stop`."""

    timeout_s: float
    stop: Event = field(default_factory=Event)

    def over(self, started: float) -> bool:
        """Whether a guest that was started then (monotonic) has to be switched off."""
        return self.stop.is_set() or time.monotonic() - started > self.timeout_s

    def error(self, console_tail: str) -> GuestError:
        """What is reported of a guest that was switched off."""
        if self.stop.is_set():
            return GuestStoppedError("the guest was no longer wanted", console_tail)
        return GuestTimeoutError(
            f"the guest was still running after {self.timeout_s:g} s", console_tail
        )


def run_guest(
    argv: Sequence[str],
    results: Path,
    *,
    limit: Limit,
    on_line: Callable[[str], None] | None = None,
    machine: Machine | None = None,
) -> GuestRun:
    """Run `argv` as root in a fresh guest; its working folder is the repository.

    `results` is writable in the guest as /results. `on_line` sees the console's lines as they come.
    Raises a GuestError that names how the guest ended, unless the program ended with status 0.
    """
    require_tools("qemu-system-x86_64", "setpriv", "busybox", "cpio", "modprobe")
    machine = machine or Machine(stock_kernel())
    _write_settings(results / PRIVATE, argv, machine)
    command = qemu_command(machine, initramfs_for(machine.kernel), results)
    started = time.monotonic()
    with closing(Console(results / PRIVATE / "console.log", on_line)) as console:
        ended = _run_qemu(command, console, started, limit)
    _check_end(console, results / PRIVATE / "status", None if ended else limit)
    return GuestRun(console.text, time.monotonic() - started)


def _write_settings(folder: Path, argv: Sequence[str], machine: Machine) -> None:
    """Leave what the guest's scripts need to know as shell variables."""
    settings = {
        "VM_ARGV": shlex.join(argv),
        "VM_MODULES": str(machine.kernel.modules),
        "VM_PYTHON": sys.base_prefix,
        "VM_RELEASE": machine.kernel.release,
        "VM_REPO": str(REPO),
        "VM_SYSTEMD": "yes" if machine.systemd else "",
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status").unlink(missing_ok=True)
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    (folder / "settings").write_text("".join(lines))


def _run_qemu(command: Sequence[str], console: Console, started: float, limit: Limit) -> bool:
    """Follow one guest to its end; False when it had to be switched off."""
    with _started(command) as output:
        return _follow(output.fileno(), console, started, limit)


@contextmanager
def _started(command: Sequence[str]) -> Iterator[IO[bytes]]:
    """The output of a qemu that is gone when the block is left, however it is left."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
    ) as process:
        try:
            yield cast(IO[bytes], process.stdout)
        finally:
            process.kill()


def _follow(descriptor: int, console: Console, started: float, limit: Limit) -> bool:
    """Feed the console until qemu closes it; False when the limit came first."""
    while not limit.over(started):
        readable, _, _ = select.select([descriptor], [], [], _LIMIT_POLL_S)
        if readable:
            data = os.read(descriptor, 65536)
            if not data:
                return True
            console.feed(data)
    return False


def _check_end(console: Console, status_file: Path, exceeded: Limit | None) -> None:
    """Raise the error that fits the guest's end; return when its program ended with 0."""
    tail = last_words(console.text)
    if (panic := console.panic()) is not None:
        raise GuestPanicError(f"the guest's kernel panicked: {panic}", tail)
    if exceeded is not None:
        raise exceeded.error(tail)
    if not status_file.is_file():
        raise GuestLostError("the guest went off before its program had ended", tail)
    status = int(status_file.read_text())
    if status != 0:
        raise GuestProgramError(f"the program in the guest ended with {status}", tail, status)
