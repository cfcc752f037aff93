"""Run a fake daemon and follow what its stages report."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

PATIENCE_SEC = 60
"""Only a failure takes this long; then everything is killed, and a reader sees the end."""

Line = dict[str, Any]


class Daemon:
    """A running fake daemon (see fake_stages.py) in a folder."""

    def __init__(self, folder: Path, process: "subprocess.Popen[str]", stderr: Path):
        self.process = process
        self.runtime_dir = folder / "run"
        self.heard: list[Line] = []
        self._stderr = stderr

    @classmethod
    @contextmanager
    def started(
        cls,
        folder: Path,
        stages: dict[str, str] | None = None,
        *,
        without: tuple[str, ...] = (),
        python: tuple[str, ...] = (),
        policy: dict[str, float] | None = None,
    ) -> Iterator[Self]:
        plan = {"stages": stages or {}, "policy": policy or {}, "without": without}
        command = [sys.executable, *python, "-m", "tests.rig.fake_stages", str(folder)]
        stderr = folder / "stderr.txt"
        with (
            stderr.open("a") as errors,
            subprocess.Popen(
                [*command, json.dumps(plan)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            guard = threading.Timer(PATIENCE_SEC, os.killpg, (process.pid, signal.SIGKILL))
            guard.start()
            try:
                yield cls(folder, process, stderr)
            finally:
                guard.cancel()
                process.kill()  # its workers die with it

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    def next_line(self) -> Line | None:
        """What a stage reports next; None when all are dead."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            return None
        line: Line = json.loads(text)
        self.heard.append(line)
        return line

    def expect(self, what: str, stage: str) -> Line:
        """The next line of this kind."""
        while (line := self.next_line()) is not None:
            if (line["what"], line["stage"]) == (what, stage):
                return line
        raise AssertionError(f"{stage} never {what}; heard {self.heard}; stderr: {self.stderr}")

    def expect_all(self, what: str, stages: tuple[str, ...]) -> dict[str, Line]:
        """A line of this kind from each of the stages, in any order."""
        found: dict[str, Line] = {}
        while set(found) != set(stages):
            line = self.next_line()
            assert line is not None, (found, self.stderr)
            if line["what"] == what:
                found[line["stage"]] = line
        return found

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """The exit status, when it and all its workers are gone."""
        while self.next_line() is not None:
            pass
        return self.process.wait()

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.ended()

    def reported(self, what: str) -> list[str]:
        """The stages that reported this, in order."""
        return [line["stage"] for line in self.heard if line["what"] == what]
