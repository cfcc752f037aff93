"""The daemon under test, as its users know it: a command, a log, an output folder with bundles."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from scripts.vm.guest.proc import children
from scripts.vm.guest.processes import LabError
from scripts.vm.guest.wait import POLL_S, wait_until
from scripts.vm.tools import REPO

BIN: Final = REPO / ".venv" / "bin"
SUPERVISOR: Final = BIN / "aod-supervisor"
CONFIGURATION: Final = REPO / "conf" / "aod.yaml"

# What its log holds when all stages run, and when the hooks in the kernel are in place.
RUNNING: Final = "running; bundles go to"
_WATCHING: Final = "attached to the cifs client"

_OUTPUT_DIR: Final = re.compile(r"^aod_output_dir:\s*(\S+)", re.MULTILINE)
_LOG_TAIL: Final = 3000

T = TypeVar("T")


class Daemon:
    """One run of aod-supervisor; as a context manager it is stopped at the end of the block.

    Attributes:
        log_file: what it writes to standard output and standard error.
        output_dir: where its bundles go.
        command: what is run; to be changed before it is started.
        environment: of the command.
    """

    def __init__(self, log_file: Path, config: Path = CONFIGURATION, *arguments: str) -> None:
        self.log_file = log_file
        self.output_dir = output_dir(config)
        self.command = [str(SUPERVISOR), "-c", str(config), *arguments]
        self.environment = dict(os.environ)
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
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The supervisor.

        Raises:
            LabError: it was not started.
        """
        if self._process is None:
            raise LabError("the daemon was not started")
        return self._process

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self.process.pid

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def stop(self, timeout_s: float = 30) -> int:
        """Send SIGTERM and return the exit status; LabError if it does not end in time."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_for_end(timeout_s)

    def wait_for_end(self, timeout_s: float = 30) -> int:
        """Return the exit status of a daemon that ends by itself, or was signalled to."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            self.process.wait()
            raise LabError(
                f"the daemon did not end in {timeout_s:g} s\n{self.log_tail()}"
            ) from error

    def log(self) -> str:
        """All of its log."""
        return self.log_file.read_text(errors="replace")

    def log_tail(self) -> str:
        """The end of the log, as much as a report should carry."""
        return self.log()[-_LOG_TAIL:]

    def wait_until_watching(self, timeout_s: float = 60) -> None:
        """Return when every stage runs and operations are being recorded (cifs must be loaded)."""
        self.wait_for_log(RUNNING, timeout_s)
        self.wait_for_log(_WATCHING, timeout_s)

    def wait_for_log(self, text: str, timeout_s: float = 30) -> str:
        """Return the first line of the log that holds `text`."""
        return self.wait_for_line(re.escape(text), timeout_s)

    def wait_for_line(self, pattern: str, timeout_s: float = 30, poll_s: float = POLL_S) -> str:
        """Return the first line of the log in which `pattern` (a regular expression) is found.

        The log is read every `poll_s`: a caller may want to know when the line was written.
        """
        wanted = re.compile(pattern)

        def found() -> str | None:
            return next((line for line in self.log().splitlines() if wanted.search(line)), None)

        return self._wait(found, timeout_s, f"{pattern!r} in the daemon's log", poll_s)

    def bundles(self) -> list[Path]:
        """The sealed bundles, oldest first (their names hold the time, in ns)."""
        return sorted(self.output_dir.glob("aod_*.tar.zst"))

    def wait_for_bundle(self, known: set[Path] | None = None, timeout_s: float = 60) -> Path:
        """Return the first sealed bundle that is not among the `known` ones."""

        def found() -> Path | None:
            return next((path for path in self.bundles() if path not in (known or set())), None)

        return self._wait(found, timeout_s, f"a new bundle in {self.output_dir}")

    def wait_for_bundles(self, count: int, timeout_s: float = 60) -> list[Path]:
        """Return all sealed bundles when there are at least `count`."""

        def found() -> list[Path] | None:
            bundles = self.bundles()
            return bundles if len(bundles) >= count else None

        return self._wait(found, timeout_s, f"{count} bundles in {self.output_dir}")

    def worker_pid(self, stage: str) -> int | None:
        """The process id of a stage's worker; None while there is none."""
        workers = children(self.pid).items()
        return next((pid for pid, comm in workers if comm == f"aod-{stage}"), None)

    def wait_for_worker(self, stage: str, other_than: int | None = None) -> int:
        """The process id of a stage's worker; of its successor, where `other_than` is given."""

        def found() -> int | None:
            pid = self.worker_pid(stage)
            return None if pid == other_than else pid

        what = stage if other_than is None else f"another {stage} than {other_than}"
        return self._wait(found, 60, what)

    def _wait(
        self, condition: Callable[[], T | None], timeout_s: float, what: str, poll_s: float = POLL_S
    ) -> T:
        """Wait while the daemon runs; a deadline that is missed is reported with the log's end."""

        def found() -> T | None:
            value = condition()
            if not value and self.process.poll() is not None:
                raise LabError(
                    f"the daemon ended with {self.process.returncode}\n{self.log_tail()}"
                )
            return value

        try:
            return wait_until(found, what, timeout_s, poll_s)
        except TimeoutError as error:
            raise LabError(f"{error}\n{self.log_tail()}") from error


def output_dir(config: Path) -> Path:
    """Where a configuration lets the bundles go; without a YAML parser, for one top-level key."""
    match = _OUTPUT_DIR.search(config.read_text())
    if match is None:
        raise LabError(f"{config} names no aod_output_dir")
    return Path(match[1])
