"""Names of shares and servers: from the kernel to the runtime folder, for the words of a record.

The kernel traces a share's name with its TREE_CONNECT, and a server's with its connection events.
Names of earlier mounts are read from the client's DebugData, once, in the background."""

import logging
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, cast

from aod.kernel.tracer import Tracer
from aod.smb import peers
from aod.smb.peers import Names, parse_debugdata

DEBUGDATA: Final = Path("/proc/fs/cifs/DebugData")
PATIENCE_SEC: Final = 5.0
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


class Peers:
    """The names that the maps in the kernel hold; with a runtime folder, also in a file there."""

    def __init__(self, tracer: Tracer, logger: logging.Logger, runtime_dir: Path | None = None):
        self._tracer, self._logger, self._runtime_dir = tracer, logger, runtime_dir
        self._reading: BackgroundRead | None = None
        self._seen: int | None = None

    def look_at_mounts(self, path: Path = DEBUGDATA) -> None:
        """Begin to read the names of what is mounted already."""
        self.close()
        try:
            self._reading = BackgroundRead(path, PATIENCE_SEC)
        except OSError as error:
            self._logger.error("%s cannot be read: %s", path, error)

    def update(self) -> Names | None:
        """All names, if there are new ones since the last call; the file is replaced then."""
        if self._reading is None:
            reap()
        elif (text := self._reading.result()) is not None:
            self._reading = None
            self._tracer.add_names(parse_debugdata(text.decode(errors="replace")))
        changed = self._tracer.names_changed  # before the names: none that come now are missed
        if changed == self._seen:
            return None
        self._seen, names = changed, self._tracer.names()
        if self._runtime_dir is not None:
            try:
                peers.FILE.write(self._runtime_dir, names)
            except OSError as error:
                self._logger.error("names of shares and servers cannot be written: %s", error)
        return names

    def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None
