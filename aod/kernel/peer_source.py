"""Names of shares and servers: from the kernel to the runtime folder, for the words of a record.

The kernel traces a share's name with its TREE_CONNECT, and a server's with its connection events.
Names of earlier mounts are read from the client's DebugData, once, in the background."""

import logging
from pathlib import Path
from typing import Final

from aod.kernel.background_read import BackgroundRead, reap
from aod.kernel.tracer import Tracer
from aod.smb import peers
from aod.smb.debugdata import parse
from aod.smb.peers import Names

DEBUGDATA: Final = Path("/proc/fs/cifs/DebugData")
PATIENCE_SEC: Final = 5.0


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
        self._take_mounts()
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

    def _take_mounts(self) -> None:
        if self._reading is None:
            reap()
        elif (text := self._reading.result()) is not None:
            self._reading = None
            self._tracer.add_names(parse(text.decode(errors="replace")))

    def close(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None
