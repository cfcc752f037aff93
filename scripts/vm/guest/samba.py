"""A Samba server on the guest's loopback, with one share in memory that needs no password."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.vm.guest.processes import LabError, command, kill_session, session_members
from scripts.vm.guest.wait import wait_until

HOME = Path("/run/lab/samba")
SHARE = Path("/run/lab/share")
SHARE_MIB = 64
UNC = "//127.0.0.1/share"

_START_TIMEOUT_S = 60

# A client without a name becomes the guest account, which is `nobody` (65534) here: files in the
# share belong to it, and the mode bits of a folder decide what it may do.
_CONFIGURATION = f"""\
[global]
    server role = standalone server
    map to guest = Bad User
    guest account = nobody
    interfaces = lo
    bind interfaces only = yes
    smb ports = 445
    disable netbios = yes
    load printers = no
    disable spoolss = yes
    log file = {HOME}/log
    pid directory = {HOME}
    lock directory = {HOME}/lock
    state directory = {HOME}/state
    cache directory = {HOME}/cache
    private dir = {HOME}/private
    ncalrpc dir = {HOME}/ncalrpc
[share]
    path = {SHARE}
    guest ok = yes
    read only = no
"""


class Samba:
    """The server. Its state is in the system: several processes may each hold one of these."""

    def prepare(self) -> None:
        """Write the configuration and make the share's own small file system; once per boot."""
        for folder in ("lock", "state", "cache", "private", "ncalrpc"):
            (HOME / folder).mkdir(parents=True)
        (HOME / "smb.conf").write_text(_CONFIGURATION)
        SHARE.mkdir()
        command("mount", "-t", "tmpfs", "-o", f"size={SHARE_MIB}m,mode=0777", "share", SHARE)

    def start(self) -> None:
        """Start smbd in a session of its own and return when it takes connections."""
        with (HOME / "console").open("ab") as console:
            process = subprocess.Popen(
                # --no-process-group: smbd would otherwise leave the session that it is found by.
                ["smbd", "--foreground", "--no-process-group", "--configfile", HOME / "smb.conf"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        (HOME / "session").write_text(str(process.pid))
        wait_until(lambda: process.poll() is not None or answers(), _START_TIMEOUT_S, "smbd")
        if process.returncode is not None:
            raise LabError(f"smbd did not start: {(HOME / 'console').read_text()}")

    def kill(self) -> None:
        """Kill smbd and everything it started, the hard way."""
        if (session := self._session()) is not None:
            kill_session(session)

    def ensure(self) -> None:
        """Whatever was done to the server: return with one that runs, and an empty share."""
        self.resume()
        if not self.pids():
            self.start()
        SHARE.chmod(0o777)
        for entry in SHARE.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

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

    def _session(self) -> int | None:
        try:
            return int((HOME / "session").read_text())
        except FileNotFoundError:
            return None

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.pids():
            os.kill(pid, number)


def answers() -> bool:
    """Whether something takes connections where the server should be."""
    try:
        with socket.create_connection(("127.0.0.1", 445), timeout=1):
            return True
    except OSError:
        return False
