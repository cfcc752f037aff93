"""A real journald in the guest, without a systemd around it, and a daemon that logs to it.

systemd-journald makes its sockets itself where nobody hands them to it.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

from scripts.vm.guest.daemon import Daemon
from scripts.vm.guest.wait import wait_until

_JOURNALD: Final = "/lib/systemd/systemd-journald"
_SOCKET: Final = Path("/run/systemd/journal/stdout")
IDENTIFIER: Final = "aod"


@contextmanager
def journal() -> Iterator[None]:
    """A journal, kept in memory, for the length of a block."""
    _SOCKET.parent.mkdir(parents=True, exist_ok=True)
    with _running(_JOURNALD):
        wait_until(_SOCKET.is_socket, "journald", 20)
        yield


class JournaledDaemon(Daemon):
    """A daemon whose standard error is a stream to the journal, as that of a service is.

    Its log file is what `journalctl --follow` shows of it.
    """

    def start(self) -> None:
        self._following = ExitStack()
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            follow = ("journalctl", "--follow", "--lines=all", "--output=cat")
            self._following.enter_context(_running(*follow, f"--identifier={IDENTIFIER}", out=log))
        # systemd-cat becomes the daemon: its process id is the daemon's.
        self.command = ["systemd-cat", f"--identifier={IDENTIFIER}", *self.command]
        self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)

    def wait_for_end(self, timeout_s: float = 30) -> int:
        with self._following:
            return super().wait_for_end(timeout_s)


@contextmanager
def _running(*argv: str, out: int | IO[bytes] = subprocess.DEVNULL) -> Iterator[None]:
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)
