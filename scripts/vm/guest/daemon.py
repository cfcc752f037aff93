"""The daemon under test, as its users know it: a command, a log, an output folder with bundles."""

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from scripts.vm.guest.processes import LabError, named
from scripts.vm.guest.wait import POLL_S, wait_until
from scripts.vm.tools import REPO

SUPERVISOR = REPO / ".venv" / "bin" / "aod-supervisor"
CONFIGURATION = REPO / "conf" / "aod.yaml"

_WORKERS = ("aod-collect", "aod-detect", "aod-capture", "aod-cleanup")
# What its log says when all stages run, and when the hooks in the kernel are in place.
_RUNNING = r"running; bundles go to"
_WATCHING = r"attached to the cifs client"

_OUTPUT_DIR = re.compile(r"^aod_output_dir:\s*(\S+)", re.MULTILINE)
_LOG_TAIL = 3000

T = TypeVar("T")


class Daemon:
    """One run of aod-supervisor; as a context manager it is stopped at the end of the block."""

    def __init__(self, log: Path, config: Path = CONFIGURATION, *arguments: str) -> None:
        self.log = log
        self.output_dir = output_dir(config)
        self._command = [str(SUPERVISOR), "-c", str(config), *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.is_running():
            self.stop()

    def start(self) -> None:
        """Start it; its log goes to the file. Returns at once: wait for a line to know it works."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._running().pid

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def stop(self, timeout_s: float = 30) -> int:
        """Send SIGTERM and return the exit status; LabError if it does not end in time."""
        self._running().send_signal(signal.SIGTERM)
        return self.wait_for_end(timeout_s)

    def wait_for_end(self, timeout_s: float = 30) -> int:
        """Return the exit status of a daemon that ends by itself, or was told to."""
        process = self._running()
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise LabError(
                f"the daemon did not end in {timeout_s:g} s\n{self.log_tail()}"
            ) from error

    def wait_until_watching(self, timeout_s: float = 60) -> None:
        """Return when every stage runs and operations are being recorded (cifs must be loaded)."""
        self.wait_for_line(_RUNNING, timeout_s)
        self.wait_for_line(_WATCHING, timeout_s)

    def wait_for_line(self, pattern: str, timeout_s: float = 30, poll_s: float = POLL_S) -> str:
        """Return the first line of the log in which `pattern` (a regular expression) is found.

        The log is looked at every `poll_s`, for who wants to know when the line was written.
        """
        wanted = re.compile(pattern)

        def found() -> str | None:
            lines = self.log.read_text(errors="replace").splitlines()
            match = next((line for line in lines if wanted.search(line)), None)
            if match is None:
                self._fail_if_ended()
            return match

        return self._wait(found, timeout_s, f"{pattern!r} in the daemon's log", poll_s)

    def wait_for_bundle(self, known: set[Path] | None = None, timeout_s: float = 60) -> Path:
        """Return the first sealed bundle that is not among the `known` ones."""

        def found() -> Path | None:
            new = [path for path in self.bundles() if path not in (known or set())]
            if not new:
                self._fail_if_ended()
            return new[0] if new else None

        return self._wait(found, timeout_s, f"a new bundle in {self.output_dir}")

    def bundles(self) -> list[Path]:
        """The sealed bundles, oldest first (their names hold the time, in ns)."""
        return sorted(self.output_dir.glob("aod_*.tar.zst"))

    def workers(self) -> dict[str, list[int]]:
        """The process ids of each stage, by its name without `aod-`."""
        return {name.removeprefix("aod-"): named(name) for name in _WORKERS}

    def log_tail(self) -> str:
        """The end of the log, as much as a report should carry."""
        return self.log.read_text(errors="replace")[-_LOG_TAIL:]

    def _wait(
        self, condition: Callable[[], T | None], timeout_s: float, what: str, poll_s: float = POLL_S
    ) -> T:
        """Wait; a deadline that is missed is reported with the end of the log."""
        try:
            return wait_until(condition, timeout_s, what, poll_s)
        except TimeoutError as error:
            raise LabError(f"{error}\n{self.log_tail()}") from error

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise LabError("the daemon was not started")
        return self._process

    def _fail_if_ended(self) -> None:
        """No use in waiting for what only a living daemon does."""
        status = self._running().poll()
        if status is not None:
            raise LabError(f"the daemon ended with {status}\n{self.log_tail()}")


def output_dir(config: Path) -> Path:
    """Where a configuration lets the bundles go; without a YAML parser, for one top-level key."""
    match = _OUTPUT_DIR.search(config.read_text())
    if match is None:
        raise LabError(f"{config} names no aod_output_dir")
    return Path(match[1])
