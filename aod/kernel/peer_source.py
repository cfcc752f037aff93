"""What collect does about names: from the kernel into the runtime folder, for who words a record.

The kernel tells a share with its TREE_CONNECT and a server with its trouble. What was mounted
before the programs were attached is read from the client's DebugData, once, and not waited for.
"""

import logging
from pathlib import Path
from typing import Final

from aod.kernel.background_read import BackgroundRead, reap
from aod.kernel.tracer import Tracer
from aod.smb import peers as peer_names
from aod.smb.debugdata import parse
from aod.smb.peers import Names

DEBUGDATA: Final = Path("/proc/fs/cifs/DebugData")
PATIENCE_SEC: Final = 5.0


class KnownPeers:
    """The names that the kernel's side knows."""

    def __init__(self, tracer: Tracer, log: logging.Logger):
        self._tracer, self._log = tracer, log
        self._reading: BackgroundRead | None = None
        self._told: int | None = None

    def look_at_mounts(self, path: Path = DEBUGDATA) -> None:
        """Begin to find out what is mounted already."""
        self.close()
        try:
            self._reading = BackgroundRead(path, PATIENCE_SEC)
        except OSError as error:
            self._log.error("%s cannot be read: %s", path, error)

    def news(self) -> Names | None:
        """All names, if there are new ones since the last call."""
        self._take()
        changed = self._tracer.names_changed  # before the names: what comes between is told next
        if changed == self._told:
            return None
        self._told = changed
        return self._tracer.names()

    def _take(self) -> None:
        if self._reading is None:
            return reap()
        if (text := self._reading.result()) is None:
            return None
        self._reading = None
        self._tracer.add_names(parse(text.decode(errors="replace")))
        return None

    def close(self) -> None:
        """Leave what is being read."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None


class Peers(KnownPeers):
    """These names, and the file of them."""

    def __init__(self, tracer: Tracer, runtime_dir: Path, log: logging.Logger):
        super().__init__(tracer, log)
        self._runtime_dir = runtime_dir

    def tick(self) -> None:
        """Take what was found out; write what is new."""
        if (names := self.news()) is None:
            return
        try:
            peer_names.FILE.write(self._runtime_dir, names)
        except OSError as error:
            self._log.error("names of shares and servers cannot be kept: %s", error)
