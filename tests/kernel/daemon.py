"""The whole daemon on this machine: the real ring, fed by the test programs, not the hooks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from ruamel.yaml import YAML

from aod.kernel import tracer
from aod.status.gather import gather
from aod.status.model import Status
from aod.transport.wire import STAGES
from tests.kernel.producer import OBJECT, Producer

BIN: Final = Path(sys.executable).parent
REPO: Final = Path(__file__).resolve().parents[2]
NO_USER: Final = "no-such-user"
"""pytest's folders are root's alone; the tests about users have folders that any can get to."""
T = TypeVar("T")


def wait_until(condition: Callable[[], T | None], what: str, timeout_sec: float = 20) -> T:
    """The first true value of a condition, looked at every few milliseconds."""
    deadline = time.monotonic() + timeout_sec
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.005)
    raise TimeoutError(f"waited {timeout_sec:g} s in vain for {what}")


class LocalDaemon:
    """aod-supervisor with every folder below `base`; a context manager that stops it."""

    def __init__(self, base: Path, pin_dir: Path, config: dict[str, Any], *arguments: str):
        self.base, self.pin_dir = base, pin_dir
        self.output, self.runtime, self.state = base / "out", base / "run", base / "state"
        self.config_file = base / "aod.yaml"
        self.log_file = base / "daemon.log"
        self.environment = os.environ | {"AOD_BPF_OBJECT": str(OBJECT)}
        self.prefix: list[str] = []
        """What the command is preceded by."""
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(config)

    def configure(self, config: dict[str, Any]) -> None:
        """Write the configuration; a running daemon reads it when it is told to."""
        folders = {
            "aod_output_dir": str(self.output),
            "runtime_dir": str(self.runtime),
            "state_dir": str(self.state),
            "pin_dir": str(self.pin_dir),
            "user": NO_USER,
        }
        with self.config_file.open("w") as file:
            YAML(typ="safe").dump(folders | config, file)

    def reload(self, config: dict[str, Any]) -> None:
        """Have it go on with another configuration, and wait until it does."""
        texts = [f"aod.{stage}: using the new configuration" for stage in STAGES]
        before = [self.log().count(text) for text in texts]
        self.configure(config)
        self.process.send_signal(signal.SIGHUP)

        def taken() -> bool:
            return all(
                self.log().count(text) > count for text, count in zip(texts, before, strict=True)
            )

        wait_until(taken, "the reload")

    def __enter__(self) -> Self:
        self.start()
        self.wait_for_log("running;")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()
        tracer.remove(self.pin_dir)

    def start(self) -> None:
        """Start it; its log goes to a file."""
        command = [*self.prefix, str(BIN / "aod-supervisor"), "-c", str(self.config_file)]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments], cwd=REPO, env=self.environment, stdout=log, stderr=log
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("not started")
        return self._process

    def stop(self, timeout_sec: float = 20) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_sec)

    def producer(self) -> Producer:
        """The test programs in this daemon's maps."""
        return wait_until(self._producer, "the pins")

    def _producer(self) -> Producer | None:
        return Producer(self.pin_dir) if (self.pin_dir / "links").exists() else None

    def log(self) -> str:
        return self.log_file.read_text()

    def wait_for_log(self, text: str, timeout_sec: float = 20) -> None:
        """Until the log holds `text`."""

        def found() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(f"ended with {self.process.returncode}:\n{self.log()}")
            return text in self.log()

        wait_until(found, f"{text!r} in the log", timeout_sec)

    def bundles(self) -> list[Path]:
        return sorted(self.output.glob("aod_*.tar.zst"))

    def wait_for_bundles(self, count: int, timeout_sec: float = 20) -> list[Path]:
        """Until there are `count` sealed bundles."""

        def found() -> list[Path] | None:
            bundles = self.bundles()
            return bundles if len(bundles) >= count else None

        return wait_until(found, f"{count} bundles", timeout_sec)

    def status(self) -> Status:
        return gather(self.runtime)

    def worker_pid(self, stage: str) -> int | None:
        """The pid of a stage's worker, by its name; None while there is none."""
        workers = children(self.process.pid).items()
        return next((pid for pid, comm in workers if comm == f"aod-{stage}"), None)

    def pids(self) -> list[int]:
        """The supervisor and its workers."""
        return [self.process.pid, *children(self.process.pid)]


def cpu_ns(pids: list[int]) -> int:
    """Time on a CPU so far (/proc/PID/schedstat, first field)."""
    return sum(
        int(path.read_text().split()[0])
        for pid in pids
        for path in (Path("/proc") / str(pid) / "task").glob("*/schedstat")
    )


def children(pid: int) -> dict[int, str]:
    """Those that have not ended, with their names, by /proc/PID/stat; `children` is not in every
    kernel."""
    found: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            before, _, after = (folder / "stat").read_text().rpartition(")")
        except OSError:
            continue  # it ended meanwhile
        state, parent = after.split()[:2]
        if int(parent) == pid and state != "Z":
            found[int(folder.name)] = before.partition("(")[2]
    return found
