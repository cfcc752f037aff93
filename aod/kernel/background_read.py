"""A file of the client's, read by a child while its parent does something else."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, cast

from aod.kernel.reader_lock import BusyError, Queue, Turn

MAX_BYTES: Final = 4 << 20
_CHUNK: Final = 1 << 16

_left: list[subprocess.Popen[bytes]] = []
"""Children that have not been reaped."""


class BackgroundRead:
    """A child process reads, when it is its turn; its parent asks for the result now and then.

    The files of /proc/fs/cifs block on locks while the client is stuck, where not even SIGKILL ends
    a reader: such a child stays until it can end.

    Attributes:
        why_not: why nothing was read; empty: it was, or the child could not read it."""

    def __init__(self, path: Path, runtime_dir: Path, patience_sec: float):
        self.why_not = ""
        self._path, self._deadline = path, time.monotonic() + patience_sec
        self._queue = Queue(runtime_dir, patience_sec)
        self._content = bytearray()
        self._child: subprocess.Popen[bytes] | None = None

    def result(self) -> bytes | None:
        """The content of the file, empty if it is not read in time; None: ask again later."""
        try:
            if self._child is None and not self._start():
                return None
            if not self._take():
                return None
        except (BusyError, OSError) as error:
            self.why_not = str(error)
        self.close()
        return bytes(self._content)

    @property
    def output(self) -> IO[bytes] | None:
        """The pipe from the child; None: there is none yet."""
        return self._child.stdout if self._child else None

    def close(self) -> None:
        """Stop reading; a child that still reads is killed, and ends when it can."""
        if self._child is not None and self.output and not self.output.closed:
            with suppress(ProcessLookupError):
                self._child.send_signal(signal.SIGKILL)
            self.output.close()
            _left.append(self._child)
        reap()

    def _start(self) -> bool:
        """Start the child, if it is its turn. Raises OSError: no child can be started."""
        if (turn := self._queue.poll()) is None:
            return False
        try:
            self._child = child = _cat(self._path, turn)
        finally:
            turn.give_back()
        os.set_blocking(cast(IO[bytes], child.stdout).fileno(), False)
        return True

    def _take(self) -> bool:
        """Take what the child has printed; whether there will be no more."""
        output = cast(IO[bytes], self.output)
        try:
            while chunk := os.read(output.fileno(), _CHUNK):
                self._content += chunk
                if len(self._content) > MAX_BYTES:
                    self._content.clear()
                    break
        except BlockingIOError:
            if time.monotonic() < self._deadline:
                return False
            self._content.clear()
            self.why_not = "not read: it takes too long"
        return True


def _cat(path: Path, turn: Turn) -> subprocess.Popen[bytes]:
    none = subprocess.DEVNULL
    child = subprocess.Popen(
        ["cat", "--", str(path)],
        bufsize=0,
        stdin=none,
        stdout=subprocess.PIPE,
        stderr=none,
        pass_fds=turn.inherited,
    )
    turn.started(child.pid)
    return child


def reap() -> None:
    """Reap the children that have ended."""
    _left[:] = [one for one in _left if one.poll() is None]
