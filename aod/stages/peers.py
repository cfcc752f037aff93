"""What collect does about names: from the kernel into the runtime folder, for who words a record.

The kernel tells a share with its TREE_CONNECT and a server with its trouble. What was mounted
before the programs were attached is read from the client's DebugData, once, and not waited for.
"""

import logging
from pathlib import Path
from typing import Final

from aod import peer_names
from aod.background import BackgroundRead
from aod.debugdata import parse
from aod.tracer import Tracer

DEBUGDATA: Final = Path("/proc/fs/cifs/DebugData")
PATIENCE_SEC: Final = 5.0


class Peers:
    """The names that the kernel's side knows, and the file of them."""

    def __init__(self, tracer: Tracer, runtime_dir: Path, log: logging.Logger):
        self._tracer, self._runtime_dir, self._log = tracer, runtime_dir, log
        self._reading: BackgroundRead | None = None
        self._written: int | None = None

    def look_at_mounts(self, path: Path = DEBUGDATA) -> None:
        """Begin to find out what is mounted already."""
        self.close()
        try:
            self._reading = BackgroundRead(path, PATIENCE_SEC)
        except OSError as error:
            self._log.error("%s cannot be read: %s", path, error)

    def tick(self) -> None:
        """Take what was found out; write what is new."""
        self._take()
        changed = self._tracer.names_changed  # before the names: what comes between is written next
        if changed == self._written:
            return
        self._written = changed
        try:
            peer_names.write(self._runtime_dir, self._tracer.names())
        except OSError as error:
            self._log.error("names of shares and servers cannot be kept: %s", error)

    def _take(self) -> None:
        if self._reading is None or (text := self._reading.result()) is None:
            return
        self._reading = None
        self._tracer.add_names(parse(text.decode(errors="replace")))

    def close(self) -> None:
        """Leave what is being read."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None
