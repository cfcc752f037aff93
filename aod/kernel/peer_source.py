"""Names of shares and servers: from the kernel to the runtime folder, for the words of a record.

The kernel traces a share's name with its TREE_CONNECT, and a server's with its connection events.
Names of earlier mounts, and whose the further connections of a session are (multichannel), stand
only in the client's DebugData. It is read in the background: once at the beginning, and a moment
after a session is new."""

import logging
import time
from math import inf
from pathlib import Path
from typing import Final

from aod.kernel.background_read import BackgroundRead, reap
from aod.kernel.client_files import DEBUGDATA, ProcCifs, why_not
from aod.kernel.tracer import Tracer
from aod.log import WarnOnce
from aod.smb import peers
from aod.smb.peers import Names, parse_debugdata

PATIENCE_SEC: Final = 5.0
SETTLE_SEC: Final = 2.0
"""From a session's first share to its last connection: a mount makes them one after the other."""
AGAIN_SEC: Final = 10.0
"""Between two looks: sessions may come and go all the time."""


class Peers:
    """The names that the maps in the kernel hold; also in a file, if wanted.

    Attributes:
        policy: whether DebugData may be read."""

    def __init__(
        self,
        tracer: Tracer,
        logger: logging.Logger,
        runtime_dir: Path,
        policy: ProcCifs,
        *,
        publish: bool = True,
    ):
        """Without `publish` there is no file; the runtime folder also has the readers' lock."""
        self.policy = policy
        self._tracer, self._logger, self._runtime_dir = tracer, logger, runtime_dir
        self._warn_once = WarnOnce(logger)
        self._publish = publish
        self._reading: BackgroundRead | None = None
        self._seen: int | None = None
        self._sessions: set[int] = set()
        """Those whose connections are known, or will be after the next look."""
        self._newest = -inf
        """When the last of them was seen, in monotonic seconds."""
        self._due, self._earliest = inf, 0.0
        """When to look again, and not before when."""
        self._path = DEBUGDATA

    def look_at_mounts(self, path: Path = DEBUGDATA) -> None:
        """Begin to read the names of what is mounted."""
        self.close()
        now, self._path = time.monotonic(), path
        self._earliest = now + AGAIN_SEC
        self._due = inf if now >= self._newest + SETTLE_SEC else self._earliest
        if why := why_not(path, self.policy):
            self._warn_once(f"{why}; servers of earlier mounts and of further channels: no names")
        else:
            self._reading = BackgroundRead(path, self._runtime_dir, PATIENCE_SEC)

    def update(self) -> Names | None:
        """All names, if there are new ones since the last call; the file is replaced then."""
        self._read_on()
        changed = self._tracer.names_changed  # before the names: none that come now are missed
        if changed == self._seen:
            return None
        self._seen, names = changed, self._tracer.names()
        self._plan_a_look(names)
        if self._publish:
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

    def _read_on(self) -> None:
        if self._reading is None:
            reap()
            if time.monotonic() >= self._due:
                self.look_at_mounts(self._path)
        elif (text := self._reading.result()) is not None:
            why, self._reading = self._reading.why_not, None
            if why:
                self._warn_once(f"{self._path}: {why}")
                self._due = self._earliest
            found = parse_debugdata(text.decode(errors="replace"))
            self._sessions |= {session for session, _ in found.shares}
            self._tracer.add_names(found)

    def _plan_a_look(self, names: Names) -> None:
        sessions = {session for session, _ in names.shares}
        if sessions - self._sessions:
            self._newest = time.monotonic()
            self._due = min(self._due, max(self._newest + SETTLE_SEC, self._earliest))
        self._sessions = sessions
