"""A file that may block its reader for ever, read without waiting for it."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, cast

MAX_BYTES: Final = 4 << 20
_CHUNK: Final = 1 << 16

_left: list[subprocess.Popen[bytes]] = []
"""Children that had not ended when they were last looked at; kept to be reaped."""


class BackgroundRead:
    """A child process reads; who wants the result looks now and then, and gives up in time.

    The files of /proc/fs/cifs block on locks while the client is stuck, where not even SIGKILL ends
    a reader: such a child is left behind.

    Raises:
        OSError: no child can be started.
    """

    def __init__(self, path: Path, patience_sec: float):
        self._deadline = time.monotonic() + patience_sec
        self._content = bytearray()
        self._child = subprocess.Popen(
            ["cat", "--", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._output = cast(IO[bytes], self._child.stdout)
        os.set_blocking(self._output.fileno(), False)

    def result(self) -> bytes | None:
        """What the file holds, empty if that cannot be had; None: look again later."""
        with suppress(BlockingIOError):
            while chunk := os.read(self._output.fileno(), _CHUNK):
                self._content += chunk
                if len(self._content) > MAX_BYTES:
                    return self._give_up()
            self._leave()
            return bytes(self._content)
        return self._give_up() if time.monotonic() >= self._deadline else None

    def _give_up(self) -> bytes:
        self.close()
        return b""

    def close(self) -> None:
        """Stop reading; the child ends, or is left behind."""
        with suppress(ProcessLookupError):
            self._child.send_signal(signal.SIGKILL)
        self._leave()

    def _leave(self) -> None:
        self._output.close()
        _left.append(self._child)
        reap()


def reap() -> None:
    """Of the children that are left, take those that have ended meanwhile."""
    _left[:] = [one for one in _left if one.poll() is None]
