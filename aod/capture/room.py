"""Room for one more bundle: the output folder never holds more than its limit and one bundle.

A capture that is done gives its bundle the name only when cleanup has nothing left to delete for
size; one at a time, so that no two take the same room. It waits for cleanup, not for ever: evidence
is worth more than the limit."""

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
from aod.log import WarnOnce
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
        self._warn_once = WarnOnce(logger)
        self.to_cleanup = to_cleanup
        self._lock = asyncio.Lock()
        self._in_vain = False

    def use(self, config: Config) -> None:
        """Take the limit of another configuration; the folder is the same."""
        self._limit_bytes = retention.max_bytes(config.cleanup)

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """In the block, one bundle may get its name.

        Where nobody makes room, each that comes is let in, and that is logged once."""
        async with self._lock:
            await self._wait()
            yield

    async def _wait(self) -> None:
        """Until cleanup has made room, or has had its time."""
        deadline = time.monotonic() + (0 if self._in_vain else WAIT_SEC)
        asked = False
        while (newest := await asyncio.to_thread(self._newest_of_too_much)) is not None:
            if not asked:  # as its maker should have done, and may have died before
                path = str(self._folder / newest.name)
                self.to_cleanup(Sealed(newest.timestamp, path, newest.size_bytes))
            asked = True
            if time.monotonic() >= deadline:
                self._in_vain = True
                limit = "cleanup.max_total_log_size_mb"
                self._warn_once(
                    f"{self._folder} holds more than {limit}, and cleanup makes no room"
                )
                return
            await asyncio.sleep(_POLL_SEC)
        self._in_vain = False
        self._warn_once.clear()

    def _newest_of_too_much(self) -> Entry | None:
        """The newest bundle, if there is no room."""
        try:
            with opened_folder(self._folder) as folder_fd:
                entries = retention.scan(folder_fd)
        except OSError:
            return None  # the rename will raise what is wrong
        return None if retention.has_room(entries, self._limit_bytes) else max(entries)
