"""The whole daemon on this machine: the real ring, fed by the test programs, not the hooks.

Other runners of a daemon differ in what they run: scripts/vm/guest/service.py drives the installed
unit through systemctl, and tests/rig/fake_daemon.py a supervisor whose stages the test scripts.
"""

import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from ruamel.yaml import YAML

from aod.kernel import tracer
from aod.kernel.objects import OBJECT_VARIABLE
from aod.status.gather import gather
from aod.status.model import Status
from aod.transport.wire import STAGES
from scripts.vm.guest.daemon import BIN, RUNNING, Daemon
from scripts.vm.guest.proc import children
from scripts.vm.guest.wait import wait_until
from scripts.vm.tools import REPO
from tests.rig import audit_log
from tests.rig.configs import CREATE, EMERGENCY_NS, NO_USER, SLOW_NS
from tests.rig.producer import OBJECT, Producer

Result: TypeAlias = subprocess.CompletedProcess[str]


class LocalDaemon(Daemon):
    """aod-supervisor with every folder below `base`; a context manager that runs it.

    Args:
        config: beside the folders, which are set here.
        arguments: more of the command line.
    """

    def __init__(self, base: Path, pin_dir: Path, config: dict[str, Any], *arguments: str) -> None:
        self.base, self.pin_dir = base, pin_dir
        self.output_dir, self.runtime_dir = base / "out", base / "run"
        self.state_dir = base / "state"
        self.config_file = base / "aod.yaml"
        self.configure(config)
        super().__init__(base / "daemon.log", self.config_file, *arguments)
        self.environment[OBJECT_VARIABLE] = str(OBJECT)

    def configure(self, config: dict[str, Any]) -> None:
        """Write the configuration; a running daemon reads it at a reload."""
        folders = {
            "aod_output_dir": str(self.output_dir),
            "runtime_dir": str(self.runtime_dir),
            "state_dir": str(self.state_dir),
            "pin_dir": str(self.pin_dir),
            "user": NO_USER,
        }
        with self.config_file.open("w") as file:
            YAML(typ="safe").dump(folders | config, file)

    def reload(self, config: dict[str, Any]) -> None:
        """Have it use another configuration, and wait until every stage does."""
        texts = [f"aod.{stage}: using the new configuration" for stage in STAGES]
        before = [self.log().count(text) for text in texts]
        self.configure(config)
        self.process.send_signal(signal.SIGHUP)

        def is_taken() -> bool:
            log = self.log()
            return all(log.count(text) > old for text, old in zip(texts, before, strict=True))

        wait_until(is_taken, "the reload")

    def __enter__(self) -> Self:
        super().__enter__()
        self.wait_for_log(RUNNING)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        tracer.remove(self.pin_dir)

    def kill(self) -> None:
        """SIGKILL for the supervisor, and wait for its end; its workers die soon after."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        """Start it once more, and wait until it runs."""
        before = self.log().count(RUNNING)
        self.start()
        wait_until(lambda: self.log().count(RUNNING) > before, "the next start")

    def run(self, *command: str, under: tuple[str, ...] = ()) -> Result:
        """Run a command of the package with this daemon's configuration, to its end.

        Args:
            under: what the command is preceded by, such as setpriv with its options.
        """
        program, *arguments = command
        return subprocess.run(
            [*under, str(BIN / program), *arguments, "-c", str(self.config_file)],
            check=False,
            cwd=REPO,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def producer(self) -> Producer:
        """The test programs in this daemon's maps."""
        wait_until((self.pin_dir / "links").exists, "the pins")
        return Producer(self.pin_dir)

    def slow(self, first_mid: int = 0, count: int = 11) -> None:
        """Slow operations: by default, as many as declare the anomaly of the sample."""
        self.producer().load(count, first_mid=first_mid, latency_ns=SLOW_NS, command=CREATE)

    def emergency(self, count: int = 1) -> None:
        """Operations that each declare an anomaly by themselves."""
        self.producer().load(count, latency_ns=EMERGENCY_NS, command=CREATE)

    def status(self) -> Status:
        return gather(self.runtime_dir)

    def audited(self, what: str | None = None) -> list[dict[str, Any]]:
        """The entries of its audit log, of one kind or all."""
        return audit_log.entries(self.output_dir, what)

    def pids(self) -> list[int]:
        """The supervisor and its workers."""
        return [self.pid, *children(self.pid)]
