"""The installed service, as an administrator has it: systemctl, journalctl, files in /etc."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from scripts.vm.guest.processes import LabError, command
from scripts.vm.guest.wait import wait_until
from scripts.vm.tools import REPO

UNIT: Final = "aod.service"
_PRINTED: Final = Path("/run/lab/install")
FILE: Final = Path("/etc/aod/aod.yaml")
OUTPUT_DIR: Final = Path("/var/log/aod")
_DROP_IN: Final = Path(f"/etc/systemd/system/{UNIT}.d/vm.conf")
_CGROUP: Final = Path(f"/sys/fs/cgroup/system.slice/{UNIT}")
_INSTALL_TIMEOUT_S: Final = 900

Entry = dict[str, Any]
T = TypeVar("T")


def install() -> str:
    """Run scripts/install as a user without a network does, once a boot; what it printed."""
    if _PRINTED.exists():
        return _PRINTED.read_text()
    environment = {
        "PATH": os.environ["PATH"],
        "AOD_WHEEL": os.environ["AOD_VM_WHEEL"],
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": os.environ["AOD_VM_WHEELS"],
    }
    done = subprocess.run(
        [REPO / "scripts" / "install"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_INSTALL_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise LabError(f"scripts/install ended with {done.returncode}:\n{done.stderr}")
    _PRINTED.write_text(done.stderr)
    return done.stderr


class Service:
    """The unit from here on; `since` this object was made, as far as the journal goes."""

    def __init__(self) -> None:
        self._cursor = _last_cursor()

    # What systemd thinks of it.

    def show(self, *properties: str) -> dict[str, str]:
        """Properties of the unit."""
        text = command("systemctl", "show", UNIT, *(f"--property={name}" for name in properties))
        return dict(line.split("=", 1) for line in text.splitlines())

    def get(self, name: str) -> str:
        """One property."""
        return self.show(name)[name]

    def is_active(self) -> bool:
        return self.get("ActiveState") == "active"

    def wait_for(self, name: str, pattern: str, timeout_s: float = 60) -> str:
        """Wait until a property has a value in which the expression is found; the value."""
        wanted = re.compile(pattern)

        def found() -> str | None:
            value = self.get(name)
            return value if wanted.search(value) else None

        return self._wait(found, timeout_s, f"{name} of {UNIT} to be {pattern!r}")

    def main_pid(self) -> int:
        return int(self.get("MainPID"))

    def pids(self) -> list[int]:
        """Every process of the unit, whoever started it."""
        found: set[int] = set()
        with suppress(FileNotFoundError):
            for procs in _CGROUP.rglob("cgroup.procs"):
                found |= {int(line) for line in procs.read_text().split()}
        return sorted(found)

    def pid_of(self, stage: str) -> int:
        """The process of a stage; LabError where there is not exactly one."""
        found = [pid for pid in self.pids() if comm(pid) == f"aod-{stage}"]
        if len(found) != 1:
            raise LabError(f"{stage}: {found}\n{self.log_tail()}")
        return found[0]

    # What it logs.

    def entries(self) -> list[Entry]:
        """What the journal has of the unit, and systemd about it, since this object was made."""
        text = command("journalctl", "--output=json", f"--unit={UNIT}", *self._cursor)
        return [json.loads(line) for line in text.splitlines()]

    def wait_for_entry(self, pattern: str, timeout_s: float = 60) -> Entry:
        """The first entry in whose message the expression is found."""
        wanted = re.compile(pattern)

        def found() -> Entry | None:
            hits = (one for one in self.entries() if wanted.search(str(one["MESSAGE"])))
            return next(hits, None)

        return self._wait(found, timeout_s, f"{pattern!r} in the journal of {UNIT}")

    def log_tail(self) -> str:
        """The end of the journal, as much as a report should carry."""
        return command("journalctl", f"--unit={UNIT}", "--lines=40", "--no-pager")

    # What is done with it.

    def start(self) -> None:
        systemctl("start")

    def stop(self) -> None:
        systemctl("stop")

    def wait_until_watching(self) -> None:
        """Return when operations are being recorded."""
        self.wait_for("StatusText", "^(?!waiting).")

    def bundles(self) -> list[Path]:
        """The sealed bundles, oldest first."""
        return sorted(OUTPUT_DIR.glob("aod_*.tar.zst"))

    def wait_for_bundles(self, count: int, timeout_s: float = 90) -> list[Path]:
        """Wait until there are this many sealed bundles."""

        def found() -> list[Path] | None:
            made = self.bundles()
            return made if len(made) >= count else None

        return self._wait(found, timeout_s, f"{count} bundles")

    def _wait(self, condition: Callable[[], T | None], timeout_s: float, what: str) -> T:
        try:
            return wait_until(condition, what, timeout_s, 0.2)
        except TimeoutError as error:
            raise LabError(f"{error}\n{self.log_tail()}") from error


def refusals(*actions: str, post_sec: int = 0, more: str = "") -> str:
    """A configuration with one anomaly, `error`, which is declared once: more than three EACCES.

    Args:
        more: further sections, as YAML.
    """
    return f"""\
aod_output_dir: {OUTPUT_DIR}
guardian:
  anomalies:
    error:
      type: Error
      mode: trackonly
      track_codes: [EACCES]
      acceptable_count: 3
      cooldown_sec: 3600
      actions: [{", ".join(actions)}]
capture:
  post_sec: {post_sec}
{more}"""


@contextmanager
def service(configuration: str, settings: Mapping[str, str] | None = None) -> Iterator[Service]:
    """The service, installed and configured, not started; gone when the block is left.

    Args:
        settings: for a drop-in, in [Service].
    """
    install()
    FILE.write_text(configuration)
    if settings:
        _DROP_IN.parent.mkdir(parents=True, exist_ok=True)
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        _DROP_IN.write_text(f"[Service]\n{lines}")
    command("systemctl", "daemon-reload")
    command("systemd-tmpfiles", "--create", "/etc/tmpfiles.d/aod.conf")  # as a boot does
    made = Service()
    try:
        yield made
    finally:
        systemctl("stop", timeout_s=120)
        shutil.rmtree(_DROP_IN.parent, ignore_errors=True)
        command("systemctl", "daemon-reload")
        command("systemctl", "reset-failed")


def systemctl(verb: str, timeout_s: float = 90) -> None:
    """`systemctl VERB aod.service`; LabError carries the journal's end."""
    try:
        command("systemctl", verb, UNIT, timeout_s=timeout_s)
    except LabError as error:
        tail = command("journalctl", f"--unit={UNIT}", "--lines=40", "--no-pager")
        raise LabError(f"{error}\n{tail}") from error


def comm(pid: int) -> str:
    """The name of a process; empty where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    return ""


def _last_cursor() -> list[str]:
    text = command("journalctl", "--lines=1", "--output=json")
    return [f"--after-cursor={json.loads(line)['__CURSOR']}" for line in text.splitlines()]
