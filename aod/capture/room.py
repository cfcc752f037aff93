"""Room for one more bundle: the output folder never holds more than its limit and one bundle.

A capture that is done gives its bundle the name only when cleanup has nothing left to delete for
size; one at a time, so that no two take the same room. It waits for cleanup, not for ever: evidence
is worth more than the limit.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aod.bundles import retention
from aod.bundles.retention import Entry
from aod.config.schema import Config
from aod.files import opened_folder
from aod.transport.wire import Sealed

WAIT_SEC: Final = 2.0
_POLL_SEC: Final = 0.01


class Room:
    """The room in one output folder, for all captures of one event loop."""

    def __init__(
        self, config: Config, logger: logging.Logger, to_cleanup: Callable[[Sealed], object]
    ) -> None:
        """`to_cleanup` sends it a message."""
        self._folder: Path = config.aod_output_dir
        self._limit_bytes = retention.max_bytes(config.cleanup)
        self._logger = logger
        self.to_cleanup = to_cleanup
        self._lock = asyncio.Lock()
        self._in_vain = False

    def use(self, config: Config) -> None:
        """Take the limit of another configuration; the folder is the same."""
        self._limit_bytes = retention.max_bytes(config.cleanup)

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """In the block, one bundle may get its name.

        Where nobody makes room, each that comes is let in, and this is said once.
        """
        async with self._lock:
            await self._wait()
            yield

    async def _wait(self) -> None:
        deadline = time.monotonic() + (0 if self._in_vain else WAIT_SEC)
        rung = False
        while (newest := await asyncio.to_thread(self._newest_of_too_much)) is not None:
            if not rung:
                self._ring_for(newest)
            rung = True
            if time.monotonic() >= deadline:
                self._give_up()
                return
            await asyncio.sleep(_POLL_SEC)
        self._in_vain = False

    def _ring_for(self, newest: Entry) -> None:
        """As whoever sealed it should have done, and may have died before."""
        path = str(self._folder / newest.name)
        self.to_cleanup(Sealed(newest.timestamp, path, newest.size_bytes))

    def _give_up(self) -> None:
        if not self._in_vain:
            self._logger.warning(
                "%s holds more than cleanup.max_total_log_size_mb, and cleanup does not make room",
                self._folder,
            )
        self._in_vain = True

    def _newest_of_too_much(self) -> Entry | None:
        """The newest bundle, if there is no room."""
        try:
            with opened_folder(self._folder) as folder_fd:
                entries = retention.scan(folder_fd)
        except OSError:
            return None  # what is wrong with the folder, the rename says
        return None if retention.has_room(entries, self._limit_bytes) else max(entries)
