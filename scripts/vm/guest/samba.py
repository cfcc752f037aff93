"""A Samba server on the guest's loopback, with shares in memory that need no password."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from scripts.vm.guest.proc import session_members
from scripts.vm.guest.processes import LabError, command, kill_session
from scripts.vm.guest.shares import SHARES, SIZE_MIB
from scripts.vm.guest.wait import wait_until

HOME = Path("/run/lab/samba")
_SMB_CONF = HOME / "smb.conf"
_START_TIMEOUT_S = 60

# A client without a name becomes the guest account, which is `nobody` (65534) here: files in the
# share belong to it, and the mode bits of a folder decide what it may do. What it makes is open to
# all: Samba does not take the guest for the owner of its own files.
_GLOBAL = {
    "server role": "standalone server",
    "map to guest": "Bad User",
    "guest account": "nobody",
    "smb ports": "445",
    "disable netbios": "yes",
    "load printers": "no",
    "disable spoolss": "yes",
    "log file": f"{HOME}/log",
    "pid directory": f"{HOME}",
    "lock directory": f"{HOME}/lock",
    "state directory": f"{HOME}/state",
    "cache directory": f"{HOME}/cache",
    "private dir": f"{HOME}/private",
    "ncalrpc dir": f"{HOME}/ncalrpc",
}
_SHARE = {
    "guest ok": "yes",
    "read only": "no",
    "force create mode": "0666",
    "force directory mode": "0777",
}
_NOTHING: Mapping[str, str] = MappingProxyType({})


def configuration(options: Mapping[str, str] = _NOTHING) -> str:
    """The text of smb.conf, with more (or other) options for [global]."""
    sections = {"global": {**_GLOBAL, **options}}
    for share in SHARES:
        sections[share.name] = {"path": str(share.path), **_SHARE}
    return "".join(
        f"[{section}]\n" + "".join(f"    {name} = {value}\n" for name, value in entries.items())
        for section, entries in sections.items()
    )


class Samba:
    """The server. Its state is in the system: several processes may each hold one of these."""

    def prepare(self) -> None:
        """Write the configuration and make each share's small file system; once per boot."""
        for folder in ("lock", "state", "cache", "private", "ncalrpc"):
            (HOME / folder).mkdir(parents=True)
        _SMB_CONF.write_text(configuration())
        for share in SHARES:
            share.path.mkdir()
            options = f"size={SIZE_MIB}m,mode=0777"
            command("mount", "-t", "tmpfs", "-o", options, share.name, share.path)

    def start(self) -> None:
        """Start smbd in a session of its own and return when it takes connections."""
        with (HOME / "console").open("ab") as console:
            process = subprocess.Popen(
                # --no-process-group: smbd would otherwise leave the session that it is found by.
                ["smbd", "--foreground", "--no-process-group", "--configfile", _SMB_CONF],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        (HOME / "session").write_text(str(process.pid))
        wait_until(lambda: process.poll() is not None or answers(), "smbd", _START_TIMEOUT_S)
        if process.returncode is not None:
            raise LabError(f"smbd did not start: {(HOME / 'console').read_text()}")

    def kill(self) -> None:
        """Kill smbd and everything it started, the hard way."""
        if (session := self._session()) is not None:
            kill_session(session)

    def ensure(self) -> None:
        """Whatever was done to the server: return with one that runs as usual, and empty shares."""
        self.resume()
        if _SMB_CONF.read_text() != configuration():
            self._replace(configuration())
        elif not self.pids():
            self.start()
        for share in SHARES:
            share.path.chmod(0o777)
            _empty(share.path)

    def pids(self) -> list[int]:
        """The server's processes, one per connection and a few more."""
        session = self._session()
        return [] if session is None else session_members(session)

    def resume(self) -> None:
        """Let stopped processes of the server go on."""
        self._signal(signal.SIGCONT)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The server hangs: it keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.resume()

    @contextmanager
    def gone(self) -> Iterator[None]:
        """The server is dead inside the block and a new one runs after it."""
        self.kill()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def configured(self, options: Mapping[str, str]) -> Iterator[None]:
        """Inside the block another server runs, with these options in [global]."""
        self._replace(configuration(options))
        try:
            yield
        finally:
            self._replace(configuration())

    def _replace(self, text: str) -> None:
        """Kill the server and start one with another configuration."""
        self.kill()
        _SMB_CONF.write_text(text)
        self.start()

    def _session(self) -> int | None:
        try:
            return int((HOME / "session").read_text())
        except FileNotFoundError:
            return None

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.pids():
            # The process of a connection ends with it, which may be just now.
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def answers() -> bool:
    """Whether something takes connections where the server should be."""
    try:
        with socket.create_connection(("127.0.0.1", 445), timeout=1):
            return True
    except OSError:
        return False
