"""Read a file that may block its reader for ever, without waiting for it."""

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
"""Children that have not been reaped."""


class BackgroundRead:
    """A child process reads; its parent asks for the result now and then.

    The files of /proc/fs/cifs block on locks while the client is stuck, where not even SIGKILL ends
    a reader: such a child stays until it can end. Raises OSError: no child can be started."""

    def __init__(self, path: Path, patience_sec: float):
        self._deadline = time.monotonic() + patience_sec
        self._content = bytearray()
        none = subprocess.DEVNULL
        self._child = subprocess.Popen(
            ["cat", "--", str(path)], stdin=none, stdout=subprocess.PIPE, stderr=none, bufsize=0
        )
        self._output = cast(IO[bytes], self._child.stdout)
        os.set_blocking(self._output.fileno(), False)

    def result(self) -> bytes | None:
        """The content of the file, empty if it cannot be read in time; None: ask again later."""
        try:
            while chunk := os.read(self._output.fileno(), _CHUNK):
                self._content += chunk
                if len(self._content) > MAX_BYTES:
                    self._content.clear()
                    break
        except BlockingIOError:
            if time.monotonic() < self._deadline:
                return None
            self._content.clear()
        self.close()
        return bytes(self._content)

    def close(self) -> None:
        """Stop reading; a child that still reads is killed, and ends when it can."""
        with suppress(ProcessLookupError):
            self._child.send_signal(signal.SIGKILL)
        self._output.close()
        _left.append(self._child)
        reap()


def reap() -> None:
    """Reap the children that have ended."""
    _left[:] = [one for one in _left if one.poll() is None]
